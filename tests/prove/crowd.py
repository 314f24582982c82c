"""Citizens who arrive at an open rate, whether or not the ones before were served, and do what people do.

Some phone instead: then staff book, move and cancel for them, confirmed at once.

Each acts through the public API at whichever process of booking answers, and repeats a request that ended
unclear, under the same key. What everybody does follows from the seed; what comes of it does not.
"""

import asyncio
import random
import ssl
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from tests.builders import BALINGEN, HECHINGEN
from tests.prove.history import Action, History, Operation, Outcome

OFFICE = "zollernalbkreis"
# Many desks, and few: the second is where people meet.
ROOMY, SCARCE = "eat_pickup", "commitment"
_PATIENCE_S = 10.0
_REPEATS = 4
_WAITS_FOR_MAIL_S = 60.0
_LANGUAGES = ("de", "en")


class Mailbox(Protocol):
    def secret_for(self, address: str) -> str | None:
        """The secret of the newest mail to `address` that asks to confirm, where one has come."""


class Process(Protocol):
    """One of booking, by whatever way it runs."""

    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Answer:
    outcome: Outcome
    body: Any = None


@dataclass(slots=True)
class Citizen:
    """One person with a wish; `chance` decides all that they do."""

    number: int
    chance: random.Random
    email: str
    key: str = ""
    id: str | None = None
    token: str = ""

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def likely(self, percent: int) -> bool:
        return self.chance.randrange(100) < percent


@dataclass(slots=True)
class Crowd:
    """`start` lets citizens come, `stop` lets those who are there finish. Runs on a thread of its own."""

    seed: int
    rate: float
    history: History
    mail: Mailbox
    processes: Callable[[], Sequence[Process]]
    arrivals: int = 0
    # Of a member of the staff who is signed in; without one nobody phones.
    staff_token: str | None = None
    # Where staff reach booking, where that is another address than everybody's.
    staff_processes: Callable[[], Sequence[Process]] | None = None
    # So many are there at once at most: where the machine is too slow for the rate, further ones come later.
    most: int | None = None
    # The authority of the certificates, where booking is reached over TLS.
    authority: Path | None = None
    _held: list[tuple[float, float]] = field(default_factory=list)
    _mailed: list[tuple[float, float]] = field(default_factory=list)
    _ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _failure: BaseException | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="crowd", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Nobody new comes; returns when the last one has left. Raises what ended the crowd too early."""
        self._ending.set()
        if self._thread:
            self._thread.join(_WAITS_FOR_MAIL_S + _REPEATS * _PATIENCE_S * 3)
        if self._failure:
            raise self._failure

    @property
    def held(self) -> int:
        """How many times citizens have taken so far."""
        return len(self._held)

    def first_hold_after(self, moment: float) -> float | None:
        """When the first hold that was asked for after `moment` was answered."""
        return _first_after(self._held, moment)

    def first_mail_after(self, moment: float) -> float | None:
        """When the first mail came to somebody who held a time after `moment`."""
        return _first_after(self._mailed, moment)

    def _run(self) -> None:
        try:
            asyncio.run(self._let_them_come())
        except BaseException as error:
            self._failure = error

    async def _let_them_come(self) -> None:
        chance = random.Random(f"{self.seed}-arrivals")  # noqa: S311 (must be repeatable)
        # The services close what idles for 5 s: a client must not use a connection just then.
        limits = httpx.Limits(max_connections=400, max_keepalive_connections=100, keepalive_expiry=2)
        verify = ssl.create_default_context(cafile=self.authority) if self.authority else True
        room = asyncio.Semaphore(self.most) if self.most else None
        async with (
            httpx.AsyncClient(timeout=_PATIENCE_S, limits=limits, verify=verify) as http,
            asyncio.TaskGroup() as people,
        ):
            while not self._ending.is_set():
                if room:
                    await room.acquire()
                task = people.create_task(self._live(http, self._newcomer()))
                if room:
                    task.add_done_callback(lambda _: room.release())
                await asyncio.sleep(chance.expovariate(self.rate))

    def _newcomer(self) -> Citizen:
        number = self.arrivals
        self.arrivals += 1
        chance = random.Random(f"{self.seed}-{number}")  # noqa: S311 (must be repeatable)
        return Citizen(number, chance, email=f"citizen-{self.seed}-{number}@example.org")

    async def _live(self, http: httpx.AsyncClient, citizen: Citizen) -> None:
        """From the search to the visit, or to wherever this person leaves."""
        if self.staff_token and citizen.likely(15):
            await self._phone(http, citizen, self.staff_token)
            return
        held_at = await self._hold_some(http, citizen)
        if held_at is None or citizen.likely(12):
            return
        if not await self._give_contact(http, citizen):
            return
        secret = await self._await_mail(citizen, held_at)
        if secret is None or citizen.likely(10) or not await self._confirm(http, citizen, secret):
            return
        if citizen.likely(30):
            await asyncio.sleep(citizen.chance.uniform(0, 5))
            await self._move(http, citizen)
        if citizen.likely(30):
            await asyncio.sleep(citizen.chance.uniform(0, 5))
            await self._ask(http, citizen, Action.CANCEL, "cancel", "POST", "/cancel")

    async def _phone(self, http: httpx.AsyncClient, citizen: Citizen, token: str) -> None:
        """Staff do it all, with or without a contact."""
        citizen.token = token
        times = await self._search(http, citizen, ROOMY, 1)
        for starts_at in _choices(citizen, times, ROOMY):
            answer = await self._book_by_phone(http, citizen, starts_at)
            if answer.outcome is not Outcome.REFUSED:
                break
        else:
            return
        if answer.outcome is not Outcome.OK:
            return
        citizen.id = answer.body["id"]
        if citizen.likely(30) and (times := await self._search(http, citizen, ROOMY, 1)):
            starts_at = citizen.chance.choice(times)
            body = {"starts_at": starts_at}
            await self._ask(http, citizen, Action.MOVE, starts_at, "POST", "/reschedule", body, by_staff=True)
        if citizen.likely(30):
            await self._ask(http, citizen, Action.CANCEL, "cancel", "POST", "/cancel", {}, by_staff=True)

    async def _book_by_phone(self, http: httpx.AsyncClient, citizen: Citizen, starts_at: str) -> Answer:
        key = str(uuid.UUID(int=citizen.chance.getrandbits(128), version=4))
        # As the id of what staff book follows from their key.
        citizen.key = f"counter|{key}"
        wish: dict[str, Any] = {
            "service": ROOMY,
            "starts_at": starts_at,
            "family_name": "Öztürk",
            "members": [{"municipality": HECHINGEN}],
        }
        if citizen.likely(60):
            wish["contact"] = {"email": citizen.email, "language": "de"}
        headers = {**citizen.authorization, "Idempotency-Key": key}
        path = f"/v1/staff/offices/{OFFICE}/appointments"
        return await self._try(
            citizen,
            Action.HOLD,
            starts_at,
            lambda url: http.post(f"{url}{path}", json=wish, headers=headers),
            by_staff=True,
        )

    async def _hold_some(self, http: httpx.AsyncClient, citizen: Citizen) -> float | None:
        """Up to three times are tried; when the hold that succeeded was asked for, None where none did."""
        service = SCARCE if citizen.likely(40) else ROOMY
        persons = 1 if service == SCARCE else citizen.chance.choice((1, 1, 1, 2, 3))
        times = await self._search(http, citizen, service, persons)
        for starts_at in _choices(citizen, times, service):
            citizen.key = str(uuid.UUID(int=citizen.chance.getrandbits(128), version=4))
            began = time.time()
            answer = await self._hold(http, citizen, service, persons, starts_at)
            if answer.outcome is Outcome.OK:
                citizen.id, citizen.token = answer.body["id"], answer.body["token"]
                self._held.append((began, time.time()))
                return began
            if answer.outcome is Outcome.UNKNOWN:
                return None
        return None

    async def _search(self, http: httpx.AsyncClient, citizen: Citizen, service: str, persons: int) -> list[str]:
        query: dict[str, str | int] = {"service": service, "persons": persons}
        path = f"/v1/offices/{OFFICE}/availability"
        answer = await self._try(
            citizen, Action.SEARCH, service, lambda url: http.get(f"{url}{path}", params=query)
        )
        if answer.outcome is not Outcome.OK:
            return []
        return [moment for day in answer.body["days"] for moment in day["times"]]

    async def _hold(
        self, http: httpx.AsyncClient, citizen: Citizen, service: str, persons: int, starts_at: str
    ) -> Answer:
        homes = [citizen.chance.choice((HECHINGEN, BALINGEN)) for _ in range(persons)]
        wish = {
            "office": OFFICE,
            "service": service,
            "starts_at": starts_at,
            "family_name": "Öztürk",
            "members": [{"municipality": home} for home in homes],
            "preconditions": {"pin_letter": True},
        }
        key = {"Idempotency-Key": citizen.key}

        def send(url: str) -> Awaitable[httpx.Response]:
            return http.post(f"{url}/v1/appointments", json=wish, headers=key)

        if citizen.likely(5):
            # A double click: both are one wish, and the first answer counts for the second as well.
            one, other = await asyncio.gather(*(self._try(citizen, Action.HOLD, starts_at, send) for _ in "12"))
            return one if one.outcome is Outcome.OK else other
        return await self._try(citizen, Action.HOLD, starts_at, send)

    async def _give_contact(self, http: httpx.AsyncClient, citizen: Citizen) -> bool:
        contact: dict[str, Any] = {
            "email": citizen.email,
            "given_name": "Ayşe",
            "language": citizen.chance.choice(_LANGUAGES),
        }
        if citizen.likely(25):
            contact |= {"phone": f"+49151{citizen.number:08}", "sms_consent": True}
        if citizen.likely(8):
            mistyped = {**contact, "email": f"mistyped-{citizen.email}"}
            await self._ask(http, citizen, Action.CONTACT, mistyped["email"], "PUT", "/contact", mistyped)
        answer = await self._ask(http, citizen, Action.CONTACT, citizen.email, "PUT", "/contact", contact)
        return answer.outcome is Outcome.OK

    async def _await_mail(self, citizen: Citizen, held_at: float) -> str | None:
        deadline = time.monotonic() + _WAITS_FOR_MAIL_S
        while time.monotonic() < deadline:
            if secret := self.mail.secret_for(citizen.email):
                self._mailed.append((held_at, time.time()))
                return secret
            await asyncio.sleep(0.2)
        return None

    async def _confirm(self, http: httpx.AsyncClient, citizen: Citizen, secret: str) -> bool:
        body = {"secret": secret}
        answer = await self._ask(http, citizen, Action.CONFIRM, "confirm", "POST", "/confirm", body)
        return answer.outcome is Outcome.OK

    async def _move(self, http: httpx.AsyncClient, citizen: Citizen) -> None:
        times = await self._search(http, citizen, ROOMY, 1)
        for starts_at in _choices(citizen, times, ROOMY):
            body = {"starts_at": starts_at}
            answer = await self._ask(http, citizen, Action.MOVE, starts_at, "POST", "/reschedule", body)
            if answer.outcome is not Outcome.REFUSED:
                return

    async def _ask(
        self,
        http: httpx.AsyncClient,
        citizen: Citizen,
        action: Action,
        wish: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        by_staff: bool = False,
    ) -> Answer:
        """One wish about the citizen's own appointment."""
        own = f"/v1{'/staff' if by_staff else ''}/appointments/{citizen.id}{path}"
        return await self._try(
            citizen,
            action,
            wish,
            lambda url: http.request(method, f"{url}{own}", json=body, headers=citizen.authorization),
            by_staff=by_staff,
        )

    async def _try(
        self,
        citizen: Citizen,
        action: Action,
        wish: str,
        send: Callable[[str], Awaitable[httpx.Response]],
        *,
        by_staff: bool = False,
    ) -> Answer:
        """Repeats what ends unclear, mostly at another process, and gives up some time."""
        answer = Answer(Outcome.UNKNOWN)
        processes = self.staff_processes if by_staff and self.staff_processes else self.processes
        for attempt in range(_REPEATS):
            process = citizen.chance.choice(processes())
            operation = self.history.invoke(
                action, key=citizen.key, wish=wish, process=process.name, appointment=citizen.id
            )
            answer = await self._once(operation, send(process.url))
            if answer.outcome is not Outcome.UNKNOWN:
                break
            await asyncio.sleep(citizen.chance.uniform(0.5, 2.0) * (attempt + 1))
        return answer

    async def _once(self, operation: Operation, sending: Awaitable[httpx.Response]) -> Answer:
        try:
            response = await sending
        except httpx.HTTPError:
            self.history.end(operation, Outcome.UNKNOWN)
            return Answer(Outcome.UNKNOWN)
        outcome = _outcome(response.status_code)
        body = response.json() if outcome is Outcome.OK else None
        appointment = body.get("id") if isinstance(body, dict) else None
        self.history.end(operation, outcome, status=response.status_code, appointment=appointment)
        return Answer(outcome, body)


def _outcome(status: int) -> Outcome:
    if status >= 500:
        return Outcome.UNKNOWN
    return Outcome.OK if status < 400 else Outcome.REFUSED


def _choices(citizen: Citizen, times: Sequence[str], service: str) -> list[str]:
    """Three times to try. Where desks are few, people want the same ones: the first of the list."""
    wanted = times[:40] if service == SCARCE else times
    return [citizen.chance.choice(wanted) for _ in range(3)] if wanted else []


def _first_after(pairs: Sequence[tuple[float, float]], moment: float) -> float | None:
    return min((ended for began, ended in list(pairs) if began >= moment), default=None)
