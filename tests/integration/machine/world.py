"""The real service on a real database: its commands as the machine calls them, and what they answered."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from deploy.local.stack import Stack
from services.booking.commands import (
    Counter,
    CounterRequest,
    Day,
    Held,
    HoldRequest,
    Planning,
    Replanned,
    TicketRequest,
    WaitingList,
    WishRequest,
)
from services.booking.domain.actors import CITIZEN, Actor, staff
from services.booking.domain.appointment import Appointment, Wish
from services.booking.domain.office import Member, Office
from services.booking.domain.rules import OfficeData
from services.booking.memory import Memory
from services.booking.offices import Offices
from services.booking.people import GivenContact
from services.booking.storage import DayBook
from services.booking.storage.offices import OfficeStore
from services.reporting.handlers import appointment_fact
from shared.contracts import AppointmentState
from shared.mongo import Document
from tests.integration.booking_harness import KEYS, Desk, a_desk
from tests.integration.machine.town import HERE, ID, START, ZONE, office
from tests.integration.machine.visit import Told
from tests.waiting import until

STAFF = (staff("first"), staff("second"))
LEAD = staff("lead")


@dataclass
class World:
    desk: Desk
    # As another process: hears everything by the change stream alone.
    elsewhere: Memory
    planning: Planning
    counter: Counter
    day: Day
    waiting: WaitingList
    number: int = 0

    @property
    def offices(self) -> Offices:
        return self.planning.offices

    @property
    def office(self) -> Office:
        return self.offices[ID]

    async def begin(self) -> None:
        """Everything as on the first morning."""
        self.desk.clock.stands_at = START
        self.number += 1
        for name in ("appointments", "tickets", "pauses"):
            await self.desk.database[name].delete_many({})
        await self.desk.keys["keys"].delete_many({})
        await self.save(office())

    async def save(self, data: dict[str, Any]) -> None:
        wanted = OfficeData.model_validate(data)
        await self.planning.save(wanted, by=LEAD, expected_version=self.office.version)

    def key(self, place: int) -> str:
        return f"{self.number}-{place}"

    def id_of(self, place: int, kind: str = "") -> str:
        return KEYS.appointment_id(f"{kind}{self.key(place)}")

    async def documents(self) -> list[Document]:
        return [document async for document in self.desk.database["appointments"].find({})]

    async def ask(self, command: Awaitable[Any]) -> Told:
        """Every answer that is not a fault of the machine: an error's name, or what was told."""
        try:
            answer = await command
        except AssertionError:
            raise
        except Exception as error:
            if type(error).__module__.startswith("services.booking"):
                return Told(refused=type(error).__name__)
            raise
        return _told(answer)

    async def together(self, *commands: Awaitable[Any]) -> list[Told]:
        return list(await asyncio.gather(*(self.ask(command) for command in commands)))

    # The commands, with plain arguments

    async def hold(
        self, place: int, service: str, name: str, start: datetime, places: Sequence[str], kids: int
    ) -> Held:
        request = HoldRequest(
            office=ID,
            service=service,
            starts_at=start,
            family_name=name,
            members=members(places, kids),
            preconditions={"pin_letter": True},
        )
        return await self.desk.booking.hold(request, idempotency_key=self.key(place))

    async def book(
        self,
        place: int,
        service: str,
        name: str,
        start: datetime,
        places: Sequence[str],
        kids: int,
        *,
        lane: str | None,
        address: str | None,
    ) -> Appointment:
        request = CounterRequest(
            office=ID,
            service=service,
            starts_at=start,
            family_name=name,
            members=members(places, kids),
            lane=lane,
            contact=GivenContact(email=address, language="de") if address else None,
        )
        return await self.counter.book(request, idempotency_key=self.key(place), by=STAFF[0])

    async def contact(self, id: str, contact: tuple[str, str | None]) -> Appointment:
        address, given_name = contact
        given = GivenContact(email=address, language="de", given_name=given_name)
        return await self.desk.booking.request(id, given)

    async def confirm(self, id: str, *, right: bool = True, instead: Any = None) -> Appointment:
        stored = await self.desk.booking.appointments.get(id)
        generation = stored.contact_sequence or 0
        secret = KEYS.secret("confirm", id, generation if right else generation + 1)
        return await self.desk.booking.confirm(id, secret, instead=instead)

    async def message_sent(self, id: str) -> None:
        stored = await self.desk.booking.appointments.get(id)
        await self.desk.booking.message_settled(id, caused_by=stored.requested_by or "")

    async def enter(self, place: int, service: str, name: str, wish: tuple[date, date, str]) -> Appointment:
        request = WishRequest(
            office=ID,
            service=service,
            family_name=name,
            members=(Member(HERE),),
            wish=a_wish(wish),
            preconditions={"pin_letter": True},
        )
        return await self.waiting.enter(request, idempotency_key=self.key(place))

    async def join(self, id: str, wish: tuple[date, date, str]) -> Appointment:
        return await self.waiting.join(id, a_wish(wish))

    async def resize(self, id: str, places: Sequence[str], kids: int) -> Appointment:
        return await self.desk.booking.resize(id, members(places, kids))

    async def correct(self, id: str, name: str, by: Actor | None) -> Appointment:
        return await self.desk.booking.correct_name(id, name, by=by or CITIZEN)

    async def want(self, id: str, *, sms: bool, wanted: bool) -> Appointment:
        if sms:
            return await self.desk.booking.want_sms(id, wanted=wanted, phone="0151 12345678")
        return await self.desk.booking.want_reminders(id, wanted=wanted)

    async def ticket(self, place: int, service: str, name: str) -> Appointment:
        request = TicketRequest(office=ID, service=service, family_name=name, members=(Member(HERE),))
        return await self.day.ticket(request, idempotency_key=self.key(place), by=STAFF[0])

    async def undo(self, id: str) -> Appointment:
        stored = await self.desk.booking.appointments.get(id)
        return await self.day.undo(id, by=STAFF[0], version=stored.version)

    async def sweep(self) -> None:
        """Twice: what ran out and has cooled too is settled in two turns."""
        await self.desk.sweeper.sweep()
        await self.desk.sweeper.sweep()

    async def conflicts(self) -> set[str]:
        return {found.visit.id for found in await self.planning.in_conflict(self.office)}

    async def preview(self, **changes: Any) -> set[str]:
        wanted = OfficeData.model_validate({**self.office.data.model_dump(by_alias=True), **changes})
        return {found.visit.id for found in await self.planning.preview(wanted)}

    async def change_office(self, **changes: Any) -> None:
        await self.save({**self.office.data.model_dump(by_alias=True), **changes})

    async def replan(self, ids: Sequence[str], how: Any) -> list[Replanned]:
        return await self.planning.replan(self.office, ids, how=how, reason="closure", by=LEAD)

    def free_lanes(self, memory: Memory, team: str, start: datetime, *, staff: bool) -> list[str]:
        return memory.availability(ID).free_lanes(
            team,
            starts_at=start,
            length=1,
            now=self.desk.clock.now(),
            access="staff" if staff else "web",
        )

    def figures(self, documents: Sequence[Document]) -> list[tuple[str, str, str, int]]:
        """(day, service, figure, amount) as reporting makes them of each appointment's newest event."""
        found = []
        for document in documents:
            newest = [entry for entry in document["history"] if entry["exchange"] == "appointments"][-1]
            state = AppointmentState.model_validate(json.loads(newest["body"])["data"])
            for key, figure, amount, _ in appointment_fact(state).entries(ZONE):
                _, day, service, *_ = key.split("|")
                found.append((day, service, figure, amount))
        return found


def _told(answer: Any) -> Told:
    if isinstance(answer, Held):
        # A repeated hold tells where it was at first; the desk is the one of now.
        return Told(id=answer.appointment.id, lane=answer.appointment.lane, starts=answer.starts_at)
    if isinstance(answer, Replanned):
        return _told_of(answer.appointment, outcome=answer.outcome)
    return _told_of(answer) if isinstance(answer, Appointment) else Told()


def _told_of(appointment: Appointment, *, outcome: str = "") -> Told:
    return Told(id=appointment.id, lane=appointment.lane, starts=appointment.starts_at, outcome=outcome)


def told_of(replanned: Replanned) -> Told:
    return _told(replanned)


def members(places: Sequence[str], kids: int) -> tuple[Member, ...]:
    """The last ones are under 6."""
    return tuple(Member(ags, under_6=i >= len(places) - kids) for i, ags in enumerate(places))


def a_wish(wish: tuple[date, date, str]) -> Wish:
    first, last, part = wish
    return Wish(first=first, last=last, day_part=part)  # type: ignore[arg-type]


@asynccontextmanager
async def a_world(servers: Stack) -> AsyncIterator[World]:
    data = OfficeData.model_validate(office())
    async with a_desk(servers, office=Office(data), stands_at=START) as desk:
        booking, offices = desk.booking, desk.booking.offices
        assert isinstance(offices, Offices)
        elsewhere = Memory(desk.database, offices=offices, clock=desk.clock)
        store = OfficeStore(desk.database)
        offices.follow(elsewhere.follow)
        await elsewhere.start()
        await offices.start()
        counter = Counter(booking)
        try:
            await until(lambda: elsewhere.loaded)
            yield World(
                desk,
                elsewhere,
                Planning(booking, counter, offices, store, KEYS),
                counter,
                Day(booking, DayBook(desk.database)),
                WaitingList(booking),
            )
        finally:
            await offices.stop()
            await elsewhere.stop()
