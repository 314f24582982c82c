"""Settings of the booking service, prefix `BOOKING_`."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.booking.guard.addresses import Network, ProxyHeader
from services.booking.staff.settings import Grant, Issuer, OidcSettings
from shared.phones import read_countries
from shared.settings import CommonSettings


def _countries(value: Any) -> Any:
    return (read_countries(value) if value.strip() else ()) if isinstance(value, str) else value


def _networks(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _address(value: Any) -> Any:
    return (value.rpartition(":")[::2] if value else None) if isinstance(value, str) else value


class Settings(CommonSettings):
    model_config = SettingsConfigDict(env_prefix="BOOKING_", extra="ignore", hide_input_in_errors=True)

    mongodb_database: str = "booking"
    # Where citizens reach this service: the links in messages begin with it.
    public_url: HttpUrl = HttpUrl("http://127.0.0.1:8000")
    # Where the doctor meets the proxy of `public_url`, as host:port: its name may lead there from outside alone.
    public_connect: Annotated[tuple[str, int] | None, NoDecode, BeforeValidator(_address)] = None
    # Where staff reach it, where that is another address: links that set a password begin with it.
    staff_url: HttpUrl | None = None
    offices: Path = Path("deploy/offices")
    # "k1:<hex>[,k0:<hex>]": the first signs, all verify.
    signing_keys: SecretStr
    # "k1:<hex>[,k0:<hex>]": the first wraps the data keys of new appointments, all unwrap.
    contact_keys: SecretStr
    # Notification's: booking can wrap for it, and not unwrap.
    contact_public_keys: str
    # The wrapped data keys lie apart from the data, on another server where one is named.
    keys_database: str = "booking_keys"
    keys_mongodb_uri: SecretStr | None = None
    retention_every: timedelta = timedelta(minutes=1)
    # A file outside of every backup, which says whom a restore must erase again: when and which appointment.
    erasure_journal: Annotated[Path | None, BeforeValidator(lambda value: value or None)] = None
    # Who did what stays so long; then it is deleted.
    keep_audit: timedelta = Field(default=timedelta(days=365), ge=timedelta(days=1))
    # A folder for today's list as PDF, with names: for the day when the network is down. None: no list.
    day_lists: Path | None = None
    day_lists_every: timedelta = timedelta(minutes=15)
    # How often is looked whether staff are to be told the day's list, or of new conflicts.
    staff_lists_every: timedelta = timedelta(seconds=30)
    # How often those who wait are offered what has become free.
    offer_every: timedelta = timedelta(seconds=5)
    # "off": no counting, no proof of work, no refusal. For measuring and for tests, never where citizens book.
    limits: Literal["on", "off"] = "on"
    # Holds within one minute, of all citizens together, above which everybody is asked for a proof of work.
    limits_proof_above: int = Field(default=60, ge=1)
    # "10.0.0.0/8, fd00::/8": only these may say on whose behalf they ask.
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = ()
    # The one that the proxies write; the other one is passed on unread and so is the client's own word.
    proxy_header: ProxyHeader = "X-Forwarded-For"
    # "DE,AT": mobile numbers of these countries can confirm by SMS, as in NOTIFICATION_SMS_COUNTRIES. Empty: none.
    sms_countries: Annotated[frozenset[str], NoDecode, BeforeValidator(_countries)] = frozenset()
    sweep_every: timedelta = timedelta(seconds=5)
    # How soon a change of an office's hours shows in what reporting calls planned, and a new hour's free times.
    supply_every: timedelta = timedelta(seconds=5)
    # While nothing is known about the message that asks to confirm, the time is kept this long.
    request_without_message: timedelta = timedelta(hours=24)
    # The office's own identity provider, beside local accounts; its address exactly as it names itself.
    oidc_issuer: Issuer | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_roles_claim: str = "roles"
    # JSON: {"<value of the claim>": {"office": "<id or *>", "roles": ["caseworker"]}}
    oidc_roles: dict[str, Grant] = Field(default_factory=dict)

    @property
    def oidc(self) -> OidcSettings | None:
        if self.oidc_issuer is None or self.oidc_client_id is None:
            return None
        return OidcSettings(
            issuer=self.oidc_issuer,
            client_id=self.oidc_client_id,
            client_secret=self.oidc_client_secret,
            roles_claim=self.oidc_roles_claim,
            grants=self.oidc_roles,
        )

    @model_validator(mode="after")
    def _all_of_oidc_or_nothing(self) -> Self:
        if self.oidc_issuer is None and (self.oidc_client_id or self.oidc_client_secret or self.oidc_roles):
            raise ValueError("BOOKING_OIDC_… is set without BOOKING_OIDC_ISSUER")
        if self.oidc_issuer is not None and not (self.oidc_client_id and self.oidc_roles):
            raise ValueError("BOOKING_OIDC_ISSUER needs BOOKING_OIDC_CLIENT_ID and BOOKING_OIDC_ROLES")
        return self
