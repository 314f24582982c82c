"""Sign-in with a local account, and who a token belongs to."""

from contextlib import suppress
from dataclasses import dataclass

from services.booking.domain.actors import SignedIn, staff
from services.booking.domain.passwords import check_password
from services.booking.staff.accounts import Account, Accounts
from services.booking.staff.attempts import Attempts
from services.booking.staff.audit import Audit
from services.booking.staff.passwords import Passwords, TooBusy
from services.booking.staff.sessions import Session, Sessions
from shared.mongo import DatabaseClock
from shared.observability import get_logger

log = get_logger()


class NoPassword(Exception):
    """The account signs in by the identity provider alone."""


class WrongPassword(Exception):
    """Not the present one, or it was changed meanwhile."""


class SignInRefused(Exception):
    """Login or password is wrong, or the account is disabled: which of them is not told."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session; `token` is shown now and never again."""

    token: str
    session: Session
    account: Account


@dataclass(frozen=True, slots=True)
class SignIn:
    accounts: Accounts
    sessions: Sessions
    passwords: Passwords
    attempts: Attempts
    audit: Audit
    clock: DatabaseClock

    async def with_password(self, *, login: str, password: str, address: str) -> Opened:
        """The same work whether or not the login exists. Raises Paused, SignInRefused, TooBusy."""
        login = normal_login(login)
        attempt = await self.attempts.begin(login=login, address=address, now=self.clock.now())
        account = await self.accounts.by_login(login)
        try:
            fits = await self.passwords.fits(password, account.password if account else None)
        except TooBusy:
            await self.attempts.not_looked_at(attempt)
            raise
        if account is None or not fits or account.disabled_at:
            # In the log alone: a record of its own would take a time that tells which logins there are.
            log.warning("staff_sign_in_refused", account_id=account.id if account else None)
            raise SignInRefused
        await self.attempts.succeeded(attempt)
        await self._renew_hash(account, password)
        return await self.open(account, by="password")

    async def open(self, account: Account, *, by: str) -> Opened:
        """A session for whoever has shown to be `account`, `by` what means."""
        token, session = await self.sessions.open(account.id, now=self.clock.now())
        await self.audit.record(
            staff(account.id), "session.opened", office=account.office, subject=account.id, detail={"by": by}
        )
        return Opened(token, session, account)

    async def set_password(self, *, secret: str, password: str) -> Account:
        """By a one-time link. Ends every session and pause of the account. Raises LinkUsedUp, WeakPassword,
        TooBusy."""
        account = await self.accounts.by_link(secret, now=self.clock.now())
        check_password(password, login=account.login)
        hash = await self.passwords.hash(password)
        account = await self.accounts.use_link(secret, password=hash, now=self.clock.now())
        await self.sessions.close_all(account.id)
        await self.attempts.forget(account.login)
        await self.audit.record(
            staff(account.id), "account.password_set", office=account.office, subject=account.id
        )
        return account

    async def change_password(self, somebody: SignedIn, *, present: str, password: str, address: str) -> None:
        """By whoever knows the present one; ends every other session. Wrong ones count as at the sign-in.

        Raises Paused, WrongPassword, WeakPassword, TooBusy; NoPassword where only the provider signs in.
        """
        account = await self.accounts.get(somebody.account_id)
        if account.password is None:
            raise NoPassword
        check_password(password, login=account.login)
        attempt = await self.attempts.begin(login=account.login, address=address, now=self.clock.now())
        try:
            fits = await self.passwords.fits(present, account.password)
        except TooBusy:
            await self.attempts.not_looked_at(attempt)
            raise
        if not fits:
            raise WrongPassword
        await self.attempts.succeeded(attempt)
        if not await self.accounts.renew_hash(account, await self.passwords.hash(password)):
            raise WrongPassword
        await self.sessions.close_all(account.id, but=somebody.session_id)
        await self.audit.record(
            somebody.actor, "account.password_changed", office=account.office, subject=account.id
        )

    async def who(self, token: str) -> SignedIn | None:
        """Roles and office as the account has them now; None where the session or the account is over."""
        session = await self.sessions.find(token, now=self.clock.now())
        if session is None:
            return None
        account = await self.accounts.find(session.account_id)
        if account is None or account.disabled_at:
            return None
        return SignedIn(account.id, account.office, account.roles, session.id)

    async def _renew_hash(self, account: Account, password: str) -> None:
        if account.password and self.passwords.outdated(account.password):
            # Another time is as good.
            with suppress(TooBusy):
                await self.accounts.renew_hash(account, await self.passwords.hash(password))


def normal_login(login: str) -> str:
    """Logins are compared without regard to case."""
    return login.strip().casefold()
