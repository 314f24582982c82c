"""Sign-in by the office's identity provider, against one that speaks real HTTP."""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from deploy.local.stack import Stack
from services.booking.api.signed_in import COOKIE
from services.booking.staff.settings import Grant, OidcSettings
from tests.integration.staff.harness import OFFICE, OTHER_OFFICE, Counter, a_counter, kind
from tests.integration.staff.provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, an_identity_provider

pytestmark = pytest.mark.anyio
LOGIN = "/v1/staff/oidc/login"
LEAD: dict[str, Any] = {"roles": ["abh-lead"], "preferred_username": "Erika.M", "name": "Erika M."}


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with an_identity_provider() as provider:
        provider.claims = dict(LEAD)
        yield provider


@pytest.fixture
async def counter(servers: Stack, provider: IdentityProvider) -> AsyncIterator[Counter]:
    oidc = OidcSettings(
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
        roles_claim="roles",
        grants={
            "abh-lead": Grant(office=OFFICE, roles=("lead",)),
            "abh-desk": Grant(office=OFFICE, roles=("service_point",)),
            "other-lead": Grant(office=OTHER_OFFICE, roles=("lead",)),
        },
    )
    async with a_counter(servers, oidc=oidc) as counter:
        yield counter


async def arrive(counter: Counter, provider: IdentityProvider) -> httpx.Response:
    """The whole way of a browser, cookies included."""
    async with counter.client() as browser:
        departed = await browser.get(LOGIN)
        assert departed.status_code == 302
        return await browser.get(provider.sign_in(departed.headers["location"]))


async def test_a_granted_role_makes_an_account_and_a_session(counter: Counter, provider: IdentityProvider) -> None:
    answer = await arrive(counter, provider)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.json()["roles"], answer.json()["office"]) == (["lead"], OFFICE)
    async with counter.client(token=answer.json()["token"]) as client:
        me = (await client.get("/v1/staff/me")).json()
    assert (me["login"], me["name"]) == ("erika.m", "Erika M.")
    assert await counter.recorded(me["id"]) == ["account.added", "session.opened"]


async def test_the_cookie_is_for_this_way_only(counter: Counter) -> None:
    async with counter.client() as browser:
        cookie = (await browser.get(LOGIN)).headers["set-cookie"].lower()
    for part in ("httponly", "secure", "samesite=lax", "path=/v1/staff/oidc", "max-age=600"):
        assert part in cookie


async def test_the_same_person_comes_back_to_their_account(counter: Counter, provider: IdentityProvider) -> None:
    await arrive(counter, provider)
    provider.claims |= {"preferred_username": "erika.now.married", "roles": ["abh-desk", "abh-lead"]}

    again = await arrive(counter, provider)

    assert again.json()["roles"] == ["lead", "service_point"]
    assert await counter.database["staff"].count_documents({}) == 1


async def test_a_withdrawn_role_ends_every_session(counter: Counter, provider: IdentityProvider) -> None:
    token = (await arrive(counter, provider)).json()["token"]
    provider.claims["roles"] = ["something-else"]

    assert kind(await arrive(counter, provider)) == (403, "no-role")
    async with counter.client(token=token) as client:
        assert (await client.get("/v1/staff/me")).status_code == 401


async def test_without_a_role_no_account_is_made(counter: Counter, provider: IdentityProvider) -> None:
    provider.claims["roles"] = []

    assert kind(await arrive(counter, provider)) == (403, "no-role")
    assert await counter.database["staff"].count_documents({}) == 0


async def test_roles_of_two_offices_are_refused(counter: Counter, provider: IdentityProvider) -> None:
    provider.claims["roles"] = ["abh-lead", "other-lead"]
    assert kind(await arrive(counter, provider)) == (403, "several-offices")


async def test_a_disabled_account_stays_out(counter: Counter, provider: IdentityProvider) -> None:
    await arrive(counter, provider)
    account = await counter.staff.accounts.by_login("erika.m")
    assert account
    await counter.staff.accounts.disable(account.id, now=counter.clock.now())

    assert kind(await arrive(counter, provider)) == (403, "no-role")


async def test_an_account_without_password_is_linked(counter: Counter, provider: IdentityProvider) -> None:
    prepared, link = await counter.staff.administration.add(
        login="erika.m", name="Prepared", roles=["admin"], office=OFFICE
    )

    assert (await arrive(counter, provider)).json()["roles"] == ["lead"]

    account = await counter.staff.accounts.get(prepared.id)
    assert (account.subject is not None, account.roles_from_provider, account.roles) == (True, True, ("lead",))
    async with counter.client() as client:
        given = {"token": link.secret, "password": "another long one"}
        assert (await client.post("/v1/staff/password", json=given)).status_code == 410


async def test_a_name_at_the_provider_takes_no_local_account(counter: Counter, provider: IdentityProvider) -> None:
    """Names there may be chosen by their owners: whoever calls themselves as an administrator is not one."""
    await counter.account("admin", login="erika.m")

    assert kind(await arrive(counter, provider)) == (409, "login-taken")
    account = await counter.staff.accounts.by_login("erika.m")
    assert account
    assert (account.subject, account.roles) == (None, ("admin",))


async def test_another_person_of_the_same_name_is_refused(counter: Counter, provider: IdentityProvider) -> None:
    await arrive(counter, provider)
    provider.claims["sub"] = "person-2"
    assert kind(await arrive(counter, provider)) == (409, "login-taken")


async def test_an_account_of_the_provider_gets_no_password(counter: Counter, provider: IdentityProvider) -> None:
    await arrive(counter, provider)
    _, admin = await counter.at_work("admin")
    account = await counter.staff.accounts.by_login("erika.m")
    assert account

    answers = [
        await admin.post(f"/v1/staff/accounts/{account.id}/link"),
        await admin.patch(f"/v1/staff/accounts/{account.id}", json={"roles": ["admin"]}),
    ]
    assert [kind(answer) for answer in answers] == [(409, "roles-from-provider")] * 2
    assert (await counter.sign_in("erika.m", password="")).status_code == 422
    assert (await counter.sign_in("erika.m")).status_code == 401


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def an_hour_ago() -> int:
    return int(time.time()) - 3600


WRONG: dict[str, dict[str, Any]] = {
    "nonce": {"nonce": "of another sign-in"},
    "no nonce": {"nonce": None},
    "audience": {"aud": "another-client"},
    "audience, for us": {"aud": "another-client", "azp": CLIENT_ID},
    "no audience": {"aud": None},
    "authorized party": {"aud": [CLIENT_ID, "x"], "azp": "x"},
    "issuer": {"iss": "https://id.example.org"},
    "expired": {"exp": an_hour_ago(), "iat": an_hour_ago() - 300},
    "no expiry": {"exp": None},
    "from the future": {"nbf": int(time.time()) + 3600},
    "no subject": {"sub": None},
    "empty subject": {"sub": ""},
    "access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_token_with_one_wrong_claim_is_refused(
    counter: Counter, provider: IdentityProvider, wrong: str
) -> None:
    provider.claims |= WRONG[wrong]

    assert kind(await arrive(counter, provider)) == (401, "oidc-refused")
    assert await counter.database["staff"].count_documents({}) == 0


async def test_several_audiences_are_taken_with_ours_authorized(
    counter: Counter, provider: IdentityProvider
) -> None:
    provider.claims |= {"aud": [CLIENT_ID, "account"], "azp": CLIENT_ID}
    assert (await arrive(counter, provider)).status_code == 200


async def test_a_token_signed_by_another_key_is_refused(counter: Counter, provider: IdentityProvider) -> None:
    published = provider.published
    provider.rotate()
    provider.published = published
    provider.header = {"kid": published[0].kid or ""}

    assert kind(await arrive(counter, provider)) == (401, "oidc-refused")


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a_token_that_anybody_could_sign_is_refused(
    counter: Counter, provider: IdentityProvider, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HS256 with the client's secret as the key: more than one party knows it."""

    def forged(nonce: str) -> str:
        now = int(time.time())
        claims = {**LEAD, "iss": provider.issuer, "aud": CLIENT_ID, "sub": "x", "nonce": nonce, "iat": now}
        header = {"alg": algorithm, "kid": provider.signing_key.kid}
        parts = (header, {**claims, "exp": now + 300})
        signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
        signature = hmac.digest(CLIENT_SECRET.encode(), signed.encode(), "sha256") if algorithm != "none" else b""
        return f"{signed}.{base64url(signature)}"

    monkeypatch.setattr(provider, "_id_token", forged)
    assert kind(await arrive(counter, provider)) == (401, "oidc-refused")


async def test_keys_are_asked_for_anew_after_a_rotation(counter: Counter, provider: IdentityProvider) -> None:
    await arrive(counter, provider)
    await arrive(counter, provider)
    assert provider.asked.count("/keys") == 1

    provider.rotate()

    assert (await arrive(counter, provider)).status_code == 200
    assert provider.asked.count("/keys") == 2
    assert provider.asked.count("/.well-known/openid-configuration") == 1


async def test_an_answer_fits_the_browser_that_asked(counter: Counter, provider: IdentityProvider) -> None:
    """Else an attacker could sign somebody else's browser in as the attacker."""
    async with counter.client() as attacker, counter.client() as victim:
        back = provider.sign_in((await attacker.get(LOGIN)).headers["location"])
        assert kind(await victim.get(back)) == (401, "oidc-refused")
        await victim.get(LOGIN)
        assert kind(await victim.get(back)) == (401, "oidc-refused")
        assert "/token" not in provider.asked


@pytest.mark.parametrize("state", [None, "", "x", "ä"])
async def test_a_wrong_state_is_refused(counter: Counter, provider: IdentityProvider, state: str | None) -> None:
    async with counter.client() as browser:
        back = provider.sign_in((await browser.get(LOGIN)).headers["location"])
        code = parse_qs(urlsplit(back).query)["code"][0]
        params = {"code": code} if state is None else {"code": code, "state": state}
        assert kind(await browser.get("/v1/staff/oidc/callback", params=params)) == (401, "oidc-refused")
    assert "/token" not in provider.asked


async def test_a_prolonged_cookie_is_refused(counter: Counter, provider: IdentityProvider) -> None:
    async with counter.client() as browser:
        back = provider.sign_in((await browser.get(LOGIN)).headers["location"])
        seed, _, until = browser.cookies["amtstermin_sign_in"].rpartition(".")
        cookie = f"amtstermin_sign_in={seed}.{int(until) + 3600}"
    async with counter.client() as other:
        assert kind(await other.get(back, headers={"Cookie": cookie})) == (401, "oidc-refused")
        assert (await other.get(back, headers={"Cookie": f"amtstermin_sign_in={seed}.{until}"})).status_code == 200


async def test_an_answer_after_ten_minutes_is_refused(counter: Counter, provider: IdentityProvider) -> None:
    async with counter.client() as browser:
        back = provider.sign_in((await browser.get(LOGIN)).headers["location"])
        counter.clock.ahead = timedelta(minutes=10, seconds=1)
        assert kind(await browser.get(back)) == (401, "oidc-refused")
    assert "/token" not in provider.asked


async def test_a_code_signs_in_once(counter: Counter, provider: IdentityProvider) -> None:
    async with counter.client() as browser:
        back = provider.sign_in((await browser.get(LOGIN)).headers["location"])
        cookie = f"amtstermin_sign_in={browser.cookies['amtstermin_sign_in']}"
        assert (await browser.get(back)).status_code == 200
        assert "amtstermin_sign_in" not in browser.cookies
        assert kind(await browser.get(back, headers={"Cookie": cookie})) == (401, "oidc-refused")


async def test_a_refusal_by_the_person_is_told(counter: Counter, provider: IdentityProvider) -> None:
    async with counter.client() as browser:
        state = parse_qs(urlsplit((await browser.get(LOGIN)).headers["location"]).query)["state"][0]
        params = {"error": "access_denied", "state": state}
        assert kind(await browser.get("/v1/staff/oidc/callback", params=params)) == (401, "oidc-refused")


async def test_another_issuers_answer_is_refused(counter: Counter, provider: IdentityProvider) -> None:
    """RFC 9207: an answer says whose it is."""
    async with counter.client() as browser:
        back = provider.sign_in((await browser.get(LOGIN)).headers["location"])
        other = httpx.URL(back).copy_set_param("iss", "https://id.example.org")
        assert kind(await browser.get(other)) == (401, "oidc-refused")
    assert "/token" not in provider.asked


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://id.example.org"},
        {"token_endpoint": "http://id.example.org/token"},
        {"jwks_uri": None},
    ],
)
async def test_an_unsafe_discovery_is_not_used(
    counter: Counter, provider: IdentityProvider, discovery: dict[str, Any]
) -> None:
    provider.discovery = discovery
    async with counter.client() as browser:
        assert kind(await browser.get(LOGIN)) == (503, "identity-provider-away")


async def test_an_absent_provider_harms_no_local_account(counter: Counter, provider: IdentityProvider) -> None:
    account = await counter.account("lead")
    async with counter.client() as browser:
        back = provider.sign_in((await browser.get(LOGIN)).headers["location"])
        provider.broken = True
        assert kind(await browser.get(back)) == (503, "identity-provider-away")

    assert (await counter.sign_in(account.login)).status_code == 201
    provider.broken = False
    assert (await arrive(counter, provider)).status_code == 200


async def test_without_a_provider_its_routes_say_so(servers: Stack) -> None:
    async with a_counter(servers) as counter, counter.client() as browser:
        assert kind(await browser.get(LOGIN)) == (404, "no-identity-provider")
        assert kind(await browser.get("/v1/staff/oidc/callback")) == (404, "no-identity-provider")


async def test_whoever_began_on_a_page_arrives_on_a_page_with_the_sessions_cookie(
    counter: Counter, provider: IdentityProvider
) -> None:
    async with counter.client() as browser:
        departed = await browser.get(LOGIN, params={"pages": "true"})
        answer = await browser.get(provider.sign_in(departed.headers["location"]))
        assert (answer.status_code, answer.headers["location"]) == (302, "/staff/arrived")
        assert answer.content == b""
        session = next(value for value in answer.headers.get_list("set-cookie") if value.startswith(COOKIE))
        assert all(part in session for part in ("HttpOnly", "Secure", "SameSite=strict"))
        assert (await browser.get("/v1/staff/me")).json()["login"] == "erika.m"


async def test_a_page_is_told_why_nobody_came_in(counter: Counter, provider: IdentityProvider) -> None:
    provider.claims["roles"] = ["something-else"]
    async with counter.client() as browser:
        departed = await browser.get(LOGIN, params={"pages": "true"})
        answer = await browser.get(provider.sign_in(departed.headers["location"]))
        assert answer.headers["location"] == "/staff/sign-in?fault=no-role"
        assert not [value for value in answer.headers.get_list("set-cookie") if value.startswith(COOKIE)]
