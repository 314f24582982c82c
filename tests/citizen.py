"""A person who books: through HTTP and mail only, as anybody would."""

import mailbox
import re
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from deploy.local.reading import delivered, parse, text_of
from deploy.local.stack import Stack
from tests.builders import HECHINGEN
from tests.waiting import eventually

OFFICE = "zollernalbkreis"


class Mailbox:
    """What the mail catcher keeps, oldest first. Mails are read once."""

    def __init__(self, maildir: Path) -> None:
        self._maildir = maildir
        self._read: dict[str, EmailMessage] = {}

    def all(self) -> list[EmailMessage]:
        if self._maildir.is_dir():
            box = mailbox.Maildir(self._maildir, create=False)
            fresh = [key for key in box.keys() if key not in self._read]  # noqa: SIM118 (a mailbox is no dict)
            for key in sorted(fresh, key=delivered):
                self._read[key] = parse(box.get_bytes(key))
        return list(self._read.values())

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.all() if address in str(mail["To"])]


def link_in(mail: EmailMessage, kind: str) -> str:
    """The link to `/confirm/…`, `/manage/…` or `/entry?…` in the mail's text."""
    found = re.search(rf"https?://\S+/{kind}[/?]\S+", text_of(mail))
    assert found, text_of(mail)
    return found.group()


@dataclass
class Citizen:
    stack: Stack
    service: str = "eat_pickup"
    persons: int = 1
    email: str = field(default_factory=lambda: f"{uuid4().hex[:12]}@example.org")
    key: str = field(default_factory=lambda: str(uuid4()))
    booked: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.stack["booking"].url, timeout=30)
        self.mailbox = Mailbox(self.stack.mail.maildir)

    def free_times(self) -> list[str]:
        answer = self.http.get(
            f"/v1/offices/{OFFICE}/availability", params={"service": self.service, "persons": self.persons}
        )
        assert answer.status_code == 200, answer.text
        return [time for day in answer.json()["days"] for time in day["times"]]

    def wish(self, starts_at: str, **changes: Any) -> dict[str, Any]:
        members = [{"municipality": HECHINGEN}] * self.persons
        wanted: dict[str, Any] = {"office": OFFICE, "service": self.service, "starts_at": starts_at}
        wanted |= {"members": members, "preconditions": {"pin_letter": True}}
        return {**wanted, "family_name": "Öztürk", **changes}

    def hold(self, starts_at: str, **changes: Any) -> httpx.Response:
        answer = self.http.post(
            "/v1/appointments", json=self.wish(starts_at, **changes), headers={"Idempotency-Key": self.key}
        )
        if answer.status_code == 201:
            self.booked = answer.json()
        return answer

    def hold_any(self) -> dict[str, Any]:
        """Some free time; others may be quicker with the first ones."""
        for time in self.free_times():
            if self.hold(time).status_code == 201:
                return self.booked
        raise AssertionError("no free time")

    @property
    def path(self) -> str:
        return f"/v1/appointments/{self.booked['id']}"

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.booked['token']}"}

    def request(self, **changes: Any) -> httpx.Response:
        contact = {"email": self.email, "given_name": "Ayşe", "language": "de", **changes}
        return self.http.put(f"{self.path}/contact", json=contact, headers=self.authorization)

    def mails(self, *, at_least: int = 1, within: float = 20) -> list[EmailMessage]:
        return eventually(
            lambda: found if len(found := self.mailbox.to(self.email)) >= at_least else None,
            within=within,
            what=f"{at_least} mails to the citizen",
        )

    def confirm_by_link(self, mail: EmailMessage) -> httpx.Response:
        """As a person does: opens the link, sees a page, presses its button."""
        link = httpx.URL(link_in(mail, "confirm"))
        assert self.http.get(link.raw_path.decode()).status_code == 200
        return self.http.post(link.path, data={"secret": link.params["secret"]})

    def book(self) -> dict[str, Any]:
        """The whole way: hold, contact, mail, link."""
        self.hold_any()
        assert self.request().status_code == 200
        answer = self.confirm_by_link(self.mails()[0])
        assert answer.status_code == 200, answer.text
        return self.look()

    def look(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(self.path, headers=self.authorization).json()
        return found

    def cancel(self) -> httpx.Response:
        return self.http.post(f"{self.path}/cancel", headers=self.authorization)
