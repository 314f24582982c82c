"""OpenID Connect: the authorization code flow with PKCE and nonce, as a client of the office's own provider."""

import asyncio
import secrets
import time
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import AfterValidator, BaseModel

from services.booking.staff.settings import OidcSettings, secure_address
from services.booking.tokens import Keys
from shared.observability import get_logger

with warnings.catch_warnings():
    from authlib.deprecate import AuthlibDeprecationWarning

    # It says that httpx has a successor; both work, and httpx is what the rest of this project uses.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.common.errors import AuthlibBaseError
    from authlib.integrations.httpx_client import AsyncOAuth2Client
    from authlib.oidc.core import CodeIDToken

import httpx

log = get_logger()

_SIGNED_WITHIN = timedelta(minutes=10)
_WITHIN_S = 6.0
_METADATA_KEPT_S = 3600.0
_LEEWAY_S = 60
# Public keys only: with a shared secret, whoever may read our settings could sign.
_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"})


class ProviderAway(Exception):
    """The identity provider does not answer, or not as one."""


class NotGenuine(Exception):
    """The answer does not belong to a sign-in that began in this browser, or its token is not right."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and the cookie that it must bring back within `lasts`."""

    url: str
    cookie: str
    lasts: timedelta = _SIGNED_WITHIN


@dataclass(frozen=True, slots=True)
class Return:
    """What the browser came back with."""

    code: str | None
    state: str
    issuer: str | None
    cookie: str


Endpoint = Annotated[str, AfterValidator(secure_address)]


class Metadata(BaseModel):
    """What is used of OpenID Connect Discovery 1.0, section 3."""

    issuer: str
    authorization_endpoint: Endpoint
    token_endpoint: Endpoint
    jwks_uri: Endpoint
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)


class PublishedKeys(BaseModel):
    """RFC 7517, section 5."""

    keys: list[dict[str, Any]]


class Provider:
    """State, nonce and PKCE verifier follow from the cookie by our key: nothing is stored, so nothing can be
    flooded, and an answer fits only the browser that asked for it."""

    def __init__(self, settings: OidcSettings, *, keys: Keys, redirect_uri: str) -> None:
        self._settings = settings
        self._keys = keys
        self._redirect_uri = redirect_uri
        self._metadata: tuple[float, Metadata] | None = None
        self._key_set: KeySet | None = None

    @property
    def issuer(self) -> str:
        return self._settings.issuer

    async def depart(self, *, now: datetime) -> Departure:
        """Raises ProviderAway."""
        cookie = f"{secrets.token_urlsafe(32)}.{int((now + _SIGNED_WITHIN).timestamp())}"
        async with _answering(), self._client() as client:
            metadata = await self._discover(client)
            url, _ = client.create_authorization_url(
                metadata.authorization_endpoint,
                state=self._derived("state", cookie),
                nonce=self._derived("nonce", cookie),
                code_verifier=self._derived("verifier", cookie),
            )
        return Departure(url, cookie)

    async def arrive(self, back: Return, *, now: datetime) -> Mapping[str, Any]:
        """The claims of the verified id token. Raises NotGenuine, ProviderAway."""
        self._check(back, now)
        async with _answering(), self._client() as client:
            metadata = await self._discover(client)
            try:
                token = await client.fetch_token(
                    metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=back.code,
                    code_verifier=self._derived("verifier", back.cookie),
                )
                return await self._claims(client, metadata, token, back.cookie, now)
            except (AuthlibBaseError, JoseError) as error:
                raise NotGenuine(str(error.error)[:40]) from error

    def _check(self, back: Return, now: datetime) -> None:
        if not secrets.compare_digest(back.state.encode(), self._derived("state", back.cookie).encode()):
            raise NotGenuine("state")
        until = back.cookie.rpartition(".")[2]
        if not until.isdigit() or int(until) <= now.timestamp():
            raise NotGenuine("too_late")
        if back.issuer not in (None, self.issuer):
            raise NotGenuine("issuer")
        if not back.code:
            raise NotGenuine("no_code")

    async def _claims(
        self, client: Any, metadata: Metadata, token: dict[str, Any], cookie: str, now: datetime
    ) -> Mapping[str, Any]:
        algorithms = sorted(_ALGORITHMS.intersection(metadata.id_token_signing_alg_values_supported))
        registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
        decoded = await self._decode(client, metadata, str(token.get("id_token")), registry)
        options: dict[str, Any] = {
            "sub": {"essential": True},
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
        }
        expected = {
            "nonce": self._derived("nonce", cookie),
            "client_id": self._settings.client_id,
            "access_token": token.get("access_token"),
        }
        claims = CodeIDToken(decoded.claims, decoded.header, options, expected)
        claims.validate(now=int(now.timestamp()), leeway=_LEEWAY_S)
        return dict(claims)

    async def _decode(self, client: Any, metadata: Metadata, token: str, registry: JWSRegistry) -> jwt.Token:
        """Asks for the keys anew where the token names one that is not known yet."""
        if self._key_set:
            try:
                return jwt.decode(token, self._key_set, registry=registry)
            except InvalidKeyIdError:
                pass
        published = PublishedKeys.model_validate(await _fetch(client, metadata.jwks_uri))
        self._key_set = KeySet.import_key_set({"keys": published.keys})
        return jwt.decode(token, self._key_set, registry=registry)

    async def _discover(self, client: Any) -> Metadata:
        if self._metadata and time.monotonic() - self._metadata[0] < _METADATA_KEPT_S:
            return self._metadata[1]
        address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        metadata = Metadata.model_validate(await _fetch(client, address))
        if metadata.issuer != self.issuer:
            raise ValueError("the provider calls itself by another name")
        self._metadata = (time.monotonic(), metadata)
        return metadata

    def _client(self) -> Any:
        secret = self._settings.client_secret
        return AsyncOAuth2Client(
            client_id=self._settings.client_id,
            client_secret=secret.get_secret_value() if secret else None,
            scope="openid profile",
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=3.0,
        )

    def _derived(self, what: str, cookie: str) -> str:
        return self._keys.digest(f"oidc {what}|{cookie}")


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """No answer in time, or one of another shape than the standard's, is ProviderAway."""
    try:
        async with asyncio.timeout(_WITHIN_S):
            yield
    except (httpx.HTTPError, TimeoutError, ValueError) as error:
        log.warning("identity_provider_away", error=type(error).__name__)
        raise ProviderAway from error


async def _fetch(client: Any, url: str) -> Any:
    answer = await client.request("GET", url, withhold_token=True)
    answer.raise_for_status()
    return answer.json()
