"""A family of three from Hechingen picks up its residence cards."""

import re
from datetime import datetime
from email.message import EmailMessage
from typing import Any

import httpx

from deploy.local.demo.steps import (
    DemoFailed,
    Told,
    body_of,
    day_from,
    eventually,
    expect,
    fail,
    same_time,
    spoken,
)
from deploy.local.demo.visitors import SERVICE, Visitors
from deploy.local.reading import Form, calendar_of, text_of
from deploy.local.stack import Stack


def main_job(told: Told, stack: Stack, http: httpx.Client) -> dict[str, Any]:
    """Booked, confirmed, moved, cancelled and refused, until the figures show it. Gives the office."""
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
    return office


def _catalogue(told: Told, http: httpx.Client) -> dict[str, Any]:
    with told.step("The office and its services are online") as note:
        offices = body_of(http.get("/v1/offices"), 200)
        office: dict[str, Any] = body_of(http.get(f"/v1/offices/{offices[0]['id']}"), 200)
        services = body_of(http.get(f"/v1/offices/{office['id']}/services"), 200)
        service = next(s for s in services if s["id"] == SERVICE)
        note(f"{office['name']['de']}: {len(services)} services, {len(office['municipalities'])} municipalities")
        note(f"chosen: {service['name']['en']}")
        return office


def _book(told: Told, visitors: Visitors, who: str) -> None:
    with told.step(f"{who} from {visitors.homes[0]} asks whether this office is responsible") as note:
        answer = visitors.assignment()
        expect(all(member["responsible"] for member in answer["members"]), "this office is responsible", answer)
        note(f"yes; team {answer['team']}, {answer['minutes']} minutes for {len(visitors.members)}")
    with told.step(f"{who} chooses a free time and holds it") as note:
        times = visitors.free_times()
        visitors.booked = body_of(visitors.hold(times[0]), 201)
        note(f"{len(times)} free times; held: {spoken(times[0])}, code {visitors.booked['code']}")
    with told.step(f"{who} says how to be reached; a mail asks to confirm") as note:
        visitors.give_contact()
        mail = visitors.mail(1, note)
    confirm(told, visitors, who, mail)


def confirm(told: Told, visitors: Visitors, who: str, mail: EmailMessage) -> None:
    with told.step(f"{who} opens the mail's link; that alone changes nothing (mail scanners do it too)") as note:
        links = re.findall(r"https?://\S+/confirm/\S+", text_of(mail))
        expect(bool(links), "a link to confirm in the mail", text_of(mail))
        page = visitors.http.get(links[0])
        expect(page.status_code == 200, "a page", page.text)
        form = Form(page.text)
        expect(bool(form.action), "a form", page.text)
        note(f"a page with the button “{form.button}”; the appointment is {visitors.status()}")
        expect(visitors.status() == "requested", "status requested", visitors.status())
    with told.step(f"{who} presses the button; the appointment is confirmed") as note:
        page = visitors.http.post(httpx.URL(links[0]).join(form.action), data=form.fields)
        expect(page.status_code == 200, "a page", page.text)
        expect(visitors.status() == "confirmed", "status confirmed", visitors.status())
        visitors.mail(2, note)


def _move(told: Told, visitors: Visitors) -> None:
    with told.step("The family moves its appointment by some days") as note:
        before = calendar_of(visitors.mail(2, lambda _: None))
        times = visitors.free_times()
        day = times[0][:10]
        later = next((starts_at for starts_at in times if starts_at[:10] > day), times[-1])
        answer = visitors.call("POST", "/reschedule", {"starts_at": later})
        expect(same_time(answer["starts_at"], later), f"the time {later}", answer)
        note(f"now: {spoken(later)}")
        after = calendar_of(visitors.mail(3, note))
        expect(after["UID"] == before["UID"], "the same calendar entry", after)
        expect(int(after["SEQUENCE"]) > int(before["SEQUENCE"]), "a higher SEQUENCE", after)


def _cancel(told: Told, visitors: Visitors) -> None:
    with told.step("The second person cancels") as note:
        answer = visitors.call("POST", "/cancel")
        expect(answer["status"] == "cancelled", "status cancelled", answer)
        entry = calendar_of(visitors.mail(3, note))
        expect(entry["METHOD"] == "CANCEL", "a calendar entry that cancels", entry)


def _refuse(told: Told, visitors: Visitors) -> None:
    with told.step("Somebody from Albstadt tries to book and is told who is responsible") as note:
        problem = body_of(visitors.hold(visitors.free_times()[0]), 422)
        names = [authority["name"] for authority in problem["authorities"]]
        expect(any("Albstadt" in name for name in names), "Albstadt's authority", problem)
        expect(names[0] in problem["detail"], "its name in words", problem)
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
            params = {"from": day_from(today, -1), "to": day_from(today, 2)}
            url = f"{stack['reporting'].url}/v1/reports/figures"
            rows = body_of(httpx.get(url, params=params, headers=stack.reader), 200)
            return {name: rows[0].get(name) for name in expected} if rows else {}

        try:
            eventually(lambda: shown() == expected, "")
        except DemoFailed:
            fail(str(expected), shown())
        note(" · ".join(f"{name} {value}" for name, value in expected.items()))
