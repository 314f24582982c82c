"""Documents of older schemas are read as those of today, and the version before can read what this one writes."""

from dataclasses import replace

from services.booking.domain.appointment import Appointment
from services.booking.storage.documents import difference, to_appointment, to_document
from services.booking.storage.schemas import APPOINTMENTS
from tests.builders import a_confirmed

# What the version before has in the class that it makes of the contact: it refuses anything else.
_KNOWN_INSIDE = {"language", "digest", "email_digest", "sms_consent", "has_email", "has_phone", "reminders"}


def reachable_by_phone() -> Appointment:
    appointment = a_confirmed()
    assert appointment.contact
    return replace(appointment, contact=replace(appointment.contact, phone_digest="of the number"))


def test_the_version_before_can_read_the_contact() -> None:
    """Seen to fail with the digest of the number inside: then 757b2fb can open no appointment with a contact."""
    document = to_document(reachable_by_phone())
    assert set(document["contact"]) == _KNOWN_INSIDE
    assert document["phone_digest"] == "of the number"


def test_the_digest_of_the_number_is_read_from_where_it_stood_and_where_it_stands() -> None:
    appointment = reachable_by_phone()
    now = {**to_document(appointment), "_id": appointment.id, "schema": 2}
    inside = {**now["contact"], "phone_digest": now["phone_digest"]}
    once = {**{k: v for k, v in now.items() if k not in ("phone_digest", "schema")}, "contact": inside}
    assert to_appointment(now) == to_appointment(once) == appointment
    assert to_appointment({**once, "schema": 1}) == appointment


def test_a_contact_without_a_number_has_nothing_beside_it() -> None:
    document = to_document(a_confirmed())
    old = {**document, "contact": {**document["contact"], "phone_digest": None}}
    assert "phone_digest" not in APPOINTMENTS.rewritten(old)
    assert APPOINTMENTS.rewritten(old)["contact"] == document["contact"]


def test_who_gives_another_number_is_known_by_that_alone() -> None:
    before = reachable_by_phone()
    assert before.contact
    contact = to_document(before)["contact"]
    other = replace(before, contact=replace(before.contact, phone_digest="of another"))
    assert difference(before, other) == {"$set": {"contact": contact, "phone_digest": "of another"}}
    none = replace(before, contact=replace(before.contact, phone_digest=None))
    assert difference(before, none) == {"$set": {"contact": contact}, "$unset": {"phone_digest": ""}}


def test_with_the_contact_goes_the_digest_of_its_number() -> None:
    before = reachable_by_phone()
    assert difference(before, replace(before, contact=None)) == {"$unset": {"contact": "", "phone_digest": ""}}


def test_what_the_version_before_leaves_of_an_erased_contact_is_taken_away() -> None:
    left = {"_id": "x", "schema": 2, "status": "anonymised", "phone_digest": "of the number"}
    assert APPOINTMENTS.rewritten(left) == {"_id": "x", "schema": 2, "status": "anonymised"}
