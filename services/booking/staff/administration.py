"""Changes of accounts by people: who may change whom, and what follows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from services.booking.domain.actors import EVERYWHERE, SYSTEM, Actor, Role, SignedIn, check_place
from services.booking.staff.accounts import Account, Accounts, Link, UnknownAccount
from services.booking.staff.audit import Audit
from services.booking.staff.sessions import Sessions
from services.booking.staff.signin import normal_login
from shared.contracts.offices import training_of
from shared.mongo import DatabaseClock


class OwnAccount(Exception):
    """Nobody changes their own rights, or shuts themselves out."""


class RolesFromProvider(Exception):
    """The identity provider says what this account may do."""


class NoSuchOffice(Exception):
    def __init__(self, office: str) -> None:
        super().__init__(office)
        self.office = office


@dataclass(frozen=True, slots=True)
class Changes:
    """What shall change; None leaves it as it is."""

    name: str | None = None
    roles: tuple[Role, ...] | None = None
    office: str | None = None
    disabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Administration:
    accounts: Accounts
    sessions: Sessions
    audit: Audit
    clock: DatabaseClock
    offices: Collection[str]

    async def add(
        self, *, login: str, name: str | None, roles: Sequence[Role], office: str, by: Actor = SYSTEM
    ) -> tuple[Account, Link]:
        """With the link that sets its password. Raises LoginTaken, BadPlace, NoSuchOffice."""
        self._check(roles, office)
        now = self.clock.now()
        account = await self.accounts.add(
            login=normal_login(login), name=name, roles=roles, office=office, now=now
        )
        await self._record("account.added", account, by, roles=list(roles))
        return account, await self.new_link(account, by=by)

    async def new_link(self, account: Account, *, by: Actor = SYSTEM) -> Link:
        """Voids the one before; the present password stays until the link is used. Raises UnknownAccount, and
        RolesFromProvider: with a password of its own it would escape what the provider says."""
        if account.roles_from_provider:
            raise RolesFromProvider
        link = await self.accounts.new_link(account.id, now=self.clock.now())
        await self._record("account.link_made", account, by)
        return link

    async def change(self, account: Account, changes: Changes, *, by: Actor = SYSTEM) -> Account:
        """Raises OwnAccount, RolesFromProvider, BadPlace, NoSuchOffice. Effective with the next request."""
        values = self._values(account, changes)
        if by.id == account.id and (changes.disabled or values.keys() - {"name"}):
            raise OwnAccount
        if account.roles_from_provider and values.keys() & {"roles", "office"}:
            raise RolesFromProvider
        if values:
            account = await self.accounts.change(account.id, values)
            told = {"roles": list(account.roles)} if "roles" in values else {}
            await self._record("account.changed", account, by, fields=sorted(values), **told)
        if changes.disabled is not None and changes.disabled != bool(account.disabled_at):
            account = await self._disable(account, by) if changes.disabled else await self._enable(account, by)
        return account

    async def listed(self, *, to: SignedIn) -> list[Account]:
        """Those of one's own office, and of the one on which its people practise; of all for whoever has all."""
        if to.office == EVERYWHERE:
            return await self.accounts.listed()
        offices = dict.fromkeys((to.office, training_of(to.office)))
        return [account for office in offices for account in await self.accounts.listed(office=office)]

    async def visible(self, id: str, *, to: SignedIn) -> Account:
        """An account of one's own office; others do not exist. Raises UnknownAccount."""
        account = await self.accounts.get(id)
        if not to.serves(account.office):
            raise UnknownAccount
        return account

    async def _disable(self, account: Account, by: Actor) -> Account:
        account = await self.accounts.disable(account.id, now=self.clock.now())
        await self.sessions.close_all(account.id)
        await self._record("account.disabled", account, by)
        return account

    async def _enable(self, account: Account, by: Actor) -> Account:
        account = await self.accounts.change(account.id, {"disabled_at": None})
        await self._record("account.enabled", account, by)
        return account

    def _values(self, account: Account, changes: Changes) -> dict[str, Any]:
        wanted = {"name": changes.name, "roles": changes.roles, "office": changes.office}
        values = {key: value for key, value in wanted.items() if value not in (None, getattr(account, key))}
        if values.keys() & {"roles", "office"}:
            self._check(changes.roles or account.roles, changes.office or account.office)
        return values

    def _check(self, roles: Sequence[Role], office: str) -> None:
        if office != EVERYWHERE and office not in self.offices:
            raise NoSuchOffice(office)
        check_place(roles, office)

    async def _record(self, action: str, account: Account, by: Actor, **detail: Any) -> None:
        await self.audit.record(by, action, office=account.office, subject=account.id, detail=detail)
