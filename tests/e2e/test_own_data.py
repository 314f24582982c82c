"""What a person may do with the data stored about them: by the booking's token, or by the link in a mail."""

import httpx

from tests.citizen import Citizen, link_in
from tests.e2e.conftest import NewCitizen
from tests.ledger import Ledger, growth


def manage_link(citizen: Citizen) -> httpx.URL:
    return httpx.URL(link_in(citizen.mails(at_least=2)[1], "manage"))


def erase(citizen: Citizen, query: str = "") -> httpx.Response:
    return citizen.http.delete(f"{citizen.path}{query}", headers=citizen.authorization)


def test_the_export_shows_everything_to_its_person_only(a_citizen: NewCitizen) -> None:
    citizen, stranger = a_citizen(), a_citizen()
    booked = citizen.book()
    stranger.hold_any()
    by_link = {"Authorization": f"Bearer {manage_link(citizen).params['secret']}"}

    exported = citizen.http.get(f"{citizen.path}/export", headers=by_link)

    assert exported.headers["cache-control"] == "no-store"
    shown = exported.json()
    assert shown["person"] == {
        "readable": True,
        "family_name": "Öztürk",
        "given_name": "Ayşe",
        "email": citizen.email,
        "phone": None,
        "access_needs": [],
        "language": "de",
        "sms_consent": False,
        "reminders": True,
    }
    assert shown["appointment"] == booked
    # Whether the record of the asking mail came before the answer to it is a matter of milliseconds.
    steps = [step["step"] for step in shown["steps"] if step["step"] != "confirmation_sent"]
    assert steps == ["held", "requested", "confirmed"]
    assert shown["kept"]["until"] > booked["ends_at"]
    for headers in ({}, stranger.authorization):
        assert citizen.http.get(f"{citizen.path}/export", headers=headers).status_code == 401
        assert citizen.http.delete(f"{citizen.path}?cancel=true", headers=headers).status_code == 401


def test_erasing_a_booking_ahead_warns_first_and_then_forgets(a_citizen: NewCitizen, ledger: Ledger) -> None:
    before = ledger.figures()
    citizen = a_citizen()
    citizen.book()

    warned = erase(citizen)
    assert (warned.status_code, warned.json()["type"]) == (409, "erasure-cancels")
    assert citizen.look()["status"] == "confirmed"
    assert [erase(citizen, "?cancel=true").status_code for _ in range(2)] == [204, 204]

    assert citizen.look()["status"] == "anonymised"
    gone = citizen.http.get(f"{citizen.path}/export", headers=citizen.authorization)
    assert (gone.status_code, gone.json()["type"]) == (410, "erased")
    ledger.quiet()
    contact = ledger.client["notification"]["contacts"].find_one({"_id": citizen.booked["id"]}) or {}
    assert contact.get("erased")
    assert "data" not in contact
    expected = {"held": 1, "requested": 1, "confirmed": 1, "cancelled": 1, "persons": 1}
    assert growth(before, ledger.figures(), expected) == expected


def test_the_page_behind_the_link_shows_and_erases_too(a_citizen: NewCitizen) -> None:
    citizen = a_citizen()
    citizen.book()
    link = manage_link(citizen)
    secret = {"secret": link.params["secret"]}

    exported = citizen.http.post(f"{link.path}/export", data=secret)
    asked = citizen.http.post(f"{link.path}/erase", data=secret)

    assert exported.json()["person"]["email"] == citizen.email
    assert "attachment" in exported.headers["content-disposition"]
    assert "wird damit abgesagt" in asked.text
    assert citizen.look()["status"] == "confirmed"
    assert citizen.http.post(f"{link.path}/erase", data={"secret": "wrong", "sure": "true"}).status_code == 403
    erased = citizen.http.post(f"{link.path}/erase", data={**secret, "sure": "true"})
    assert "sind gelöscht" in erased.text
    assert citizen.look()["status"] == "anonymised"
    assert "gelöscht" in citizen.http.get(link.raw_path.decode()).text
