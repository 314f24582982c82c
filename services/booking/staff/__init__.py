"""Accounts of the staff, sign-in, and the record of what they did."""

from collections.abc import Collection
from dataclasses import dataclass

from services.booking.domain.actors import EVERYWHERE
from services.booking.staff.accounts import Accounts, ensure_account_indexes
from services.booking.staff.administration import Administration
from services.booking.staff.attempts import Attempts, ensure_attempt_indexes
from services.booking.staff.audit import Audit, ensure_audit_indexes
from services.booking.staff.oidc import Provider
from services.booking.staff.passwords import Passwords
from services.booking.staff.sessions import Sessions, ensure_session_indexes
from services.booking.staff.settings import OidcSettings
from services.booking.staff.signin import SignIn
from services.booking.staff.single_sign_on import SingleSignOn
from services.booking.tokens import Keys
from shared.mongo import Database, DatabaseClock


@dataclass(frozen=True, slots=True)
class Staff:
    """`single_sign_on` is None where no identity provider is set.

    `public_url` is where staff come in, `citizens_url` where everybody does: staff's own listener serves no other
    pages. Neither has a slash at its end.
    """

    accounts: Accounts
    sessions: Sessions
    sign_in: SignIn
    administration: Administration
    audit: Audit
    single_sign_on: SingleSignOn | None
    public_url: str
    citizens_url: str

    def link_url(self, secret: str) -> str:
        """The page on which a one-time link sets a password."""
        return f"{self.public_url}/staff/password?token={secret}"


def make_staff(
    database: Database,
    *,
    clock: DatabaseClock,
    keys: Keys,
    offices: Collection[str],
    public_url: str,
    citizens_url: str | None = None,
    oidc: OidcSettings | None = None,
    passwords: Passwords | None = None,
) -> Staff:
    """Raises ValueError where the identity provider's roles belong to an office that is not here."""
    accounts, sessions = Accounts(database), Sessions(database)
    audit = Audit(database, clock=clock)
    attempts = Attempts(database, keys=keys)
    public_url = public_url.rstrip("/")
    sign_in = SignIn(accounts, sessions, passwords or Passwords(), attempts, audit, clock)
    single_sign_on = None
    if oidc:
        _check_offices(oidc, offices)
        provider = Provider(oidc, keys=keys, redirect_uri=f"{public_url}/v1/staff/oidc/callback")
        single_sign_on = SingleSignOn(provider, oidc, accounts, sessions, sign_in, audit, clock)
    return Staff(
        accounts=accounts,
        sessions=sessions,
        sign_in=sign_in,
        administration=Administration(accounts, sessions, audit, clock, offices),
        audit=audit,
        single_sign_on=single_sign_on,
        public_url=public_url,
        citizens_url=(citizens_url or public_url).rstrip("/"),
    )


def _check_offices(oidc: OidcSettings, offices: Collection[str]) -> None:
    for value, grant in oidc.grants.items():
        if grant.office not in (EVERYWHERE, *offices):
            raise ValueError(f"BOOKING_OIDC_ROLES: {value!r} belongs to {grant.office!r}, which is no office here")


async def ensure_staff_indexes(database: Database) -> None:
    """At start, before anybody can sign in."""
    await ensure_account_indexes(database)
    await ensure_session_indexes(database)
    await ensure_attempt_indexes(database)
    await ensure_audit_indexes(database)
