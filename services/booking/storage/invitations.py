"""Invitations: a service that is applied for first is booked with a link of one's own."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.contracts import EntryRequest, Invited, new_event
from shared.mongo import Database, Document
from shared.outbox import Entry, Relay, ensure_outbox_index, outbox_entry

NAME = "invitations"


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
    """Without a relay the events wait for the next sweep of a running process."""

    def __init__(self, database: Database, *, relay: Relay | None = None) -> None:
        self._relay = relay
        self._collection = database[NAME]
        self._appointments = database["appointments"]

    async def add(self, invitation: Invitation, *, now: datetime, by: str, mail: EntryRequest | None) -> None:
        """`mail` leaves with the publishing and stands nowhere else."""
        document = {name: getattr(invitation, name) for name in _STORED}
        told = [_entry(invitation, mail, now=now)] if mail else []
        outbox = {"outbox": told} if told else {}
        await self._collection.insert_one(
            {"_id": invitation.id, **document, "created_at": now, "created_by": by, **outbox}
        )
        if told and self._relay:
            self._relay.submit(collection=NAME, document_id=invitation.id, entries=told)

    async def get(self, id: str) -> Invitation:
        document = await self._collection.find_one({"_id": id})
        if document is None:
            raise UnknownInvitation
        return (await self._with_use([_invitation(document)]))[0]

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
        return await self._with_use(found)

    async def _with_use(self, found: list[Invitation]) -> list[Invitation]:
        held = self._appointments.find({"invitation": {"$in": [i.id for i in found]}}, {"invitation": 1})
        used = {document["invitation"] async for document in held}
        return [replace(invitation, used=invitation.id in used) for invitation in found]


async def ensure_invitation_indexes(database: Database) -> None:
    """An invitation that has expired is of no use to anybody."""
    await database["invitations"].create_index([("expires_at", 1)], name="kept", expireAfterSeconds=24 * 3600)
    await ensure_outbox_index(database[NAME])
    await database["invitations"].create_index([("office", 1), ("created_at", -1)], name="office")


def _entry(invitation: Invitation, mail: EntryRequest, *, now: datetime) -> Entry:
    return outbox_entry(new_event(Invited, subject=invitation.id, sequence=1, data=mail, time=now))


def _invitation(document: Document) -> Invitation:
    values = {name: document[name] for name in _STORED}
    return Invitation(id=document["_id"], **values)
