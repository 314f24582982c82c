"""From a person of the identity provider to an account: found, linked or made, as far as it grants a role."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.booking.domain.actors import SYSTEM, Role
from services.booking.staff.accounts import Account, Accounts, Subject
from services.booking.staff.audit import Audit
from services.booking.staff.oidc import Departure, Provider, Return
from services.booking.staff.sessions import Sessions
from services.booking.staff.settings import Grant, OidcSettings
from services.booking.staff.signin import Opened, SignIn, normal_login
from shared.mongo import DatabaseClock


class NoRoleGranted(Exception):
    """The identity provider knows the person, and gives no role here; or the account is disabled."""


class ContradictoryGrants(Exception):
    """The person's roles belong to several offices; an account has one."""


@dataclass(frozen=True, slots=True)
class SingleSignOn:
    provider: Provider
    settings: OidcSettings
    accounts: Accounts
    sessions: Sessions
    sign_in: SignIn
    audit: Audit
    clock: DatabaseClock

    async def depart(self) -> Departure:
        """Raises ProviderAway."""
        return await self.provider.depart(now=self.clock.now())

    async def arrive(self, back: Return) -> Opened:
        """Raises NotGenuine, ProviderAway, NoRoleGranted, ContradictoryGrants, LoginTaken."""
        claims = await self.provider.arrive(back, now=self.clock.now())
        account = await self._account(claims)
        if account.disabled_at:
            raise NoRoleGranted
        return await self.sign_in.open(account, by="identity provider")

    async def _account(self, claims: Mapping[str, Any]) -> Account:
        subject = Subject(self.provider.issuer, str(claims["sub"]))
        known = await self.accounts.by_subject(subject)
        try:
            grant = granted(claims, self.settings)
        except NoRoleGranted:
            if known and known.roles_from_provider:
                await self.sessions.close_all(known.id)
            raise
        return await self._renewed(known, grant) if known else await self._first(subject, claims, grant)

    async def _renewed(self, account: Account, grant: Grant) -> Account:
        if (account.office, account.roles) == (grant.office, grant.roles):
            return account
        account = await self.accounts.change(account.id, {"office": grant.office, "roles": list(grant.roles)})
        await self._record("account.changed", account)
        return account

    async def _first(self, subject: Subject, claims: Mapping[str, Any], grant: Grant) -> Account:
        login = normal_login(str(claims.get("preferred_username") or claims["sub"]))[:100]
        name = str(claims["name"])[:100] if claims.get("name") else None
        prepared = await self.accounts.by_login(login)
        if prepared:
            account = await self.accounts.link_to_provider(
                prepared, subject, roles=grant.roles, office=grant.office
            )
            await self._record("account.linked", account)
            return account
        account = await self.accounts.add(
            login=login,
            name=name,
            roles=grant.roles,
            office=grant.office,
            subject=subject,
            now=self.clock.now(),
        )
        await self._record("account.added", account)
        return account

    async def _record(self, action: str, account: Account) -> None:
        detail = {"roles": list(account.roles), "by": "identity provider"}
        await self.audit.record(SYSTEM, action, office=account.office, subject=account.id, detail=detail)


def granted(claims: Mapping[str, Any], settings: OidcSettings) -> Grant:
    """All roles that the claim's values give together. Raises NoRoleGranted, ContradictoryGrants."""
    given = _values(claims, settings.roles_claim)
    grants = [settings.grants[value] for value in given if value in settings.grants]
    if not grants:
        raise NoRoleGranted
    if len({grant.office for grant in grants}) > 1:
        raise ContradictoryGrants
    return Grant(office=grants[0].office, roles=_sorted(role for grant in grants for role in grant.roles))


def _values(claims: Mapping[str, Any], claim: str) -> list[str]:
    """The claim by its name, else by its path: names may have dots of their own."""
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for step in claim.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    values = found if isinstance(found, list) else [found]
    return [value for value in values if isinstance(value, str)]


def _sorted(roles: Iterable[Role]) -> tuple[Role, ...]:
    return tuple(sorted(set(roles)))
