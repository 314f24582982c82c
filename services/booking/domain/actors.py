"""Who does something, and what staff may do. Rights are data: one table from role to permissions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from shared.contracts.offices import practised_by

Role = Literal["service_point", "caseworker", "lead", "admin", "read_only"]
Permission = Literal[
    "see_day",  # today's list and the figures of the day, without persons
    "see_person",  # names and contact data of one appointment; every look is recorded
    "serve",  # check in, call, start, complete, no-show, and undo each
    "book",  # book, move and cancel for callers; walk-in tickets; correct names
    "invite",  # make links for services that are by invitation
    "schedule",  # hours, closures, absences, re-planning, close now
    "staff",  # accounts of the office
    "audit",  # who did what
]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
PERMISSIONS: Final[tuple[Permission, ...]] = get_args(Permission)

# The office of an account that belongs to the whole installation.
EVERYWHERE: Final = "*"

_DESK: Final[frozenset[Permission]] = frozenset({"see_day", "see_person", "serve", "book"})

# An admin sees no person: whoever looks after accounts and hours need not know who comes. One account may have
# several roles where one human being does both.
RIGHTS: Final[Mapping[Role, frozenset[Permission]]] = {
    "service_point": _DESK,
    "caseworker": _DESK | {"invite"},
    "lead": _DESK | {"invite", "schedule", "audit"},
    "admin": frozenset({"see_day", "schedule", "staff", "audit"}),
    "read_only": frozenset({"see_day"}),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Whose doing it is. `id` is the account's for staff, else None: citizens have no accounts."""

    kind: Literal["citizen", "staff", "system"]
    id: str | None = None


CITIZEN: Final = Actor("citizen")
SYSTEM: Final = Actor("system")


def staff(id: str) -> Actor:
    """The staff member of the account `id`."""
    return Actor("staff", id)


def may(roles: Iterable[Role], permission: Permission) -> bool:
    return any(permission in RIGHTS[role] for role in roles)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody of the staff who is at work now. `office` is an office's id or EVERYWHERE."""

    account_id: str
    office: str
    roles: tuple[Role, ...]
    session_id: str

    @property
    def actor(self) -> Actor:
        return staff(self.account_id)

    def may(self, permission: Permission) -> bool:
        return may(self.roles, permission)

    def serves(self, office: str) -> bool:
        """Their own office, and the one on which its people practise."""
        return self.office in (office, practised_by(office), EVERYWHERE)


class BadPlace(ValueError):
    """An account for every office is an administrator's."""

    def __init__(self) -> None:
        super().__init__(f"office {EVERYWHERE!r} needs the role 'admin'")


def check_place(roles: Iterable[Role], office: str) -> None:
    """Raises BadPlace."""
    if office == EVERYWHERE and "admin" not in roles:
        raise BadPlace
