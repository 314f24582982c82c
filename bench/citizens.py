"""Clients who book over HTTP, as fast as they are answered."""

import time
from collections.abc import Iterator
from datetime import datetime
from itertools import count, cycle
from typing import Any
from uuid import uuid4

from bench.lean_http import Answer, Connection
from bench.office import MUNICIPALITY, OFFICE, SERVICE, times
from bench.stage import Stage
from services.booking.tokens import Keys

# The version that the contact details bring the appointment to: the generation of the message's secret.
_CONTACT_SEQUENCE = 2


class Citizens:
    """Each takes the next time of the horizon; the office has a desk for everybody."""

    def __init__(self, stage: Stage) -> None:
        self._keys: Keys = stage.keys
        self._times: Iterator[datetime] = cycle(times(stage.office))
        self._run = uuid4().hex[:8]
        self._number = count()

    def next_email(self) -> str:
        return f"{self._run}-{next(self._number)}@example.org"

    async def book(self, http: Connection) -> list[float]:
        """Hold, contact, confirm; the seconds of each answer."""
        email = self.next_email()
        id, authorized, first = await self._hold(http)
        contact = {"email": email, "given_name": "Ayşe", "language": "de"}
        second, _ = await _timed(http, 200, "PUT", f"/v1/appointments/{id}/contact", contact, authorized)
        third = await self.confirm(http, id)
        return [first, second, third]

    async def request(self, http: Connection) -> tuple[str, str]:
        """Hold and contact; the appointment's id and the mail address."""
        email = self.next_email()
        id, authorized, _ = await self._hold(http)
        contact = {"email": email, "given_name": "Ayşe", "language": "de"}
        await _timed(http, 200, "PUT", f"/v1/appointments/{id}/contact", contact, authorized)
        return id, email

    async def confirm(self, http: Connection, id: str) -> float:
        secret = {"secret": self._keys.secret("confirm", id, _CONTACT_SEQUENCE)}
        seconds, _ = await _timed(http, 200, "POST", f"/v1/appointments/{id}/confirm", secret)
        return seconds

    async def _hold(self, http: Connection) -> tuple[str, dict[str, str], float]:
        body = wish(next(self._times))
        seconds, answer = await _timed(http, 201, "POST", "/v1/appointments", body, a_new_key())
        held = answer.json()
        return held["id"], {"Authorization": f"Bearer {held['token']}"}, seconds


def wish(starts_at: datetime, service: str = SERVICE) -> dict[str, Any]:
    return {
        "office": OFFICE,
        "service": service,
        "starts_at": starts_at.isoformat(),
        "family_name": "Öztürk",
        "members": [{"municipality": MUNICIPALITY}],
        "preconditions": {"pin_letter": True},
    }


def a_new_key() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


async def _timed(
    http: Connection, expected: int, method: str, path: str, body: Any, headers: dict[str, str] | None = None
) -> tuple[float, Answer]:
    started = time.perf_counter()
    answer = await http.send(method, path, body, headers)
    seconds = time.perf_counter() - started
    if answer.status != expected:
        raise RuntimeError(f"{method} {path} answered {answer.status}: {answer.body[:300]!r}")
    return seconds, answer
