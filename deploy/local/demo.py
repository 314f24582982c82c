"""The main job on real servers, through the public interfaces only: HTTP, mail, figures."""

import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from deploy.local.reading import Form, calendar_of, mails_to, text_of
from deploy.local.stack import Stack
from shared.setup import Trouble

_SERVICE = "eat_pickup"
_PATIENCE = 20.0
T = TypeVar("T")


class DemoFailed(Exception):
    """What was expected and what came instead."""


class Told:
    """Prints the steps as a person wants to read them, each with the time it took."""

    def __init__(self) -> None:
        self.number = 0
        self.title = ""

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        self.number += 1
        self.title = title
        notes: list[str] = []
        started = time.monotonic()
        yield notes.append
        print(f"{self.number:>3}  {title:<88}{time.monotonic() - started:6.2f} s")
        for note in notes:
            print(f"       {note}")
        sys.stdout.flush()


def run_demo() -> int:
    """0 where every step did what it should."""
    print("Amtstermin demo: a family of three from Hechingen picks up its residence cards.\n")
    told, started = Told(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="amtstermin-demo-") as folder:
        stack = Stack(folder=Path(folder))
        try:
            with told.step("RabbitMQ, MongoDB, a mail catcher and the three services start") as note:
                stack.start()
                note(", ".join(f"{name} {url}" for name, url in stack.addresses.items()))
            with httpx.Client(base_url=stack["booking"].url, timeout=30) as http:
                _main_job(told, stack, http)
        except (DemoFailed, Trouble, httpx.HTTPError, LookupError, ValueError) as error:
            print(f"\nStep {told.number} failed ({told.title}): {error!s:.600}", file=sys.stderr)
            _show_logs(stack)
            return 1
        finally:
            stack.stop()
    seconds = time.monotonic() - started
    print(f"\nAll {told.number} steps did what they should, in {seconds:.0f} s; everything is stopped.")
    return 0


def _main_job(told: Told, stack: Stack, http: httpx.Client) -> None:
    office = _catalogue(told, http)
    places = {place["name"]: place["ags"] for place in office["municipalities"]}
    family = Visitors(http, stack, office, ["Hechingen"] * 3, places, under_6=1)
    _book(told, family, "The family")
    _move(told, family)
    single = Visitors(http, stack, office, ["Hechingen"], places)
    _book(told, single, "A second person")
    _cancel(told, single)
    _refuse(told, Visitors(http, stack, office, ["Albstadt"], places))
    _figures(told, stack)


def _catalogue(told: Told, http: httpx.Client) -> dict[str, Any]:
    with told.step("The office and its services are online") as note:
        offices = _answer(http.get("/v1/offices"), 200)
        office: dict[str, Any] = _answer(http.get(f"/v1/offices/{offices[0]['id']}"), 200)
        services = _answer(http.get(f"/v1/offices/{office['id']}/services"), 200)
        service = next(s for s in services if s["id"] == _SERVICE)
        note(f"{office['name']['de']}: {len(services)} services, {len(office['municipalities'])} municipalities")
        note(f"chosen: {service['name']['en']}")
        return office


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
    ) -> None:
        self.http = http
        self.office = office
        self.email = f"{uuid4().hex[:8]}@example.org"
        self.homes = homes
        adults = len(homes) - under_6
        self.members = [{"municipality": places[home], "under_6": n >= adults} for n, home in enumerate(homes)]
        self.under_6 = under_6
        self.booked: dict[str, Any] = {}
        self._maildir = stack.mail.maildir

    def free_times(self) -> list[str]:
        params: dict[str, str | int] = {
            "service": _SERVICE, "persons": len(self.members), "children_under_6": self.under_6
        }  # fmt: skip
        answer = _answer(self.http.get(f"/v1/offices/{self.office['id']}/availability", params=params), 200)
        times = [starts_at for day in answer["days"] for starts_at in day["times"]]
        return times or _fail("free times", answer)

    def hold(self, starts_at: str) -> httpx.Response:
        wanted = {"office": self.office["id"], "service": _SERVICE, "starts_at": starts_at}
        who = {"family_name": "Öztürk", "members": self.members}
        headers = {"Idempotency-Key": str(uuid4())}
        return self.http.post("/v1/appointments", json={**wanted, **who}, headers=headers)

    def call(self, method: str, path: str = "", body: dict[str, Any] | None = None) -> dict[str, Any]:
        """On the own appointment, with its token."""
        url = f"/v1/appointments/{self.booked['id']}{path}"
        headers = {"Authorization": f"Bearer {self.booked['token']}"}
        found: dict[str, Any] = _answer(self.http.request(method, url, json=body, headers=headers), 200)
        return found

    def status(self) -> str:
        return str(self.call("GET")["status"])

    def mail(self, number: int, note: Callable[[str], None]) -> EmailMessage:
        """The so-many-th mail; waits for it."""
        asked = time.monotonic()
        mails = _eventually(
            lambda: found if len(found := mails_to(self._maildir, self.email)) >= number else None,
            f"mail number {number} to {self.email}",
        )
        mail = mails[number - 1]
        entry = calendar_of(mail)
        calendar = f", with calendar entry {entry['METHOD']} {entry['SEQUENCE']}" if entry else ""
        note(f"mail after {time.monotonic() - asked:.2f} s: “{mail['Subject']}”{calendar}")
        return mail


def _book(told: Told, visitors: Visitors, who: str) -> None:
    with told.step(f"{who} from {visitors.homes[0]} asks whether this office is responsible") as note:
        url = f"/v1/offices/{visitors.office['id']}/assignment"
        asked = {"service": _SERVICE, "family_name": "Öztürk", "members": visitors.members}
        answer = _answer(visitors.http.post(url, json=asked), 200)
        _expect(all(member["responsible"] for member in answer["members"]), "this office is responsible", answer)
        note(f"yes; team {answer['team']}, {answer['minutes']} minutes for {len(visitors.members)}")
    with told.step(f"{who} chooses a free time and holds it") as note:
        times = visitors.free_times()
        visitors.booked = _answer(visitors.hold(times[0]), 201)
        note(f"{len(times)} free times; held: {_spoken(times[0])}, code {visitors.booked['code']}")
    with told.step(f"{who} says how to be reached; a mail asks to confirm") as note:
        contact = {"given_name": "Ayşe", "email": visitors.email, "phone": None, "language": "de"}
        answer = visitors.call("PUT", "/contact", {**contact, "sms_consent": False})
        _expect(answer["status"] == "requested", "status requested", answer)
        mail = visitors.mail(1, note)
    _confirm(told, visitors, who, mail)


def _confirm(told: Told, visitors: Visitors, who: str, mail: EmailMessage) -> None:
    with told.step(f"{who} opens the mail's link; that alone changes nothing (mail scanners do it too)") as note:
        links = re.findall(r"https?://\S+/confirm/\S+", text_of(mail))
        _expect(bool(links), "a link to confirm in the mail", text_of(mail))
        page = visitors.http.get(links[0])
        _expect(page.status_code == 200, "a page", page.text)
        form = Form(page.text)
        _expect(bool(form.action), "a form", page.text)
        note(f"a page with the button “{form.button}”; the appointment is {visitors.status()}")
        _expect(visitors.status() == "requested", "status requested", visitors.status())
    with told.step(f"{who} presses the button; the appointment is confirmed") as note:
        page = visitors.http.post(httpx.URL(links[0]).join(form.action), data=form.fields)
        _expect(page.status_code == 200, "a page", page.text)
        _expect(visitors.status() == "confirmed", "status confirmed", visitors.status())
        visitors.mail(2, note)


def _move(told: Told, visitors: Visitors) -> None:
    with told.step("The family moves its appointment by some days") as note:
        before = calendar_of(visitors.mail(2, lambda _: None))
        times = visitors.free_times()
        day = times[0][:10]
        later = next((starts_at for starts_at in times if starts_at[:10] > day), times[-1])
        answer = visitors.call("POST", "/reschedule", {"starts_at": later})
        _expect(_same_time(answer["starts_at"], later), f"the time {later}", answer)
        note(f"now: {_spoken(later)}")
        after = calendar_of(visitors.mail(3, note))
        _expect(after["UID"] == before["UID"], "the same calendar entry", after)
        _expect(int(after["SEQUENCE"]) > int(before["SEQUENCE"]), "a higher SEQUENCE", after)


def _cancel(told: Told, visitors: Visitors) -> None:
    with told.step("The second person cancels") as note:
        answer = visitors.call("POST", "/cancel")
        _expect(answer["status"] == "cancelled", "status cancelled", answer)
        entry = calendar_of(visitors.mail(3, note))
        _expect(entry["METHOD"] == "CANCEL", "a calendar entry that cancels", entry)


def _refuse(told: Told, visitors: Visitors) -> None:
    with told.step("Somebody from Albstadt tries to book and is told who is responsible") as note:
        problem = _answer(visitors.hold(visitors.free_times()[0]), 422)
        names = [authority["name"] for authority in problem["authorities"]]
        _expect(any("Albstadt" in name for name in names), "Albstadt's authority", problem)
        _expect(names[0] in problem["detail"], "its name in words", problem)
        note(f"refused: {problem['detail']}")


def _figures(told: Told, stack: Stack) -> None:
    expected = {
        "held": 2, "requested": 2, "confirmed": 2, "rescheduled": 1, "cancelled": 1, "expired": 0,
        "persons": 4, "persons_under_6": 1, "out_of_area": 1,
    }  # fmt: skip
    with told.step("The figures show exactly that") as note:
        today = datetime.now().astimezone().date()

        def shown() -> dict[str, Any]:
            # Booking and reporting may see midnight at another moment than this process.
            params = {"from": _day(today, -1), "to": _day(today, 2)}
            rows = _answer(httpx.get(f"{stack['reporting'].url}/v1/reports/figures", params=params), 200)
            return {name: rows[0].get(name) for name in expected} if rows else {}

        try:
            _eventually(lambda: shown() == expected, "")
        except DemoFailed:
            _fail(str(expected), shown())
        note(" · ".join(f"{name} {value}" for name, value in expected.items()))


def _answer(answer: httpx.Response, status: int) -> Any:
    if answer.status_code != status:
        call = f"{answer.request.method} {answer.request.url.path}"
        raise DemoFailed(f"{call} answered {answer.status_code}, not {status}: {answer.text}")
    return answer.json()


def _eventually(look: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise DemoFailed(f"waited {_PATIENCE:.0f} s for {what}")
        time.sleep(0.02)


def _expect(holds: bool, what: str, instead: object) -> None:
    if not holds:
        _fail(what, instead)


def _fail(what: str, instead: object) -> Any:
    raise DemoFailed(f"expected {what}, got {instead!s:.500}")


def _same_time(one: str, other: str) -> bool:
    return datetime.fromisoformat(one) == datetime.fromisoformat(other)


def _spoken(starts_at: str) -> str:
    return f"{datetime.fromisoformat(starts_at):%A %d %B %Y, %H:%M}"


def _day(today: date, days: int) -> str:
    return str(today + timedelta(days=days))


def _show_logs(stack: Stack) -> None:
    """The folder goes away with the demo; its last words should not."""
    for process in stack.processes:
        if process.log.exists():
            lines = process.log.read_text(errors="replace").splitlines()[-5:]
            print(f"\n{process.name} said last:", *lines, sep="\n  ", file=sys.stderr)
