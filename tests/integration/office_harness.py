"""A whole office over HTTP on a real database: citizens' and staff's routes, with a clock that a test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI

from deploy.local.stack import Stack
from services.booking.api import LARGER_BODIES, add_routes, add_staff_routes, add_work_routes
from services.booking.api.staff_session import peer
from services.booking.commands import Counter, Day, Planning, Reaching, WaitingList
from services.booking.domain.actors import Role
from services.booking.domain.office import Office
from services.booking.offices import Offices
from services.booking.staff import Staff, ensure_staff_indexes, make_staff
from services.booking.staff.accounts import Account
from services.booking.storage import Calls, DayBook
from services.booking.storage.displays import Displays
from services.booking.storage.offices import OfficeStore
from services.booking.training import Training
from services.booking.web.routes import add_citizen_pages
from services.booking.web.staff import Work, add_staff_pages
from services.booking.web.staff.live import Live
from shared.http import Health, create_app
from tests.builders import HECHINGEN, an_office
from tests.integration.booking_harness import KEYS, Desk, a_desk
from tests.unit.booking.test_guard import a_guard

OFFICE, OTHER_OFFICE = "zollernalbkreis", "tuttlingen"
A, O = "/v1/staff/appointments", f"/v1/staff/offices/{OFFICE}"  # noqa: E741 (as the routes say)
FIRST_CONTACT = 2
# Where everybody comes in; staff's own address serves no page of theirs.
CITIZENS = "https://buerger.example"


@dataclass
class Colleague:
    """Somebody of the staff. Signs in for each request, so that a test may move the clock by hours."""

    app: FastAPI
    staff: Staff
    account: Account

    async def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        token, _ = await self.staff.sessions.open(self.account.id, now=self.staff.sign_in.clock.now())
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4()), **more.pop("headers", {})}
        async with a_client(self.app) as client:
            return await client.request(method, path, headers=headers, **more)

    async def get(self, path: str, **more: Any) -> Any:
        return _body(await self("GET", path, **more))

    async def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return _body(await self("POST", path, json={} if body is None else body, **more))

    async def refused(self, path: str, body: Any = None, *, method: str = "POST") -> tuple[int, str]:
        """Status and type of the problem."""
        answer = await self(method, path, json={} if body is None else body)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["type"]


@dataclass
class AtWork:
    """The office on a working day; `day` is its midnight."""

    desk: Desk
    app: FastAPI
    staff: Staff
    day: datetime
    people: dict[str, Colleague] = field(default_factory=dict)

    def at(self, wall: str, *, days: int = 0) -> datetime:
        """Of the working day, or of the day so many later."""
        there = datetime.combine(self.day.date() + timedelta(days=days), time.fromisoformat(wall), self.day.tzinfo)
        return there.astimezone(UTC)

    def it_is(self, wall: str, *, days: int = 0) -> None:
        """Sets the clock; it runs on from there."""
        clock = self.desk.clock
        clock.ahead += self.at(wall, days=days) - clock.now()

    async def colleague(self, *roles: Role, office: str = OFFICE) -> Colleague:
        account, _ = await self.staff.administration.add(
            login=f"somebody-{uuid4().hex[:8]}", name=None, roles=roles, office=office
        )
        return Colleague(self.app, self.staff, account)

    async def booked(self, by: Colleague, wall: str, *, days: int = 0, **changes: Any) -> Any:
        """An appointment for a caller."""
        return await by.post(f"{O}/appointments", self.wanted(wall, days=days, **changes))

    def wanted(self, wall: str, *, days: int = 0, **changes: Any) -> dict[str, Any]:
        return {**a_visit(), "starts_at": self.at(wall, days=days).isoformat(), **changes}

    async def booked_by_citizen(self, wall: str, *, days: int, **changes: Any) -> dict[str, Any]:
        """Held, requested and confirmed; as `HeldOut`."""
        async with a_client(self.app) as client:
            answers = {"pin_letter": True}
            body = {"office": OFFICE, **self.wanted(wall, days=days, preconditions=answers, **changes)}
            held = _body(
                await client.post("/v1/appointments", json=body, headers={"Idempotency-Key": str(uuid4())})
            )
            own = f"/v1/appointments/{held['id']}"
            contact = {"email": f"{held['id'][:8]}@example.org", "language": "de"}
            _body(await client.put(f"{own}/contact", json=contact, headers=bearer(held)))
            secret = {"secret": KEYS.secret("confirm", held["id"], FIRST_CONTACT)}
            _body(await client.post(f"{own}/confirm", json=secret))
        found: dict[str, Any] = held
        return found

    async def recorded(self, subject: str | None = None) -> list[str]:
        query = {"subject": subject} if subject else {}
        return [entry["action"] async for entry in self.desk.database["audit"].find(query).sort("_id", 1)]


def a_visit(**changes: Any) -> dict[str, Any]:
    members = [{"municipality": HECHINGEN}]
    return {"service": "eat_pickup", "family_name": "Öztürk", "members": members, **changes}


def bearer(held: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {held['token']}"}


def a_client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://termine.example")


def _body(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    is_json = answer.headers.get("Content-Type", "").endswith("json") and answer.content
    return answer.json() if is_json else answer.content


@asynccontextmanager
async def an_office_at_work(servers: Stack, **changes: Any) -> AsyncIterator[AtWork]:
    """Two offices; the time is 08:30 on a day that is open, and the next one is open as well."""
    other = an_office(id=OTHER_OFFICE)
    async with a_desk(servers, office=an_office(**changes), others=[other]) as desk:
        offices = desk.booking.offices
        assert isinstance(offices, Offices)
        await ensure_staff_indexes(desk.database)
        await offices.start()
        staff = make_staff(
            desk.database,
            clock=desk.clock,
            keys=KEYS,
            offices=offices.keys(),
            public_url="https://termine.example",
            citizens_url=CITIZENS,
        )
        work = AtWork(desk, _app(desk, staff, offices), staff, _working_day(desk.office, desk.clock.now()))
        work.it_is("08:30")
        try:
            yield work
        finally:
            await offices.stop()


def _app(desk: Desk, staff: Staff, offices: Offices) -> FastAPI:
    @asynccontextmanager
    async def nothing(_: FastAPI) -> AsyncIterator[None]:
        yield

    health = Health(required={}, degrading={})
    app = create_app(title="o", description="o", health=health, lifespan=nothing, larger_bodies=LARGER_BODIES)
    booking = desk.booking
    planning = Planning(booking, Counter(booking), offices, OfficeStore(desk.database), KEYS)
    reaching = Reaching(booking, desk.messages, Calls(desk.database))
    day, waiting_list, guard = Day(booking, DayBook(desk.database)), WaitingList(booking), a_guard(None)[0]
    add_routes(app, booking, day=day, erasing=desk.erasing, waiting_list=waiting_list, guard=guard)
    add_citizen_pages(app, booking, erasing=desk.erasing, guard=guard, waiting_list=waiting_list)
    add_staff_routes(app, staff)
    add_work_routes(app, staff, booking=booking, day=day, planning=planning, reaching=reaching)
    live, displays = Live(day, day.book), Displays(desk.database)
    training = Training(booking, planning, day, desk.erasing)
    work = Work(staff, booking, day, planning, reaching, guard, live, displays, training)
    add_staff_pages(app, work, client_of=peer)
    return app


def _working_day(office: Office, now: datetime) -> datetime:
    """The midnight before the next Monday of a week without holidays or closures, Wednesday apart."""
    day = now.astimezone(office.zone).date() + timedelta(days=1)
    while day.weekday() or not all(office.is_open(day + timedelta(days=n)) for n in (0, 1, 3, 4)):
        day += timedelta(days=1)
    return datetime.combine(day, time(), office.zone)
