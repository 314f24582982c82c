"""Who is signed in: opaque tokens, stored as their hash, over by the database's clock."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from services.booking.staff.secrets import hashed, new_secret
from shared.mongo import Collection, Database, Document

# A working day with its break; whoever leaves the desk for an hour signs in again.
LONGEST = timedelta(hours=10)
IDLE = timedelta(minutes=60)
_TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody works just now, as they said it: the office, the team whose list they see, their desk."""

    office: str | None = None
    team: str | None = None
    desk: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """`expires_at` moves on with use, never beyond LONGEST after `created_at`."""

    id: str
    account_id: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class Sessions:
    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["staff_sessions"]

    async def open(self, account_id: str, *, now: datetime) -> tuple[str, Session]:
        """The token, which nobody can read again, and the session."""
        token = new_secret()
        session = Session(str(uuid4()), account_id, now, now, now + IDLE)
        await self._collection.insert_one(
            {
                "_id": session.id,
                "token": hashed(token),
                "account_id": account_id,
                "created_at": now,
                "seen_at": now,
                "expires_at": session.expires_at,
                "schema": 1,
            }
        )
        return token, session

    async def find(self, token: str, *, now: datetime) -> Session | None:
        """The session that is not over, and counts as used now; None where there is none."""
        document = await self._collection.find_one({"token": hashed(token), "expires_at": {"$gt": now}})
        if document is None:
            return None
        session = _session(document)
        if now - session.seen_at >= _TOUCH_EVERY:
            await self._touch(session, now)
        return session

    async def listed(self, account_id: str, *, now: datetime) -> list[Session]:
        found = self._collection.find({"account_id": account_id, "expires_at": {"$gt": now}}).sort("created_at", 1)
        return [_session(document) async for document in found]

    async def close(self, id: str, *, account_id: str) -> bool:
        """False where the account has no such session."""
        result = await self._collection.delete_one({"_id": id, "account_id": account_id})
        return result.deleted_count == 1

    async def close_all(self, account_id: str, *, but: str = "") -> None:
        await self._collection.delete_many({"account_id": account_id, "_id": {"$ne": but}})

    async def place(self, id: str) -> Place:
        document = await self._collection.find_one({"_id": id}, {"place": 1})
        return Place(**(document or {}).get("place", {}))

    async def put_place(self, id: str, place: Place) -> None:
        await self._collection.update_one({"_id": id}, {"$set": {"place": asdict(place)}})

    async def end(self, token: str) -> str | None:
        """By the token itself; whose account it was, None where there was no such session."""
        document = await self._collection.find_one_and_delete({"token": hashed(token)})
        return document["account_id"] if document else None

    async def _touch(self, session: Session, now: datetime) -> None:
        over = min(now + IDLE, session.created_at + LONGEST)
        await self._collection.update_one(
            {"_id": session.id, "expires_at": {"$gt": now}}, {"$max": {"seen_at": now, "expires_at": over}}
        )


def _session(document: Document) -> Session:
    return Session(
        id=document["_id"],
        account_id=document["account_id"],
        created_at=document["created_at"],
        seen_at=document["seen_at"],
        expires_at=document["expires_at"],
    )


async def ensure_session_indexes(database: Database) -> None:
    sessions = database["staff_sessions"]
    await sessions.create_index("token", name="token", unique=True)
    await sessions.create_index("account_id", name="account")
    await sessions.create_index("expires_at", name="kept", expireAfterSeconds=0)
