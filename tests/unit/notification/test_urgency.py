"""What goes first, what may ring at night, and which changes a citizen is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.notification.domain import (
    Channel,
    Delivery,
    Drop,
    Later,
    Priority,
    Sandbox,
    Send,
    Status,
    decide,
    link_message,
    message_for,
    sms_beside,
    sms_instead,
)
from services.notification.entries import entry_message
from services.notification.purposes import Purpose
from shared.contracts import (
    AppointmentConfirmed,
    AppointmentCorrected,
    AppointmentOffered,
    AppointmentOfficeCancelled,
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentResized,
    Step,
)
from shared.contracts.appointments import AppointmentEvent
from tests.unit.notification.builders import (
    NOW,
    VISIT,
    a_delivery,
    a_link_request,
    an_entry_request,
    an_event,
    an_office,
    known,
    known_contact,
)

CLOSED: dict[str, Any] = {"status": "office_cancelled"}
# Quiet from nine to eight, by the clock in Balingen.
NIGHT = datetime(2026, 12, 1, 22, 30, tzinfo=UTC)
MORNING = datetime(2026, 12, 2, 7, 0, tzinfo=UTC)
QUIET = {"quiet_from": "21:00", "quiet_until": "08:00"}


def moved(by: str, **state: Any) -> dict[str, Any]:
    return {"steps": (Step(step="rescheduled", at=NOW, by=by),), **state}


@pytest.mark.parametrize(
    ("cls", "state", "priority"),
    [
        (AppointmentRequested, {"status": "requested"}, Priority.URGENT),
        (AppointmentConfirmed, {}, Priority.NORMAL),
        (AppointmentOfficeCancelled, CLOSED, Priority.NORMAL),
        # NOW is a Sunday noon: Monday is at hand, Tuesday is not.
        (AppointmentOfficeCancelled, {**CLOSED, "starts_at": NOW + timedelta(hours=30)}, Priority.URGENT),
        (AppointmentOfficeCancelled, {**CLOSED, "starts_at": NOW + timedelta(hours=36)}, Priority.NORMAL),
        (AppointmentRescheduled, moved("staff", previous_starts_at=NOW + timedelta(hours=3)), Priority.URGENT),
        (AppointmentRescheduled, moved("citizen", previous_starts_at=NOW + timedelta(hours=3)), Priority.NORMAL),
        (AppointmentRescheduled, moved("staff", previous_starts_at=VISIT - timedelta(days=1)), Priority.NORMAL),
    ],
)
def test_what_is_awaited_or_at_hand_is_urgent(
    cls: type[AppointmentEvent], state: dict[str, Any], priority: Priority
) -> None:
    assert a_delivery(cls, **state).priority is priority


def test_whoever_waits_for_a_link_goes_first() -> None:
    assert link_message(a_link_request()).priority is Priority.URGENT
    assert entry_message(an_entry_request()).priority is Priority.URGENT


def an_sms(cls: type[AppointmentEvent], **state: Any) -> Delivery:
    sms = sms_beside(a_delivery(cls, **state), known_contact())
    assert sms is not None
    return sms


def at_night(delivery: Delivery, *, now: datetime = NIGHT, quiet_hours: bool = True, **state: Any) -> object:
    office = an_office(messages=QUIET)
    newest = known(**state)
    return decide(delivery, state=newest, contact=known_contact(), office=office, now=now, quiet_hours=quiet_hours)


def test_no_phone_rings_at_night() -> None:
    sms = an_sms(AppointmentConfirmed)
    assert at_night(sms) == Later(MORNING)
    assert isinstance(at_night(sms, now=MORNING), Send)
    assert isinstance(at_night(sms, quiet_hours=False), Send)
    assert isinstance(at_night(a_delivery(AppointmentConfirmed)), Send)


def test_a_sudden_closure_rings_at_night() -> None:
    sudden = {**CLOSED, "starts_at": NIGHT + timedelta(hours=12)}
    planned = message_for(an_event(AppointmentOfficeCancelled, time=NIGHT, **sudden), office=an_office())
    assert planned is not None
    sms = sms_beside(planned, known_contact())
    assert sms is not None
    assert isinstance(at_night(sms, **sudden), Send)
    assert at_night(an_sms(AppointmentOfficeCancelled, **CLOSED), **CLOSED) == Later(MORNING)


def test_a_code_comes_at_any_hour() -> None:
    request: dict[str, Any] = {"status": "requested"}
    code = sms_instead(a_delivery(AppointmentRequested, time=NIGHT, **request), known_contact())
    assert code is not None
    assert isinstance(at_night(code, **request), Send)


def test_what_the_morning_would_be_too_late_for_comes_at_night() -> None:
    ends = MORNING - timedelta(minutes=1)
    offer: dict[str, Any] = {"waits": True, "offer_starts_at": VISIT, "offer_expires_at": ends}
    assert isinstance(at_night(an_sms(AppointmentOffered, **offer), **offer), Send)


def test_the_code_goes_by_sms_only_where_no_mail_can() -> None:
    mail = a_delivery(AppointmentRequested, status="requested")
    assert sms_beside(mail, known_contact()) is None
    instead = sms_instead(mail, known_contact())
    assert instead is not None
    assert instead.channel is Channel.SMS
    assert sms_instead(mail, known_contact(sms_consent=False)) is None
    assert sms_instead(instead, known_contact()) is None


@pytest.mark.parametrize(
    ("cls", "before", "after", "told"),
    [
        (AppointmentResized, {"persons": 2}, {"persons": 3}, True),
        (AppointmentResized, {"children_under_6": 0}, {"children_under_6": 1}, True),
        # Only where one of them lives was put right.
        (AppointmentResized, {"municipalities": ("08417002",)}, {"municipalities": ("08417031",)}, False),
        (AppointmentCorrected, {}, {}, False),
        (AppointmentCorrected, {"lane": "counter_1"}, {"lane": "counter_2"}, False),
        (AppointmentCorrected, {"service": "other"}, {"service": "eat_pickup"}, True),
        (AppointmentResized, {"persons": 2}, {"persons": 3, "status": "checked_in"}, False),
        (AppointmentResized, {"persons": 2}, {"persons": 3, "contact_sequence": None}, False),
    ],
)
def test_only_what_a_citizen_must_know_is_told(
    cls: type[AppointmentEvent], before: dict[str, Any], after: dict[str, Any], told: bool
) -> None:
    planned = message_for(an_event(cls, sequence=4, **after), before=known(sequence=3, **before))
    assert (planned is not None) is told
    assert planned is None or planned.purpose is Purpose.CHANGED


def test_a_resize_whose_past_is_forgotten_is_told() -> None:
    event, later = an_event(AppointmentResized, sequence=4), known(sequence=4)
    for before in (None, later):
        assert message_for(event, before=before) is not None
    assert message_for(an_event(AppointmentCorrected, sequence=4), before=later) is None


def test_a_change_goes_by_sms_only_when_the_visit_is_at_hand() -> None:
    for starts_at, by_sms in ((VISIT, False), (NOW + timedelta(hours=3), True)):
        mail = a_delivery(AppointmentResized, starts_at=starts_at)
        assert (sms_beside(mail, known_contact()) is not None) is by_sms


def test_a_later_resize_supersedes_the_earlier_one() -> None:
    steps = (Step(step="resized", at=NOW), Step(step="resized", at=NOW + timedelta(seconds=1)))
    newest = known(sequence=5, steps=steps)
    delivery = a_delivery(AppointmentResized, sequence=4)
    decision = decide(delivery, state=newest, contact=known_contact(), office=an_office(), now=NOW)
    assert isinstance(decision, Drop)
    assert decision.status is Status.SUPERSEDED


@pytest.mark.parametrize(
    ("to", "allowed"),
    [
        ("ayse@example.org", True),
        ("AYSE@Example.ORG", True),
        ("else@test.example", True),
        ("else@sub.test.example", False),
        ("else@example.org", False),
        ("0151 12345678", True),
        ("+49151 12345678", True),
        ("+4915112345679", False),
        ("not a number", False),
    ],
)
def test_a_sandbox_lets_through_whom_it_names(to: str, allowed: bool) -> None:
    sandbox = Sandbox(frozenset({"ayse@example.org", "@test.example", "+4915112345678"}))
    assert sandbox.allows(to) is allowed
    assert Sandbox().allows(to)
    assert not Sandbox(frozenset()).allows(to)
