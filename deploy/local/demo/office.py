"""The office at work: a family at the desk of its surname, a closure with re-planning, the waiting list."""

import os
import re
import subprocess
import sys
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import httpx

from deploy.local.demo.main_job import confirm
from deploy.local.demo.steps import Told, body_of, eventually, expect, same_time, spoken
from deploy.local.demo.visitors import Visitors
from deploy.local.process import ROOT
from deploy.local.reading import calendar_of, text_of
from deploy.local.stack import Stack

_BY_SURNAME = "cond_change"


def office_work(told: Told, stack: Stack, http: httpx.Client, office: dict[str, Any]) -> None:
    places = {place["name"]: place["ags"] for place in office["municipalities"]}
    lead = _lead(told, stack, http)
    family = Visitors(
        http, stack, office, ["Balingen", "Burladingen"], places, service=_BY_SURNAME, family_name="Yılmaz"
    )
    starts_at = _book_by_surname(told, family, lead)
    _close(told, family, lead, starts_at)
    waiter = Visitors(http, stack, office, ["Haigerloch"], places, family_name="Shevchenko")
    _wait(told, waiter)
    _serve(told, office, lead, places)


def _lead(told: Told, stack: Stack, http: httpx.Client) -> httpx.Client:
    with told.step("An account for the office's lead is made, who sets a password and signs in") as note:
        login = f"lead-{uuid4().hex[:6]}"
        command = [sys.executable, "-m", "shared.cli", "staff", "add", login, "--role", "lead"]
        environment = {**os.environ, "AMTSTERMIN_SECRETS_DIR": str(stack.secrets)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        link = re.search(r"https?://\S+/staff/password\?token=([\w-]+)", done.stdout)
        expect(link is not None, "a one-time link", done.stdout + done.stderr)
        assert link
        password = uuid4().hex
        page = http.post("/staff/password", data={"token": link[1], "password": password})
        expect(page.status_code == 200, "the password is set", page.text)
        session = body_of(http.post("/v1/staff/sessions", json={"login": login, "password": password}), 201)
        note(f"`amtstermin staff add {login} --role lead` printed a link that is good once")
        headers = {"Authorization": f"Bearer {session['token']}"}
        return httpx.Client(base_url=stack["booking"].url, headers=headers, timeout=30)


def _book_by_surname(told: Told, family: Visitors, lead: httpx.Client) -> str:
    with told.step("The family Yılmaz books for a changed condition; its surname decides the desk") as note:
        answer = family.assignment()
        expect(answer["desk"] == "TR–Z", "the range TR–Z at the door", answer)
        times = family.own_times()
        family.booked = body_of(family.hold(times[0]), 201)
        seen = body_of(lead.get(f"/v1/staff/appointments/{family.booked['id']}"), 200)
        expect(seen["lane"] == "room_10", "the desk of that range", seen)
        note(f"desk {answer['desk']}, {answer['minutes']} minutes for 2; held: {spoken(times[0])}")
        family.give_contact()
        mail = family.mail(1, note)
    confirm(told, family, "The family", mail)
    return times[0]


def _close(told: Told, family: Visitors, lead: httpx.Client, starts_at: str) -> None:
    office = f"/v1/staff/offices/{family.office['id']}"
    day = date.fromisoformat(starts_at[:10])
    closure = {
        "from": str(day),
        "until": str(day + timedelta(days=1)),
        "reason": {"de": "Betriebsausflug"},
        "team": "caseworkers",
    }
    with told.step("The lead wants to close that day and sees whom it concerns before it is saved") as note:
        found = body_of(lead.post(f"{office}/closures/preview", json=closure), 200)
        expect([one["code"] for one in found] == [family.booked["code"]], "the family's appointment", found)
        note(f"conflict list: {found[0]['code']} at {found[0]['lane']}, {spoken(found[0]['starts_at'])}")
    with told.step("The closure is saved and the appointment re-planned; the family is told") as note:
        saved = body_of(lead.post(f"{office}/closures", json=closure), 201)
        wanted = {"appointments": [one["id"] for one in saved["conflicts"]], "how": "move", "reason": "closure"}
        done = body_of(lead.post(f"{office}/replan", json=wanted), 200)
        expect([one["outcome"] for one in done] == ["moved"], "moved", done)
        expect(not body_of(lead.get(f"{office}/conflicts"), 200), "no conflict left", done)
        mail = family.mail(3, note)
        expect("verlegen" in text_of(mail), "why and to when", text_of(mail))
        expect(calendar_of(mail)["METHOD"] == "REQUEST", "a calendar entry that moves", calendar_of(mail))
        note(f"office version {saved['version']}; now: {spoken(done[0]['starts_at'])}")


def _wait(told: Told, waiter: Visitors) -> None:
    with told.step("Somebody waits for an afternoon; the address is proven by a mail first") as note:
        today = date.today()  # noqa: DTZ011 (any day near will do)
        wish = {"first": str(today), "last": str(today + timedelta(days=50)), "day_part": "afternoon"}
        waiter.wait(wish)
        waiter.give_contact()
        mail = waiter.mail(1, note)
    with told.step("The place on the waiting list is confirmed, and the next free time is offered") as note:
        links = re.findall(r"https?://\S+/confirm/\S+?secret=(\S+)", text_of(mail))
        secret = {"secret": links[0]}
        body_of(waiter.http.post(f"/v1/appointments/{waiter.booked['id']}/confirm", json=secret), 200)
        offered = eventually(lambda: waiter.call("GET")["offer"], "an offer")
        expect(offered["starts_at"] != "", "a time", offered)
        waiter.mail(2, note)
        waiter.mail(3, note)
        note(f"offered alone until {spoken(offered['expires_at'])}: {spoken(offered['starts_at'])}")
    with told.step("The offer is accepted: one write, and the time is theirs") as note:
        taken = waiter.call("POST", "/offer/accept", {"starts_at": offered["starts_at"]})
        expect(taken["status"] == "confirmed", "status confirmed", taken)
        expect(same_time(taken["starts_at"], offered["starts_at"]), "the offered time", taken)
        entry = calendar_of(waiter.mail(4, note))
        expect(entry["METHOD"] == "REQUEST", "a calendar entry", entry)


def _serve(told: Told, office: dict[str, Any], lead: httpx.Client, places: dict[str, str]) -> None:
    staff = f"/v1/staff/offices/{office['id']}"
    with told.step("At the counter: a ticket, called, served, done; then the last step is taken back") as note:
        wanted = {
            "service": "eat_pickup",
            "family_name": "Popescu",
            "members": [{"municipality": places["Hechingen"], "under_6": False}],
        }
        headers = {"Idempotency-Key": str(uuid4())}
        there = body_of(lead.post(f"{staff}/tickets", json=wanted, headers=headers), 201)
        for action, body in (("call", {"lane": "counter_1"}), ("start", {}), ("complete", {})):
            there = body_of(lead.post(f"/v1/staff/appointments/{there['id']}/{action}", json=body), 200)
        expect(there["status"] == "completed", "completed", there)
        undone = {"version": there["version"]}
        there = body_of(lead.post(f"/v1/staff/appointments/{there['id']}/undo", json=undone), 200)
        expect(there["status"] == "in_service", "in service again", there)
        pdf = lead.get(f"{staff}/day.pdf")
        expect(pdf.content.startswith(b"%PDF-"), "the day's list as PDF", pdf.text[:200])
        note(f"ticket {there['ticket']}; the day's list as PDF: {len(pdf.content) // 1024} KiB")
