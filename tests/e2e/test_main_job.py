"""The main job, through the public interfaces only."""

import re
from typing import Any

import httpx

from deploy.local.reading import text_of
from tests.builders import ALBSTADT
from tests.citizen import link_in
from tests.e2e.conftest import NewCitizen
from tests.ledger import Ledger, growth
from tests.waiting import eventually


def test_from_a_booking_to_the_mail_and_the_figure(ledger: Ledger, a_citizen: NewCitizen) -> None:
    before = ledger.figures()
    family = a_citizen(persons=3)

    booked = family.book()
    assert booked["status"] == "confirmed"
    # A confirmation that is not out yet when its appointment changes is superseded, as it should be.
    family.mails(at_least=2)
    moved = family.http.post(
        f"{family.path}/reschedule", json={"starts_at": family.free_times()[40]}, headers=family.authorization
    )
    assert moved.status_code == 200, moved.text
    subjects = [str(mail["Subject"]) for mail in family.mails(at_least=3)]
    assert not any("eAT" in s or "Aufenthalt" in s or "Ausländer" in s for s in subjects)
    other = a_citizen()
    other.book()
    other.mails(at_least=2)
    assert other.cancel().json()["status"] == "cancelled"
    assert "BEGIN:VCALENDAR" not in text_of(other.mails(at_least=3)[-1])
    refused = a_citizen().hold(family.free_times()[0], members=[{"municipality": ALBSTADT}])
    assert refused.status_code == 422
    assert "Albstadt" in refused.json()["detail"]

    expected = {"confirmed": 2, "rescheduled": 1, "cancelled": 1, "out_of_area": 1, "persons": 4}

    # A refused attempt is told within a second.
    eventually(lambda: ledger.figures()["out_of_area"] > before["out_of_area"], what="the attempt from Albstadt")
    assert growth(before, ledger.figures(), expected) == expected


def test_opening_the_link_alone_confirms_nothing(a_citizen: NewCitizen) -> None:
    """Mail scanners follow links."""
    citizen = a_citizen()
    citizen.hold_any()
    citizen.request()
    link = httpx.URL(link_in(citizen.mails()[0], "confirm"))

    for _ in range(3):
        assert citizen.http.get(link.raw_path.decode()).status_code == 200

    assert citizen.look()["status"] == "requested"


def test_time_to_confirm_starts_when_the_mail_was_handed_over(a_citizen: NewCitizen) -> None:
    citizen = a_citizen()
    citizen.hold_any()
    until = citizen.request().json()["expires_at"]
    citizen.mails()

    def an_hour() -> Any:
        return (found := citizen.look()["expires_at"]) < until and found

    assert eventually(an_hour, what="a deadline of an hour")


def test_six_digits_confirm_on_the_open_page_five_tries(a_citizen: NewCitizen) -> None:
    citizen = a_citizen()
    citizen.hold_any()
    citizen.request()
    found = re.search(r"\b\d{6}\b", text_of(citizen.mails()[0]))
    assert found
    right = found.group()
    wrong = "000000" if right != "000000" else "000001"

    tries = [citizen.http.post(f"{citizen.path}/confirm", json={"secret": wrong}) for _ in range(6)]

    assert [answer.status_code for answer in tries] == [403] * 5 + [429]
    assert citizen.http.post(f"{citizen.path}/confirm", json={"secret": right}).status_code == 429
    assert citizen.confirm_by_link(citizen.mails()[0]).status_code == 200


def test_confirming_twice_answers_the_same(a_citizen: NewCitizen) -> None:
    citizen = a_citizen()
    citizen.book()

    assert citizen.confirm_by_link(citizen.mails()[0]).status_code == 200
    assert citizen.look()["status"] == "confirmed"


def test_a_new_link_goes_to_the_stored_address_only(a_citizen: NewCitizen) -> None:
    citizen = a_citizen()
    citizen.book()
    citizen.mails(at_least=2)

    answers = [
        citizen.http.post("/v1/links", json={"email": email}) for email in (citizen.email, "nobody@example.org")
    ]

    assert [answer.status_code for answer in answers] == [202, 202]
    mail = citizen.mails(at_least=3)[-1]
    secret = httpx.URL(link_in(mail, "manage")).params["secret"]
    opened = citizen.http.get(citizen.path, headers={"Authorization": f"Bearer {secret}"})
    assert opened.status_code == 200
    assert not citizen.mailbox.to("nobody@example.org")
