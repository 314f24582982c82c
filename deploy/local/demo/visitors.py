"""One person or family on the way through the booking."""

import time
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import httpx

from deploy.local.demo.steps import body_of, eventually, expect, fail
from deploy.local.reading import calendar_of, mails_to
from deploy.local.stack import Stack

SERVICE = "eat_pickup"
# What the service asks first: the PIN letter is there.
ANSWERS = {"pin_letter": True}


class Visitors:
    """One person or family on the way through the booking."""

    def __init__(
        self,
        http: httpx.Client,
        stack: Stack,
        office: dict[str, Any],
        homes: list[str],
        places: dict[str, str],
        *,
        under_6: int = 0,
        service: str = SERVICE,
        family_name: str = "Öztürk",
    ) -> None:
        self.http = http
        self.office = office
        self.email = f"{uuid4().hex[:8]}@example.org"
        self.homes = homes
        adults = len(homes) - under_6
        self.members = [{"municipality": places[home], "under_6": n >= adults} for n, home in enumerate(homes)]
        self.under_6 = under_6
        self.service = service
        self.family_name = family_name
        self.booked: dict[str, Any] = {}
        self._maildir = stack.mail.maildir

    def free_times(self) -> list[str]:
        params: dict[str, str | int] = {
            "service": self.service, "persons": len(self.members), "children_under_6": self.under_6
        }  # fmt: skip
        answer = body_of(self.http.get(f"/v1/offices/{self.office['id']}/availability", params=params), 200)
        times = [starts_at for day in answer["days"] for starts_at in day["times"]]
        return times or fail("free times", answer)

    def assignment(self) -> dict[str, Any]:
        """Who is responsible, which desk, how long."""
        found: dict[str, Any] = body_of(self.http.post(f"{self._office_url}/assignment", json=self._asked), 200)
        return found

    def own_times(self) -> list[str]:
        """Free times at the desk of the own family name; asked for by POST, since no name stands in a URL."""
        answer = body_of(self.http.post(f"{self._office_url}/availability", json=self._asked), 200)
        times = [starts_at for day in answer["days"] for starts_at in day["times"]]
        return times or fail("free times", answer)

    def give_contact(self) -> None:
        """After it a mail asks to confirm."""
        contact = {"given_name": "Ayşe", "email": self.email, "phone": None, "language": "de"}
        answer = self.call("PUT", "/contact", {**contact, "sms_consent": False})
        expect(answer["status"] == "requested", "status requested", answer)

    def wait(self, wish: dict[str, Any]) -> None:
        """A place on the waiting list, without an appointment."""
        wanted = {**self._asked, "office": self.office["id"], "wish": wish, "preconditions": ANSWERS}
        headers = {"Idempotency-Key": str(uuid4())}
        self.booked = body_of(self.http.post("/v1/waiting-list", json=wanted, headers=headers), 201)

    @property
    def _office_url(self) -> str:
        return f"/v1/offices/{self.office['id']}"

    @property
    def _asked(self) -> dict[str, Any]:
        return {"service": self.service, "family_name": self.family_name, "members": self.members}

    def hold(self, starts_at: str) -> httpx.Response:
        wanted = {"office": self.office["id"], "service": self.service, "starts_at": starts_at}
        who = {"family_name": self.family_name, "members": self.members, "preconditions": ANSWERS}
        headers = {"Idempotency-Key": str(uuid4())}
        return self.http.post("/v1/appointments", json={**wanted, **who}, headers=headers)

    def call(self, method: str, path: str = "", body: dict[str, Any] | None = None) -> dict[str, Any]:
        """On the own appointment, with its token."""
        url = f"/v1/appointments/{self.booked['id']}{path}"
        headers = {"Authorization": f"Bearer {self.booked['token']}"}
        found: dict[str, Any] = body_of(self.http.request(method, url, json=body, headers=headers), 200)
        return found

    def status(self) -> str:
        return str(self.call("GET")["status"])

    def mail(self, number: int, note: Callable[[str], None]) -> EmailMessage:
        """The so-many-th mail; waits for it."""
        asked = time.monotonic()
        mails = eventually(
            lambda: found if len(found := mails_to(self._maildir, self.email)) >= number else None,
            f"mail number {number} to {self.email}",
        )
        mail = mails[number - 1]
        entry = calendar_of(mail)
        calendar = f", with calendar entry {entry['METHOD']} {entry['SEQUENCE']}" if entry else ""
        note(f"mail after {time.monotonic() - asked:.2f} s: “{mail['Subject']}”{calendar}")
        return mail
