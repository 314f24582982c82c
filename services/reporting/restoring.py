"""What a restore means for figures: little, since facts take whatever booking and notification tell anew."""

from services.reporting.generations import Generations
from services.reporting.mailing import key_of, last_period
from services.reporting.settings import Settings
from services.reporting.storage.restored import free, offices_of, withhold_resumes
from shared.backup.restoring import Restore
from shared.mongo import Client, connect

TURN = 3


async def after_restore(restore: Restore) -> None:
    settings = Settings()
    client = connect(settings)
    try:
        generations = Generations(client, name=settings.mongodb_database)
        for name in generations.names:
            await free(client[name])
        await generations.look()
        await _withhold_resumes(restore, client, generations.live.name, settings)
    finally:
        client.close()


async def _withhold_resumes(restore: Restore, client: Client, live: str, settings: Settings) -> None:
    """Of the period that was over by now; it may have been mailed after the backup."""
    period = last_period(settings.resume_every, restore.now.astimezone(settings.zone))
    if period is None:
        return
    keys = {
        key_of(office, period, address): (office, str(period.since))
        for office in await offices_of(client[live])
        for address in settings.resume_addresses(office)
    }
    own = client[settings.mongodb_database]
    for key in await withhold_resumes(own, list(keys), now=restore.now):
        office, since = keys[key]
        restore.notes.append(f"The résumé of {office} from {since} on may have gone out: it is not mailed again.")
