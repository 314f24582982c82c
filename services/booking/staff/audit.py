"""Who did what, and when: without personal data and without content."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from uuid_utils import uuid7

from services.booking.domain.actors import EVERYWHERE, Actor
from shared.lifecycle import Repeating
from shared.mongo import Collection, Database, DatabaseClock, Document
from shared.observability import get_logger

log = get_logger()

Detail: TypeAlias = Mapping[str, str | int | bool | Sequence[str]]


class BadCursor(Exception):
    """Not one that was given out."""


@dataclass(frozen=True, slots=True)
class Entry:
    id: str
    at: datetime
    actor: Actor
    action: str
    office: str
    subject: str | None
    detail: Detail


@dataclass(frozen=True, slots=True)
class Wanted:
    """`actor` is an account's id; `first` is included, `until` is not. EVERYWHERE means every office."""

    office: str
    subject: str | None = None
    actor: str | None = None
    first: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first; `next` leads on and is None at the end."""

    entries: list[Entry] = field(default_factory=list)
    next: str | None = None


class Audit:
    def __init__(self, database: Database, *, clock: DatabaseClock) -> None:
        self._collection: Collection = database["audit"]
        self._clock = clock

    async def record(
        self, actor: Actor, action: str, *, office: str, subject: str | None = None, detail: Detail | None = None
    ) -> None:
        """Returns when it is stored: before the answer, and before a person's data are shown.

        `action` is a thing and what became of it (`account.added`, `person.seen`), `subject` the id of an
        appointment or account, `detail` ids and codes: never a name, an address or what somebody wrote.
        """
        await self._collection.insert_one(
            {
                "_id": str(uuid7()),
                "at": self._clock.now(),
                "actor": {"kind": actor.kind, "id": actor.id},
                "action": action,
                "office": office,
                "subject": subject,
                "detail": dict(detail or {}),
                "schema": 1,
            }
        )

    async def find(self, wanted: Wanted, *, limit: int, after: str | None = None) -> Page:
        """The next `limit` entries behind the cursor `after`. Raises BadCursor."""
        query = _query(wanted)
        if after is not None:
            at, id = _read_cursor(after)
            query["$or"] = [{"at": {"$lt": at}}, {"at": at, "_id": {"$lt": id}}]
        found = await self._collection.find(query).sort([("at", -1), ("_id", -1)]).limit(limit + 1).to_list(None)
        entries = [_entry(document) for document in found[:limit]]
        return Page(entries, _cursor(entries[-1]) if len(found) > limit else None)

    async def forget(self, *, before: datetime) -> int:
        """Deletes what is older; how many lines."""
        return int((await self._collection.delete_many({"at": {"$lt": before}})).deleted_count)


class AuditRetention(Repeating):
    """Runs in every booking process; two only share the work."""

    def __init__(self, audit: Audit, *, clock: DatabaseClock, keep: timedelta, every: timedelta) -> None:
        super().__init__(self._forget, every=every)
        self._audit = audit
        self._clock = clock
        self._keep = keep

    async def _forget(self) -> None:
        try:
            if forgotten := await self._audit.forget(before=self._clock.now() - self._keep):
                log.info("audit_forgotten", count=forgotten)
        except Exception as error:
            log.warning("audit_not_forgotten", error=type(error).__name__)


def _query(wanted: Wanted) -> dict[str, Any]:
    query: dict[str, Any] = {} if wanted.office == EVERYWHERE else {"office": wanted.office}
    if wanted.subject:
        query["subject"] = wanted.subject
    if wanted.actor:
        query["actor.id"] = wanted.actor
    bounds = {"$gte": wanted.first, "$lt": wanted.until}
    between = {operator: moment for operator, moment in bounds.items() if moment}
    return {**query, "at": between} if between else query


def _cursor(entry: Entry) -> str:
    return base64.urlsafe_b64encode(f"{entry.at.isoformat()}|{entry.id}".encode()).decode()


def _read_cursor(text: str) -> tuple[datetime, str]:
    try:
        at, _, id = base64.urlsafe_b64decode(text.encode()).decode().partition("|")
        moment = datetime.fromisoformat(at)
    except (ValueError, binascii.Error):
        raise BadCursor from None
    if moment.tzinfo is None:
        raise BadCursor
    return moment, id


def _entry(document: Document) -> Entry:
    return Entry(
        id=document["_id"],
        at=document["at"],
        actor=Actor(document["actor"]["kind"], document["actor"]["id"]),
        action=document["action"],
        office=document["office"],
        subject=document["subject"],
        detail=document["detail"],
    )


async def ensure_audit_indexes(database: Database) -> None:
    audit = database["audit"]
    for name, keys in {"office": ["office"], "subject": ["subject"], "actor": ["actor.id"], "at": []}.items():
        await audit.create_index([*((key, 1) for key in keys), ("at", -1), ("_id", -1)], name=name)
