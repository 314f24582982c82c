"""Shapes of the staff's requests and answers."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, SecretStr, StringConstraints

from services.booking.api.schemas import Incoming
from services.booking.domain.actors import EVERYWHERE, PERMISSIONS, Permission, Role, SignedIn, may
from services.booking.domain.passwords import LONGEST, SHORTEST
from services.booking.staff.accounts import Account
from services.booking.staff.audit import Entry, Page
from services.booking.staff.sessions import Session
from services.booking.staff.signin import Opened, normal_login


def _no_controls(text: str) -> str:
    if not text.isprintable():
        raise ValueError("signs that cannot be seen cannot stand here")
    return text


def _once_each(roles: tuple[Role, ...]) -> tuple[Role, ...]:
    return tuple(sorted(set(roles)))


Login = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=2, max_length=100, pattern=r"^\S+$"),
    AfterValidator(_no_controls),
    AfterValidator(normal_login),
]
DisplayName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_no_controls)
]
Roles = Annotated[tuple[Role, ...], Field(min_length=1, max_length=5), AfterValidator(_once_each)]
OfficeOrAll = Annotated[
    str, StringConstraints(pattern=r"^(\*|[a-z0-9_-]{1,60})$"), Field(description=f"Id, or {EVERYWHERE}")
]
OneTimeSecret = Annotated[str, StringConstraints(min_length=20, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]


class SignInIn(Incoming):
    login: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    password: SecretStr = Field(min_length=1, max_length=LONGEST)


class PasswordIn(Incoming):
    token: OneTimeSecret = Field(description="Of the one-time link")
    password: SecretStr = Field(
        max_length=4 * LONGEST, description=f"{SHORTEST} to {LONGEST} signs; not the login"
    )


class OwnPasswordIn(Incoming):
    present: SecretStr = Field(min_length=1, max_length=LONGEST)
    password: SecretStr = Field(
        max_length=4 * LONGEST, description=f"{SHORTEST} to {LONGEST} signs; not the login"
    )


class AccountIn(Incoming):
    login: Login
    name: DisplayName | None = None
    roles: Roles
    office: OfficeOrAll | None = Field(default=None, description="One's own where it is not given")


class AccountChangesIn(Incoming):
    """What is left out stays."""

    name: DisplayName | None = None
    roles: Roles | None = None
    office: OfficeOrAll | None = None
    disabled: bool | None = Field(default=None, strict=True)


class SessionOut(BaseModel):
    token: str = Field(description="For 'Authorization: Bearer …'; shown now and never again")
    expires_at: datetime = Field(description="Moves on with use, up to ten hours after the sign-in")
    roles: tuple[Role, ...]
    permissions: list[Permission]
    office: str


class OwnSessionOut(BaseModel):
    id: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    current: bool


class MeOut(BaseModel):
    id: str
    login: str
    name: str | None
    office: str
    roles: tuple[Role, ...]
    permissions: list[Permission]


class AccountOut(BaseModel):
    id: str
    login: str
    name: str | None
    office: str
    roles: tuple[Role, ...]
    has_password: bool
    from_provider: bool = Field(description="The identity provider says what it may do")
    disabled_at: datetime | None
    created_at: datetime


class LinkOut(BaseModel):
    link: str = Field(description="Sets a password, once; hand it to the person and nobody else")
    link_expires_at: datetime


class AccountMadeOut(AccountOut, LinkOut):
    pass


class ActorOut(BaseModel):
    kind: str
    id: str | None


class EntryOut(BaseModel):
    id: str
    at: datetime
    actor: ActorOut
    action: str
    office: str
    subject: str | None = Field(description="The appointment or account it was done to")
    detail: dict[str, Any]


class AuditOut(BaseModel):
    """Newest first."""

    entries: list[EntryOut]
    next: str | None = Field(description="Give it as `after` for the next page; null at the end")


def permissions_of(roles: tuple[Role, ...]) -> list[Permission]:
    return [permission for permission in PERMISSIONS if may(roles, permission)]


def session_out(opened: Opened) -> SessionOut:
    account = opened.account
    return SessionOut(
        token=opened.token,
        expires_at=opened.session.expires_at,
        roles=account.roles,
        permissions=permissions_of(account.roles),
        office=account.office,
    )


def own_session_out(session: Session, *, somebody: SignedIn) -> OwnSessionOut:
    current = session.id == somebody.session_id
    return OwnSessionOut(
        id=session.id,
        created_at=session.created_at,
        seen_at=session.seen_at,
        expires_at=session.expires_at,
        current=current,
    )


def me_out(account: Account) -> MeOut:
    return MeOut(
        id=account.id,
        login=account.login,
        name=account.name,
        office=account.office,
        roles=account.roles,
        permissions=permissions_of(account.roles),
    )


def account_fields(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "login": account.login,
        "name": account.name,
        "office": account.office,
        "roles": account.roles,
        "has_password": account.password is not None,
        "from_provider": account.roles_from_provider,
        "disabled_at": account.disabled_at,
        "created_at": account.created_at,
    }


def audit_out(page: Page) -> AuditOut:
    return AuditOut(entries=[_entry_out(entry) for entry in page.entries], next=page.next)


def _entry_out(entry: Entry) -> EntryOut:
    return EntryOut(
        id=entry.id,
        at=entry.at,
        actor=ActorOut(kind=entry.actor.kind, id=entry.actor.id),
        action=entry.action,
        office=entry.office,
        subject=entry.subject,
        detail=dict(entry.detail),
    )
