"""What notification has ever told, for a republish."""

from collections.abc import AsyncIterator, Collection
from datetime import datetime

from pydantic_settings import SettingsConfigDict

from shared.mongo import connect, database
from shared.outbox import Entry
from shared.settings import CommonSettings

# So many documents with their history are in memory at once.
_PAGE = 500
EXCHANGES = frozenset({"notifications"})


class DatabaseSettings(CommonSettings):
    """The database is enough: neither a republish nor an operator's look needs a mail server."""

    model_config = SettingsConfigDict(env_prefix="NOTIFICATION_", extra="ignore")

    mongodb_database: str = "notification"


async def told(
    *, exchange: str, since: datetime, newest: bool = False, types: Collection[str] | None = None
) -> AsyncIterator[Entry]:
    """Every event told on `exchange` at or after `since`, under its first id; with `newest` the last of each
    message only, with `types` no others."""
    settings = DatabaseSettings()
    client = connect(settings)
    try:
        deliveries = database(client, settings)["deliveries"]
        async for document in (
            deliveries.find({"history.at": {"$gte": since}}, {"history": 1}).sort("_id").batch_size(_PAGE)
        ):
            entries = [e for e in document["history"] if e["exchange"] == exchange and e["at"] >= since]
            for entry in entries[-1:] if newest else entries:
                if types is None or entry["type"] in types:
                    yield entry
    finally:
        client.close()
