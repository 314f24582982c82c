"""Invitations: a service that is applied for first is booked with a link of one's own."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.mongo import Database, Document


class UnknownInvitation(Exception):
    """There is none, it has expired or was taken back, or it is for another service or name."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """`name` is a keyed hash of the invited person's name, where the office bound it to one."""

    id: str
    office: str
    service: str
    expires_at: datetime
    name: str | None = None
    revoked_at: datetime | None = None
    used: bool = False


# What is stored; whether it is used stands in the appointment that holds it.
_STORED = tuple(name for name in Invitation.__slots__ if name not in ("id", "used"))


class Invitations:
    def __init__(self, database: Database) -> None:
        self._collection = database["invitations"]
        self._appointments = database["appointments"]

    async def add(self, invitation: Invitation, *, now: datetime, by: str) -> None:
        document = {name: getattr(invitation, name) for name in _STORED}
        await self._collection.insert_one({"_id": invitation.id, **document, "created_at": now, "created_by": by})

    async def get(self, id: str) -> Invitation:
        document = await self._collection.find_one({"_id": id})
        if document is None:
            raise UnknownInvitation
        return _invitation(document)

    async def revoke(self, id: str, *, office: str, now: datetime) -> None:
        query = {"_id": id, "office": office, "revoked_at": None}
        result = await self._collection.update_one(query, {"$set": {"revoked_at": now}})
        if not result.matched_count:
            raise UnknownInvitation

    async def not_over(self, office: str, *, now: datetime, most: int) -> list[Invitation]:
        """Those that have neither expired nor been taken back, the newest first, and whether each is used."""
        query = {"office": office, "expires_at": {"$gt": now}, "revoked_at": None}
        cursor = self._collection.find(query, sort=[("created_at", -1)], limit=most)
        found = [_invitation(document) async for document in cursor]
        held = self._appointments.find({"invitation": {"$in": [i.id for i in found]}}, {"invitation": 1})
        used = {document["invitation"] async for document in held}
        return [replace(invitation, used=invitation.id in used) for invitation in found]


async def ensure_invitation_indexes(database: Database) -> None:
    """An invitation that has expired is of no use to anybody."""
    await database["invitations"].create_index([("expires_at", 1)], name="kept", expireAfterSeconds=24 * 3600)
    await database["invitations"].create_index([("office", 1), ("created_at", -1)], name="office")


def _invitation(document: Document) -> Invitation:
    values = {name: document[name] for name in _STORED}
    return Invitation(id=document["_id"], **values)
