"""What a restore means for figures: little, since facts take whatever booking and notification tell anew."""

from services.reporting.settings import Settings
from services.reporting.storage.restored import free_leases
from shared.backup.restoring import Restore
from shared.mongo import connect, database

TURN = 3


async def after_restore(restore: Restore) -> None:
    settings = Settings()
    client = connect(settings)
    try:
        await free_leases(database(client, settings))
    finally:
        client.close()
