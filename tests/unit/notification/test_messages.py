"""Which events ask for which messages, and what the newest known state forbids."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.notification.domain import (
    Channel,
    Drop,
    KnownContact,
    Later,
    Send,
    Status,
    Wait,
    decide,
    link_message,
    message_for,
    message_once_more,
    sms_beside,
)
from services.notification.purposes import Purpose
from shared.contracts import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentExpired,
    AppointmentJoinedWaitingList,
    AppointmentLeftWaitingList,
    AppointmentOffered,
    AppointmentOfferEnded,
    AppointmentOfficeCancelled,
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentRestored,
    MessageRequested,
    RequestedMessage,
    Step,
    new_event,
)
from shared.contracts.appointments import AppointmentEvent
from tests.unit.notification.builders import (
    NOW,
    VISIT,
    a_delivery,
    a_link_request,
    a_state,
    an_event,
    an_office,
    known,
    known_contact,
)

MOVED = VISIT + timedelta(days=1)
OFFERED, OFFER_ENDS = VISIT - timedelta(days=2), NOW + timedelta(hours=6)
OFFER: dict[str, Any] = {"waits": True, "offer_starts_at": OFFERED, "offer_expires_at": OFFER_ENDS}
# Somebody who waits has no time: the end of the last day that suits stands for both.
NO_TIME: dict[str, Any] = {"status": "waiting", "waits": True, "starts_at": MOVED, "ends_at": MOVED, "lane": ""}


def ended_by(who: str) -> dict[str, Any]:
    return {"waits": True, "steps": (Step(step="offered", at=NOW), Step(step="offer_ended", at=NOW, by=who))}


@pytest.mark.parametrize(
    ("cls", "state", "expected"),
    [
        (AppointmentRequested, {"status": "requested"}, Purpose.CONFIRM_REQUEST),
        (AppointmentConfirmed, {}, Purpose.CONFIRMATION),
        (AppointmentRescheduled, {}, Purpose.RESCHEDULED),
        (AppointmentRescheduled, {"status": "held"}, None),
        (AppointmentCancelled, {"status": "cancelled"}, Purpose.CANCELLATION),
        (AppointmentCancelled, {"status": "cancelled", "contact_sequence": None}, None),
        (AppointmentExpired, {"status": "expired"}, None),
        (AppointmentOfficeCancelled, {"status": "office_cancelled"}, Purpose.OFFICE_CANCELLATION),
        (AppointmentOfficeCancelled, {"status": "office_cancelled", "contact_sequence": None}, None),
        (AppointmentRestored, {}, Purpose.CONFIRMATION),
        (AppointmentJoinedWaitingList, NO_TIME, Purpose.WAITING),
        (AppointmentJoinedWaitingList, {"waits": True}, Purpose.WAITING),
        (AppointmentLeftWaitingList, {}, None),
        (AppointmentOffered, OFFER, Purpose.OFFER),
        (AppointmentOfferEnded, ended_by("system"), Purpose.OFFER_EXPIRED),
        (AppointmentOfferEnded, ended_by("citizen"), None),
        (AppointmentOfferEnded, ended_by("staff"), None),
        (AppointmentConfirmed, {"contact_sequence": None}, None),
        (AppointmentConfirmed, {"channel": "import"}, None),
    ],
)
def test_each_event_asks_for_its_message(
    cls: type[AppointmentEvent], state: dict[str, Any], expected: Purpose | None
) -> None:
    planned = message_for(an_event(cls, **state))
    assert (planned and planned.purpose) == expected
    assert planned is None or planned.channel is Channel.EMAIL


def test_the_same_event_plans_the_same_deliveries() -> None:
    event = an_event(AppointmentConfirmed)
    mail = message_for(event)
    assert mail
    assert mail == message_for(event)
    assert mail.id == f"{event.id}:confirmation:email"
    sms = sms_beside(mail, known_contact())
    assert sms
    assert sms.id == f"{event.id}:confirmation:sms"
    assert {mail.id, sms.id} == set(mail.siblings) == set(sms.siblings)


def test_an_sms_after_a_retried_mail_starts_afresh() -> None:
    mail = replace(a_delivery(), attempts=3, waits=5, version=2)
    sms = sms_beside(mail, known_contact())
    assert sms
    assert (sms.attempts, sms.waits, sms.version) == (0, 0, 0)


@pytest.mark.parametrize(
    ("cls", "state"),
    [
        (AppointmentRequested, {"status": "requested"}),
        (AppointmentJoinedWaitingList, NO_TIME),
        (AppointmentOfferEnded, ended_by("system")),
        (AppointmentConfirmed, {}),
        (AppointmentOffered, OFFER),
        (AppointmentOfficeCancelled, {"status": "office_cancelled"}),
    ],
)
def test_only_what_is_urgent_or_holds_goes_out_by_sms(cls: type[AppointmentEvent], state: dict[str, Any]) -> None:
    sms = sms_beside(a_delivery(cls, **state), known_contact())
    assert (sms is not None) is (cls in (AppointmentConfirmed, AppointmentOffered, AppointmentOfficeCancelled))
    assert sms is None or sms_beside(sms, known_contact()) is None


def test_request_to_confirm_ages_within_a_day() -> None:
    assert a_delivery(AppointmentRequested, status="requested").not_after == NOW + timedelta(hours=24)
    soon = NOW + timedelta(hours=3)
    assert a_delivery(AppointmentRequested, status="requested", starts_at=soon).not_after == soon
    assert a_delivery(AppointmentConfirmed).not_after == VISIT


def test_an_offer_is_of_use_until_it_expires() -> None:
    offer = a_delivery(AppointmentOffered, **OFFER)
    assert (offer.due_at, offer.starts_at, offer.not_after) == (NOW, OFFERED, OFFER_ENDS)
    sms = sms_beside(offer, known_contact())
    assert sms
    assert sms.not_after == OFFER_ENDS
    decision = decide(offer, state=known(**OFFER), contact=known_contact(), office=an_office(), now=OFFER_ENDS)
    assert decision == Drop(Status.EXPIRED, "too late")


@pytest.mark.parametrize(
    ("cls", "late"), [(AppointmentOfficeCancelled, timedelta(minutes=24)), (AppointmentCancelled, timedelta())]
)
def test_whoever_is_late_still_learns_of_a_sudden_closure(cls: type[AppointmentEvent], late: timedelta) -> None:
    state: dict[str, Any] = {"status": "office_cancelled" if late else "cancelled"}
    delivery = a_delivery(cls, **state)
    assert delivery.due_at == NOW

    def decided(at: datetime) -> Send | Wait | Later | Drop:
        return decide(delivery, state=known(**state), contact=known_contact(), office=an_office(), now=at)

    assert isinstance(decided(VISIT + late - timedelta(seconds=1)), Send)
    assert decided(VISIT + timedelta(minutes=25)) == Drop(Status.EXPIRED, "too late")


@pytest.mark.parametrize(
    ("cls", "planned", "newest", "sent"),
    [
        (AppointmentRequested, {"status": "requested"}, {"status": "requested"}, True),
        (AppointmentRequested, {"status": "requested"}, {"status": "confirmed"}, False),
        (AppointmentRequested, {"status": "requested"}, {"status": "expired"}, False),
        (AppointmentRequested, {"status": "requested"}, {"status": "cancelled"}, False),
        (AppointmentConfirmed, {}, {}, True),
        (AppointmentConfirmed, {}, {"status": "checked_in"}, True),
        (AppointmentConfirmed, {}, {"starts_at": MOVED}, False),
        (AppointmentConfirmed, {}, {"status": "cancelled"}, False),
        (AppointmentConfirmed, {}, {"status": "expired"}, False),
        (AppointmentRescheduled, {"starts_at": MOVED}, {"starts_at": MOVED}, True),
        (AppointmentRescheduled, {"starts_at": MOVED}, {"starts_at": VISIT}, False),
        (AppointmentRescheduled, {}, {"status": "office_cancelled"}, False),
        (AppointmentCancelled, {"status": "cancelled"}, {"status": "cancelled"}, True),
        (AppointmentCancelled, {"status": "cancelled"}, {"status": "confirmed"}, False),
        (AppointmentCancelled, {"status": "cancelled"}, {"status": "office_cancelled"}, False),
        (AppointmentOfficeCancelled, {"status": "office_cancelled"}, {"status": "office_cancelled"}, True),
        (AppointmentOfficeCancelled, {"status": "office_cancelled"}, {"status": "confirmed"}, False),
        (AppointmentRestored, {}, {}, True),
        (AppointmentRestored, {}, {"status": "cancelled"}, False),
        (AppointmentRequested, NO_TIME | {"status": "requested"}, NO_TIME | {"status": "requested"}, True),
        (AppointmentRequested, NO_TIME | {"status": "requested"}, NO_TIME, False),
        (AppointmentJoinedWaitingList, NO_TIME, NO_TIME, True),
        (AppointmentJoinedWaitingList, NO_TIME, NO_TIME | OFFER, True),
        (AppointmentJoinedWaitingList, {"waits": True}, {"waits": True, "starts_at": MOVED}, True),
        (AppointmentJoinedWaitingList, {"waits": True}, {"waits": False}, False),
        (AppointmentJoinedWaitingList, NO_TIME, NO_TIME | {"status": "cancelled", "waits": False}, False),
        (AppointmentOffered, OFFER, OFFER, True),
        (AppointmentOffered, NO_TIME | OFFER, NO_TIME | OFFER, True),
        (AppointmentOffered, OFFER, OFFER | {"offer_starts_at": OFFERED + timedelta(hours=1)}, False),
        (AppointmentOffered, OFFER, OFFER | {"offer_expires_at": OFFER_ENDS + timedelta(days=1)}, False),
        (AppointmentOffered, OFFER, {"waits": True}, False),
        (AppointmentOffered, OFFER, {"starts_at": OFFERED}, False),
        (AppointmentOfferEnded, ended_by("system"), ended_by("system"), True),
        (AppointmentOfferEnded, ended_by("system"), OFFER, False),
        (AppointmentOfferEnded, ended_by("system"), {"waits": False}, False),
        (AppointmentOfferEnded, ended_by("system"), {"status": "expired"}, False),
    ],
)
def test_the_newest_state_decides(
    cls: type[AppointmentEvent], planned: dict[str, Any], newest: dict[str, Any], sent: bool
) -> None:
    delivery = a_delivery(cls, sequence=3, **planned)
    state = known(sequence=4, **newest)
    decision = decide(delivery, state=state, contact=known_contact(), office=an_office(), now=NOW)
    if sent:
        assert isinstance(decision, Send)
    else:
        assert isinstance(decision, Drop)
        assert decision.status is Status.SUPERSEDED


def test_a_time_finer_than_the_database_keeps_is_not_a_move() -> None:
    fine = VISIT.replace(microsecond=123_456)
    delivery = a_delivery(AppointmentConfirmed, starts_at=fine)
    for starts_at in (fine, VISIT.replace(microsecond=123_000)):
        state = known(starts_at=starts_at)
        decision = decide(delivery, state=state, contact=known_contact(), office=an_office(), now=NOW)
        assert isinstance(decision, Send)


def test_an_older_state_contradicts_nothing() -> None:
    delivery = a_delivery(AppointmentConfirmed, sequence=5)
    older = known(sequence=4, status="requested", starts_at=MOVED)
    decision = decide(delivery, state=older, contact=known_contact(), office=an_office(), now=NOW)
    assert decision == Wait("state")


def test_a_delivery_waits_for_its_contact() -> None:
    delivery = a_delivery(contact_sequence=7)
    state = known(contact_sequence=7)
    for contact in (None, known_contact(sequence=6)):
        decision = decide(delivery, state=state, contact=contact, office=an_office(), now=NOW)
        assert decision == Wait("contact")
    came = decide(delivery, state=state, contact=known_contact(sequence=7), office=an_office(), now=NOW)
    assert isinstance(came, Send)
    assert came.to == "ayse@example.org"


def test_a_delivery_waits_for_its_office() -> None:
    decision = decide(a_delivery(), state=known(), contact=known_contact(), office=None, now=NOW)
    assert decision == Wait("office")


def test_an_erased_contact_gets_nothing() -> None:
    decision = decide(a_delivery(), state=None, contact=KnownContact(9, None), office=None, now=NOW)
    assert decision == Drop(Status.SUPERSEDED, "contact erased")


def test_nothing_goes_out_after_the_appointment_began() -> None:
    delivery = a_delivery()
    for state in (known(), None):
        decision = decide(delivery, state=state, contact=None, office=None, now=VISIT)
        assert decision == Drop(Status.EXPIRED, "too late")
    before = decide(
        delivery, state=known(), contact=known_contact(), office=an_office(), now=VISIT - timedelta(seconds=1)
    )
    assert isinstance(before, Send)


def test_a_link_goes_to_the_newest_address() -> None:
    delivery = link_message(a_link_request(sequence=5))
    state = known(contact_sequence=2)
    older = decide(delivery, state=state, contact=known_contact(sequence=2), office=an_office(), now=NOW)
    assert older == Wait("contact")
    newer = known_contact(sequence=6, email="new@example.org")
    decision = decide(delivery, state=state, contact=newer, office=an_office(), now=NOW)
    assert isinstance(decision, Send)
    assert decision.to == "new@example.org"


def a_message_request(purpose: str, **state: Any) -> MessageRequested:
    data = RequestedMessage(**a_state(**state).model_dump(), purpose=purpose)
    return new_event(MessageRequested, subject=data.appointment, sequence=7, data=data, time=NOW)


def test_a_message_once_more_is_a_delivery_of_its_own() -> None:
    event = a_message_request("confirmation")
    delivery, first = message_once_more(event), a_delivery()

    assert delivery == message_once_more(event)
    assert delivery
    assert (delivery.purpose, delivery.channel, delivery.state_sequence) == ("confirmation", "email", 7)
    assert delivery.id != first.id
    decision = decide(delivery, state=known(sequence=7), contact=known_contact(), office=an_office(), now=NOW)
    assert isinstance(decision, Send)


def test_a_message_once_more_is_dropped_where_it_is_so_no_more() -> None:
    delivery = message_once_more(a_message_request("confirmation"))
    assert delivery
    decision = decide(delivery, state=known(sequence=8, status="cancelled"), contact=None, office=None, now=NOW)
    assert decision == Drop(Status.SUPERSEDED, "now cancelled")
    assert message_once_more(a_message_request("no such purpose")) is None


@pytest.mark.parametrize("hours", [24, 0])
def test_a_reminder_that_staff_ask_for_goes_out_at_once(hours: int) -> None:
    """Nine days ahead, also where the office plans none; but not to whoever has declined reminders."""
    delivery = message_once_more(a_message_request("reminder"))
    assert delivery
    office = an_office(messages={"reminder_hours": hours})
    facts: dict[str, Any] = {"state": known(sequence=7), "office": office, "now": NOW}
    assert isinstance(decide(delivery, contact=known_contact(), **facts), Send)
    declined = decide(delivery, contact=known_contact(reminders=False), **facts)
    assert declined == Drop(Status.NOT_WANTED, "no reminders for this contact")
    assert sms_beside(delivery, known_contact())


def test_a_change_that_staff_tell_once_more_goes_by_sms_too_until_the_next_one() -> None:
    delivery = message_once_more(a_message_request("changed"))
    assert delivery
    assert sms_beside(delivery, known_contact())
    facts: dict[str, Any] = {"contact": known_contact(), "office": an_office(), "now": NOW}
    assert isinstance(decide(delivery, state=known(sequence=7), **facts), Send)
    later = (Step(step="confirmed", at=NOW), Step(step="resized", at=NOW + timedelta(seconds=1)))
    assert decide(delivery, state=known(sequence=8, steps=later), **facts) == Drop(
        Status.SUPERSEDED, "changed again")  # fmt: skip


def test_a_link_to_an_appointment_that_is_over_stays_unsent() -> None:
    delivery = link_message(a_link_request())
    decision = decide(delivery, state=known(status="expired"), contact=None, office=None, now=NOW)
    assert decision == Drop(Status.SUPERSEDED, "now expired")
