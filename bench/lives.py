"""What a booking writes and tells, as the service's own code does it: limits replay that without the service."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from typing import Any, cast
from uuid import uuid4

import uvloop

from bench.office import LANES, MUNICIPALITY, OFFICE, SERVICE, TEAM, times
from bench.stage import Stage
from services.booking.domain import appointment as domain
from services.booking.domain.appointment import Appointment
from services.booking.people import GivenContact, People, Person
from services.booking.storage import Appointments, to_document
from services.booking.storage.keys import KeyStore
from services.booking.tokens import Keys
from shared import tracing
from shared.mongo import Database, Document
from shared.outbox import Entry, Relay
from shared.sealing import PublicKeys
from tests.sealed import some_people


@dataclass(slots=True)
class Life:
    """The `key` is inserted, then `held`, then `updates` follow as (filter, update); `told` are the events of each
    of the three."""

    id: str
    key: Document
    held: Document
    updates: list[tuple[Document, Document]] = field(default_factory=list)
    told: list[list[Entry]] = field(default_factory=list)
    confirmed: Document = field(default_factory=dict)

    def bodies(self, exchange: str) -> list[bytes]:
        return [e["body"].encode() for entries in self.told for e in entries if e["exchange"] == exchange]


class _Recorder:
    """Stands in for the collection and the relay, and keeps what it is given."""

    matched_count = 1

    def __init__(self) -> None:
        self.key: Document = {}
        self.life: Life

    async def insert_one(self, document: Document) -> None:
        if "outbox" in document:
            self.life = Life(document["_id"], self.key, document)
        else:
            self.key = document

    async def update_one(self, guard: Document, update: Document, session: object = None) -> "_Recorder":
        self.life.updates.append((guard, update))
        return self

    def submit(self, *, collection: str, document_id: str, entries: list[Entry]) -> None:
        self.life.told.append(list(entries))


def lives(stage: Stage, number: int) -> list[Life]:
    """Held, requested and confirmed, each at a desk and time of its own."""
    places = ((time, lane) for lane, time in product(LANES, times(stage.office)))
    return uvloop.run(_record(stage, islice(places, number)))


async def _record(stage: Stage, places: Iterable[tuple[datetime, str]]) -> list[Life]:
    recorder = _Recorder()
    database = cast(Database, {"appointments": cast(Any, recorder), "keys": cast(Any, recorder)})
    people = some_people(
        KeyStore(database),
        notification_keys=PublicKeys.read(stage.stack.secret("booking_contact_public_keys")),
        secrets=stage.keys,
        public_url="http://127.0.0.1:12345",
    )
    storage = Appointments(database, relay=cast(Relay, recorder), contact_told=people.told)
    found = []
    for held in _holds(stage.keys, places):
        with tracing.within(tracing.new()):
            found.append(await _live(storage, people, recorder, held))
    return found


async def _live(storage: Appointments, people: People, recorder: _Recorder, held: Appointment) -> Life:
    now = held.steps[0].at
    held = replace(held, person=await people.seal_first(held.id, Person("Öztürk")))
    given = GivenContact(email=f"{held.id}@example.org", language="de", given_name="Ayşe")
    await storage.insert(held)
    person = await people.seal(held.id, Person("Öztürk").reached_by(given))
    keep_until = now + timedelta(hours=24)
    requested = await storage.apply(
        held.request(people.details(given), person=person, now=now, keep_until=keep_until)
    )
    confirmed = await storage.apply(requested.confirm(now=now))
    life = recorder.life
    life.confirmed = {**life.held, **to_document(confirmed), "outbox": []}
    life.confirmed.pop("expires_at", None)
    return life


def _holds(keys: Keys, places: Iterable[tuple[datetime, str]]) -> Iterator[Appointment]:
    now = datetime.now(UTC).replace(microsecond=0)
    for starts_at, lane in places:
        id = keys.appointment_id(uuid4().hex)
        party = domain.Party(
            id=id,
            office=OFFICE,
            code=keys.booking_code(id),
            service=SERVICE,
            team=TEAM,
            municipalities=(MUNICIPALITY,),
            person=b"",
            request_digest="0" * 64,
        )
        yield domain.hold(
            party,
            lane=lane,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=15),
            now=now,
            expires_at=now + timedelta(minutes=10),
        )
