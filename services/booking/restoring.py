"""What a restore means for booking: who was erased is erased again, and all that follows counts as newer."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from services.booking.domain.appointment import REFUSALS, Appointment
from services.booking.domain.retention import kept_until, kind_of
from services.booking.people import People, people_of
from services.booking.settings import Settings
from services.booking.storage import Appointments, NotFound
from services.booking.storage.offices import OfficeStore
from services.booking.storage.restored import RAISED, Restored
from services.booking.storage.retention import Retained
from services.booking.tokens import Keys
from shared.backup.restoring import Restore
from shared.messaging import Publisher
from shared.mongo import Client, DatabaseClock, connect, database
from shared.outbox import Entry, Relay
from shared.setup import Trouble

# Before notification, which must know who was erased.
TURN = 1

_AT_ONCE = 200


def check() -> None:
    """Raises Trouble where contacts would be told with links that lead nowhere."""
    if "public_url" not in Settings().model_fields_set:
        raise Trouble("Set BOOKING_PUBLIC_URL: messages that follow the restore carry links that begin with it.")


def journal() -> Path | None:
    """Where this installation notes whom it erases."""
    return Settings().erasure_journal


async def after_restore(restore: Restore) -> None:
    settings = Settings()
    client = connect(settings)
    keys_client = connect(settings, uri=settings.keys_mongodb_uri) if settings.keys_mongodb_uri else client
    try:
        await _Restoring(settings, client, keys_client, restore).run()
    finally:
        client.close()
        keys_client.close()


class _Restoring:
    def __init__(self, settings: Settings, client: Client, keys_client: Client, restore: Restore) -> None:
        self._restore = restore
        db, clock = database(client, settings), DatabaseClock(client)
        # Never started: whatever is told waits for the services.
        silent = Relay(
            publisher=Publisher(url=settings.amqp_url, name="restore"),
            collections=[db["appointments"]],
            clock=clock,
        )
        secrets = Keys.read(settings.signing_keys)
        self._people: People = people_of(settings, client=keys_client, secrets=secrets, clock=clock)
        self._appointments = Appointments(db, relay=silent, contact_told=self._people.told)
        self._offices = OfficeStore(db)
        self._retained = Retained(db)
        self._restored = Restored(db, keys=keys_client[settings.keys_database]["keys"])

    async def run(self) -> None:
        restore = self._restore
        if lost := await self._restored.give_up():
            restore.notes.append(f"{lost} mails of invitations and links to book with are not sent; invite anew.")
        restore.notes.append("Every session of the staff has ended; accounts and roles are those of the backup.")
        await self._erase()
        restore.raised["appointments"] = await self._restored.raise_appointments(now=restore.now)
        for name in RAISED:
            restore.raised[name] = await self._restored.raise_told_anew(name)
        await self._restored.remember_offices(now=restore.now)
        for exchange in ("contacts", "appointments"):
            await self._restored.tell_again(self._not_recovered(exchange))

    async def _not_recovered(self, exchange: str) -> AsyncIterator[Entry]:
        """What may have been on its way; messages for it are withheld by notification."""
        async for entry in self._restore.told(exchange):
            if entry["type"] != "appointment.recovered.v1":
                yield entry

    async def _erase(self) -> None:
        known = set(self._restore.erased)
        if self._restore.with_keys:
            known.update(await self._restored.without_key())
        for id in sorted(known):
            with suppress(NotFound):
                await self._erase_again(await self._appointments.get(id))
        await self._erase_due()

    async def _erase_again(self, appointment: Appointment) -> None:
        if appointment.status == "anonymised":
            return
        now = self._restore.now
        try:
            if not appointment.is_over(now):
                cancelled = appointment.cancel(now=now, release_at=now)
                appointment = await self._appointments.apply(cancelled)
            await self._anonymise(appointment, now)
        except REFUSALS as error:
            why = type(error).__name__
            self._restore.notes.append(f"{appointment.id} was erased and cannot be yet ({why}): erase it by hand.")

    async def _erase_due(self) -> None:
        """Those whose time is over: mostly they were erased before, and told so; a sweep would tell them again."""
        versions = await self._offices.versions()
        for office in await self._offices.newer(dict.fromkeys(versions, 0)):
            rules, now = office.data.retention, self._restore.now
            while due := [
                appointment
                for appointment in await self._retained.due(office.data.id, rules, now=now, most=_AT_ONCE)
                if (until := kept_until(appointment, rules)) is not None and until <= now
            ]:
                for id in {appointment.id for appointment in due}:
                    await self._anonymise(await self._appointments.get(id), now)

    async def _anonymise(self, appointment: Appointment, now: datetime) -> None:
        kind = kind_of(appointment) or "request"
        await self._appointments.apply(appointment.anonymise(kind=kind, now=now))
        await self._people.destroy(appointment.id)
        await self._retained.key_destroyed(appointment.id)
        self._restore.reerased.add(appointment.id)
