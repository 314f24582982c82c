"""Which roles an identity provider gives, and which settings of it are taken."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from services.booking.settings import Settings
from services.booking.staff.settings import Grant, OidcSettings
from services.booking.staff.single_sign_on import ContradictoryGrants, NoRoleGranted, granted

LEAD = Grant(office="zollernalbkreis", roles=("lead",))
DESK = Grant(office="zollernalbkreis", roles=("service_point",))
ELSEWHERE = Grant(office="tuttlingen", roles=("lead",))
WHOLE: dict[str, Any] = {
    "oidc_issuer": "https://id.example.org/realms/amt",
    "oidc_client_id": "amtstermin",
    "oidc_roles": {"abh-lead": LEAD},
}


def settings(**values: Any) -> Settings:
    secret = SecretStr("k1:" + "0" * 64)
    keys: dict[str, Any] = {
        "signing_keys": secret,
        "contact_keys": secret,
        "contact_public_keys": "n1:" + "0" * 64,
    }
    return Settings(mongodb_uri=secret, amqp_url=secret, **keys, **values)


def provider(claim: str = "roles") -> OidcSettings:
    grants = {"abh-lead": LEAD, "abh-desk": DESK, "elsewhere": ELSEWHERE}
    return OidcSettings(
        issuer="https://id.example.org",
        client_id="amtstermin",
        client_secret=None,
        roles_claim=claim,
        grants=grants,
    )


def test_without_an_issuer_there_is_no_provider() -> None:
    assert settings().oidc is None


def test_a_whole_provider_is_taken_as_given() -> None:
    oidc = settings(**WHOLE).oidc
    assert oidc
    assert (oidc.issuer, oidc.grants) == ("https://id.example.org/realms/amt", {"abh-lead": LEAD})


@pytest.mark.parametrize(
    "changes",
    [
        {"oidc_issuer": None},
        {"oidc_client_id": None},
        {"oidc_roles": {}},
        {"oidc_issuer": "http://id.example.org"},
        {"oidc_roles": {"x": {"office": "*", "roles": ["lead"]}}},
        {"oidc_roles": {"x": {"office": "zollernalbkreis", "roles": []}}},
        {"oidc_roles": {"x": {"office": "zollernalbkreis", "roles": ["boss"]}}},
    ],
)
def test_half_or_unsafe_provider_settings_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**{**WHOLE, **changes})


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("roles", {"roles": ["abh-lead", "other"]}),
        ("roles", {"roles": "abh-lead"}),
        ("realm_access.roles", {"realm_access": {"roles": ["abh-lead"]}}),
        ("https://amt.example/roles", {"https://amt.example/roles": ["abh-lead"]}),
    ],
)
def test_a_claim_is_found_by_name_or_path(claim: str, claims: dict[str, Any]) -> None:
    assert granted(claims, provider(claim)) == LEAD


@pytest.mark.parametrize(
    "claims", [{}, {"roles": None}, {"roles": ["other"]}, {"roles": [1, {"abh-lead": 1}]}, {"roles": {"a": 1}}]
)
def test_other_claims_grant_no_role(claims: dict[str, Any]) -> None:
    with pytest.raises(NoRoleGranted):
        granted(claims, provider())


def test_roles_of_one_office_add_up() -> None:
    roles = granted({"roles": ["abh-lead", "abh-desk", "abh-lead"]}, provider()).roles
    assert roles == ("lead", "service_point")


def test_roles_of_two_offices_are_refused() -> None:
    with pytest.raises(ContradictoryGrants):
        granted({"roles": ["abh-lead", "elsewhere"]}, provider())
