import pytest

from services.booking.domain.actors import (
    EVERYWHERE,
    PERMISSIONS,
    RIGHTS,
    ROLES,
    BadPlace,
    Permission,
    Role,
    SignedIn,
    check_place,
    may,
    staff,
)

# Written down a second time on purpose: a right that moves by accident shows here.
EXPECTED: dict[Role, set[Permission]] = {
    "service_point": {"see_day", "see_person", "serve", "book"},
    "caseworker": {"see_day", "see_person", "serve", "book", "invite"},
    "lead": {"see_day", "see_person", "serve", "book", "invite", "schedule", "audit"},
    "admin": {"see_day", "schedule", "staff", "audit"},
    "read_only": {"see_day"},
}


def somebody(*roles: Role, office: str = "zollernalbkreis") -> SignedIn:
    return SignedIn("an-account", office, roles, "a-session")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_has_exactly_its_rights(role: Role) -> None:
    assert {permission for permission in PERMISSIONS if may([role], permission)} == EXPECTED[role]


def test_every_right_is_somebodys() -> None:
    assert set().union(*RIGHTS.values()) == set(PERMISSIONS)


def test_rights_of_several_roles_add_up() -> None:
    assert somebody("admin", "service_point").may("see_person")
    assert somebody("admin", "service_point").may("staff")
    assert not somebody("admin").may("see_person")


def test_nobody_without_a_role_may_do_anything() -> None:
    assert not any(somebody().may(permission) for permission in PERMISSIONS)


def test_an_account_serves_its_own_office_only() -> None:
    assert somebody("lead").serves("zollernalbkreis")
    assert not somebody("lead").serves("tuttlingen")
    assert not somebody("lead").serves(EVERYWHERE)
    assert somebody("admin", office=EVERYWHERE).serves("tuttlingen")


def test_only_administrators_belong_to_all_offices() -> None:
    check_place(["lead"], "zollernalbkreis")
    check_place(["lead", "admin"], EVERYWHERE)
    with pytest.raises(BadPlace):
        check_place(["lead"], EVERYWHERE)


def test_staff_acts_under_its_account() -> None:
    assert somebody("lead").actor == staff("an-account")
