"""Accounts of the staff: one office each, or every office for the administrators of the installation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pymongo import ReturnDocument

from services.booking.domain.actors import Role
from services.booking.staff.secrets import hashed, new_secret
from shared.mongo import Collection, Database, Document, DuplicateKeyError

LINK_VALID = timedelta(hours=24)
_SCHEMA = 1


class UnknownAccount(Exception):
    pass


class LoginTaken(Exception):
    """Another account has this login, or this person of the identity provider."""


class LinkUsedUp(Exception):
    """The one-time link was used, replaced or is too old."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A person as the identity provider names them: `id` is its `sub`, unique below `issuer` alone."""

    issuer: str
    id: str


@dataclass(frozen=True, slots=True)
class Account:
    """`password` is an argon2 hash. Where `roles_from_provider`, each sign-in there renews roles and office."""

    id: str
    office: str
    login: str
    name: str | None
    roles: tuple[Role, ...]
    password: str | None
    subject: Subject | None
    roles_from_provider: bool
    disabled_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """Sets a password, once. `secret` is shown now and never again."""

    secret: str
    expires_at: datetime


class Accounts:
    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["staff"]

    async def add(
        self,
        *,
        login: str,
        office: str,
        roles: Sequence[Role],
        now: datetime,
        name: str | None = None,
        subject: Subject | None = None,
    ) -> Account:
        """With a `subject` it belongs to the identity provider, else to us. Raises LoginTaken."""
        document: Document = {
            "_id": str(uuid4()),
            "office": office,
            "login": login,
            "name": name,
            "roles": list(roles),
            "password": None,
            "roles_from_provider": subject is not None,
            "disabled_at": None,
            "created_at": now,
            "schema": _SCHEMA,
            **_subject_fields(subject),
        }
        try:
            await self._collection.insert_one(document)
        except DuplicateKeyError:
            raise LoginTaken from None
        return _account(document)

    async def get(self, id: str) -> Account:
        """Raises UnknownAccount."""
        found = await self.find(id)
        if found is None:
            raise UnknownAccount
        return found

    async def find(self, id: str) -> Account | None:
        return await self._find({"_id": id})

    async def by_login(self, login: str) -> Account | None:
        return await self._find({"login": login})

    async def by_subject(self, subject: Subject) -> Account | None:
        return await self._find(_subject_fields(subject))

    async def by_link(self, secret: str, *, now: datetime) -> Account:
        """Raises LinkUsedUp."""
        found = await self._find(_open_link(secret, now))
        if found is None:
            raise LinkUsedUp
        return found

    async def listed(self, *, office: str | None = None) -> list[Account]:
        """By login; of one office, or all."""
        found = self._collection.find({"office": office} if office else {}).sort("login", 1)
        return [_account(document) async for document in found]

    async def change(self, id: str, values: dict[str, Any]) -> Account:
        """Sets some of name, office, roles, disabled_at. Raises UnknownAccount."""
        return await self._update({"_id": id}, {"$set": values})

    async def disable(self, id: str, *, now: datetime) -> Account:
        """An open link goes with it."""
        return await self._update({"_id": id}, {"$set": {"disabled_at": now}, "$unset": {"link": ""}})

    async def link_to_provider(
        self, account: Account, subject: Subject, *, roles: Sequence[Role], office: str
    ) -> Account:
        """From now on the identity provider says what it may do. Only where it has no password and no person of
        the provider yet: names there may be chosen by their owners. Raises LoginTaken."""
        values = {**_subject_fields(subject), "roles": list(roles), "office": office, "roles_from_provider": True}
        try:
            return await self._update(
                {"_id": account.id, "password": None, "oidc_subject": None},
                {"$set": values, "$unset": {"link": ""}},
            )
        except (DuplicateKeyError, UnknownAccount):
            raise LoginTaken from None

    async def new_link(self, id: str, *, now: datetime) -> Link:
        """The one before is void. Raises UnknownAccount, for an account that is disabled too."""
        link = Link(new_secret(), now + LINK_VALID)
        stored = {"secret": hashed(link.secret), "expires_at": link.expires_at}
        await self._update({"_id": id, "disabled_at": None}, {"$set": {"link": stored}})
        return link

    async def use_link(self, secret: str, *, password: str, now: datetime) -> Account:
        """Stores the hash `password`; whoever comes second finds the link gone. Raises LinkUsedUp."""
        try:
            return await self._update(
                _open_link(secret, now), {"$set": {"password": password}, "$unset": {"link": ""}}
            )
        except UnknownAccount:
            raise LinkUsedUp from None

    async def renew_hash(self, account: Account, password: str) -> bool:
        """Another hash in place of the one that `account` has; False where it was changed meanwhile."""
        old = {"_id": account.id, "password": account.password}
        result = await self._collection.update_one(old, {"$set": {"password": password}})
        return bool(result.matched_count)

    async def _find(self, filter: Document) -> Account | None:
        document = await self._collection.find_one(filter)
        return _account(document) if document else None

    async def _update(self, filter: Document, update: Document) -> Account:
        document = await self._collection.find_one_and_update(filter, update, return_document=ReturnDocument.AFTER)
        if document is None:
            raise UnknownAccount
        return _account(document)


def _open_link(secret: str, now: datetime) -> Document:
    return {"link.secret": hashed(secret), "link.expires_at": {"$gt": now}, "disabled_at": None}


def _subject_fields(subject: Subject | None) -> Document:
    return {"oidc_issuer": subject.issuer, "oidc_subject": subject.id} if subject else {}


def _account(document: Document) -> Account:
    subject = document.get("oidc_subject")
    return Account(
        id=document["_id"],
        office=document["office"],
        login=document["login"],
        name=document["name"],
        roles=tuple(document["roles"]),
        password=document["password"],
        subject=Subject(document["oidc_issuer"], subject) if subject else None,
        roles_from_provider=document["roles_from_provider"],
        disabled_at=document["disabled_at"],
        created_at=document["created_at"],
    )


async def ensure_account_indexes(database: Database) -> None:
    staff = database["staff"]
    await staff.create_index("login", name="login", unique=True)
    await staff.create_index("link.secret", name="link", sparse=True)
    await staff.create_index(
        [("oidc_issuer", 1), ("oidc_subject", 1)],
        name="subject",
        unique=True,
        partialFilterExpression={"oidc_subject": {"$exists": True}},
    )
