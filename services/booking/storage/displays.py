"""Which call displays may show an office's calls: one token for each office, stored as its hash."""

import hashlib
import secrets

from shared.mongo import Collection, Database


class Displays:
    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["displays"]

    async def renew(self, office: str) -> str:
        """The new token, which nobody can read again; the one before shows nothing any more."""
        token = secrets.token_urlsafe(24)
        await self._collection.update_one({"_id": office}, {"$set": {"token": _hashed(token)}}, upsert=True)
        return token

    async def allows(self, office: str, token: str) -> bool:
        found = await self._collection.find_one({"_id": office, "token": _hashed(token)}, {"_id": 1})
        return found is not None


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
