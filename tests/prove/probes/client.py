"""A person at the public API whose every operation stands in the world's history."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

import httpx

from tests.builders import HECHINGEN
from tests.prove.history import Action, Outcome
from tests.prove.world import World
from tests.waiting import eventually

OFFICE = "zollernalbkreis"
# A team with many desks: nobody takes a time away from anybody there.
ROOMY = "eat_pickup"
_PATIENCE_S, _IDLE_S = 15.0, 2.0
_MAIL_WITHIN_S = 40.0

T = TypeVar("T")


def a_key(chance: Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))


def outcome_of(status: int) -> Outcome:
    if status >= 500:
        return Outcome.UNKNOWN
    return Outcome.OK if status < 400 else Outcome.REFUSED


def wish(starts_at: str, *, service: str = ROOMY, **changes: Any) -> dict[str, Any]:
    """The body of a hold for one person."""
    wanted = {"office": OFFICE, "service": service, "starts_at": starts_at, "preconditions": {"pin_letter": True}}
    return {**wanted, "family_name": "Öztürk", "members": [{"municipality": HECHINGEN}], **changes}


def asked(answer: httpx.Response) -> str:
    """What `answer` answers, for a person to read."""
    body = answer.request.read()
    return f"{answer.request.method} {answer.request.url.raw_path.decode()} {body[:200]!r}"


def as_json(http: httpx.Client, method: str, path: str, body: Any, headers: dict[str, str]) -> httpx.Request:
    plain = {**headers, "Content-Type": "application/json"}
    return http.build_request(method, path, content=json.dumps(body), headers=plain)


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results of all calls, each on a thread of its own, in order."""
    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return [task.result() for task in [pool.submit(call) for call in calls]]


def a_client(world: World, process: str, *, kept: int = 100) -> httpx.Client:
    """Keeps so many connections, idle ones less long than the server: no request shall meet one that closes."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=kept, keepalive_expiry=_IDLE_S)
    return httpx.Client(base_url=world.service(process).url, timeout=_PATIENCE_S, limits=limits)


class Person:
    """Books at the process `process`, under a key and a mail address that follow from `chance`.

    `slowest` is how many seconds the slowest answer took.
    """

    def __init__(self, world: World, chance: Random, *, process: str = "booking") -> None:
        self.world = world
        self.process = process
        self.key = self._new_key(chance)
        self.email = f"probe-{self.key[:13]}@example.org"
        self.id = ""
        self.token = ""
        self.slowest = 0.0
        self.http = a_client(world, process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    @property
    def path(self) -> str:
        return f"/v1/appointments/{self.id}"

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def free_times(self, service: str = ROOMY) -> list[str]:
        path, query = f"/v1/offices/{OFFICE}/availability", {"service": service}
        answer = self.ask(Action.SEARCH, service, "GET", path, params=query)
        assert answer.status_code == 200, f"a search was answered {answer.status_code}"
        return [time for day in answer.json()["days"] for time in day["times"]]

    def hold(self, starts_at: str, **changes: Any) -> httpx.Response:
        headers = {"Idempotency-Key": self.key}
        body = wish(starts_at, **changes)
        answer = self.ask(Action.HOLD, starts_at, "POST", "/v1/appointments", json=body, headers=headers)
        if answer.status_code == 201:
            self.id, self.token = answer.json()["id"], answer.json()["token"]
        return answer

    def hold_any(self, chance: Random, **changes: Any) -> None:
        """Some free time; others may be quicker with the first ones."""
        times = self.free_times()
        for starts_at in chance.sample(times, k=min(20, len(times))):
            if self.hold(starts_at, **changes).status_code == 201:
                return
            self.key = self._new_key(chance)
        raise AssertionError("of twenty free times none could be held")

    def _new_key(self, chance: Random) -> str:
        """One that nobody has used before, whatever `chance` gives."""
        used = {operation.key for operation in self.world.history.operations}
        return next(key for key in iter(lambda: a_key(chance), "") if key not in used)

    def give_contact(self, **changes: Any) -> httpx.Response:
        contact = {"email": self.email, "given_name": "Ayşe", "language": "de", **changes}
        return self.ask(
            Action.CONTACT,
            contact["email"],
            "PUT",
            f"{self.path}/contact",
            json=contact,
            headers=self.authorization,
        )

    def request(self, chance: Random, **changes: Any) -> str:
        """Holds, gives the contact and waits for the mail; its secret."""
        self.hold_any(chance)
        answer = self.give_contact(**changes)
        assert answer.status_code == 200, f"a contact was answered {answer.status_code}"
        return self.secret()

    def secret(self) -> str:
        """Of the link in the newest mail that asks to confirm."""
        return eventually(
            lambda: self.world.mail.secret_for(self.email),
            within=_MAIL_WITHIN_S,
            what=f"a mail that asks {self.email} to confirm",
        )

    def confirm(self, secret: str) -> httpx.Response:
        return self.ask(Action.CONFIRM, "confirm", "POST", f"{self.path}/confirm", json={"secret": secret})

    def confirm_by_page(self, secret: str) -> httpx.Response:
        return self.ask(Action.CONFIRM, "confirm", "POST", f"/confirm/{self.id}", data={"secret": secret})

    def look(self) -> dict[str, Any]:
        answer = self.http.get(self.path, headers=self.authorization)
        assert answer.status_code == 200, f"the appointment's own token was answered {answer.status_code}"
        found: dict[str, Any] = answer.json()
        return found

    def cancel(self) -> httpx.Response:
        return self.ask(Action.CANCEL, "cancel", "POST", f"{self.path}/cancel", headers=self.authorization)

    def ask(self, action: Action, wanted: str, method: str, path: str, **request: Any) -> httpx.Response:
        """One operation, from its invocation to its end; raises what the client raises."""
        history = self.world.history
        operation = history.invoke(
            action, key=self.key, wish=wanted, process=self.process, appointment=self.id or None
        )
        try:
            answer = self.http.request(method, path, **request)
        except httpx.HTTPError:
            history.end(operation, Outcome.UNKNOWN)
            raise
        self.slowest = max(self.slowest, answer.elapsed.total_seconds())
        held = answer.json()["id"] if action is Action.HOLD and answer.status_code == 201 else None
        history.end(operation, outcome_of(answer.status_code), status=answer.status_code, appointment=held)
        return answer
