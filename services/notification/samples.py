"""Every message there is, about invented people, for an office to look at before citizens do."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from services.notification.channels.email.mime import Mail
from services.notification.domain import Channel, Delivery, KnownState, Send
from services.notification.entries import SendEntry
from services.notification.purposes import TO_STAFF, Purpose
from services.notification.rendering import Renderer
from services.notification.staff_mails import Row, SendStaff
from shared.contracts import AppointmentState, Office, OpenContact, OpenEntry, Step

_APPOINTMENT = "0192aaaa-0000-8000-8000-000000000001"
_SITE = "https://termine.example"
_SENDER = "termine@amt.example"
_LENGTH = timedelta(minutes=25)
_THURSDAY = 3


@dataclass(frozen=True, slots=True)
class Case:
    """One message as it may be: `state` is what differs from a confirmed appointment, times as offsets of it."""

    name: str
    purpose: Purpose
    sms: bool = False
    waiting: bool = False
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rendered:
    """`sms` is empty where the message goes by mail only."""

    case: Case
    language: str
    mail: Mail
    sms: str


_MOVED = {"previous": timedelta(days=-2), "steps": ("confirmed", "rescheduled")}
_OFFERED = {"waits": True, "offer": timedelta(), "visit": timedelta(days=5)}
_RENDERER = Renderer(sender=_SENDER)
CASES = (
    Case("confirm_request", Purpose.CONFIRM_REQUEST, sms=True, state={"status": "requested", "steps": ()}),
    Case(
        "confirm_request_waiting", Purpose.CONFIRM_REQUEST, sms=True, waiting=True, state={"status": "requested"}
    ),
    Case("confirmation", Purpose.CONFIRMATION, sms=True),
    Case("reminder", Purpose.REMINDER, sms=True),
    Case("changed", Purpose.CHANGED, sms=True, state={"steps": ("confirmed", "resized")}),
    Case("moved", Purpose.RESCHEDULED, sms=True, state=_MOVED),
    Case("moved_by_office", Purpose.RESCHEDULED, sms=True, state={**_MOVED, "by": "staff", "reason": "absence"}),
    Case("cancellation", Purpose.CANCELLATION, sms=True, state={"status": "cancelled"}),
    Case(
        "cancellation_waiting",
        Purpose.CANCELLATION,
        sms=True,
        waiting=True,
        state={"status": "cancelled", "steps": ()},
    ),
    Case(
        "office_cancellation",
        Purpose.OFFICE_CANCELLATION,
        sms=True,
        state={"status": "office_cancelled", "reason": "close_now", "proposals": (4, 5, 7)},
    ),
    Case("waiting", Purpose.WAITING, waiting=True),
    Case("waiting_for_earlier", Purpose.WAITING, state={"waits": True}),
    Case("offer", Purpose.OFFER, sms=True, state=_OFFERED),
    Case("offer_expired", Purpose.OFFER_EXPIRED, waiting=True),
    Case("link", Purpose.LINK, sms=True),
    Case("link_waiting", Purpose.LINK, sms=True, waiting=True),
    Case("erased", Purpose.ERASED),
    Case("entry", Purpose.ENTRY),
    Case("invitation", Purpose.INVITATION),
    Case("day_list", Purpose.DAY_LIST),
    Case("conflicts", Purpose.CONFLICTS),
)


def samples(
    office: Office, *, languages: tuple[str, ...], purposes: tuple[str, ...], now: datetime
) -> Iterator[Rendered]:
    """`now` is aware, in the office's zone. What staff get is German and comes once."""
    for case in CASES:
        if case.purpose in purposes:
            for language in languages[:1] if case.purpose in TO_STAFF else languages:
                yield rendered(office, case, "de" if case.purpose in TO_STAFF else language, now=now)


def rendered(office: Office, case: Case, language: str, *, now: datetime) -> Rendered:
    """As if it were sent at `now`, to somebody who reads `language`."""
    delivery = _delivery(office, case, language, now=now)
    if case.purpose in TO_STAFF:
        return Rendered(case, language, _RENDERER.staff_mail(delivery, _list(office, case, now=now)), "")
    if case.purpose in (Purpose.ENTRY, Purpose.INVITATION):
        return Rendered(case, language, _RENDERER.mail(delivery, _entry(office, case, language, now=now)), "")
    facts = _facts(office, case, language, now=now)
    sms = _RENDERER.sms(replace(delivery, channel=Channel.SMS), facts) if case.sms else ""
    return Rendered(case, language, _RENDERER.mail(delivery, facts), sms)


def _delivery(office: Office, case: Case, language: str, *, now: datetime) -> Delivery:
    return Delivery(
        id=f"{case.name}:{language}",
        caused_by=case.name,
        appointment=_APPOINTMENT,
        office=office.id,
        purpose=case.purpose,
        channel=Channel.EMAIL,
        language=language,
        state_sequence=0,
        contact_sequence=None,
        starts_at=None,
        created_at=now,
        due_at=now,
        not_after=now,
        correlation_id=case.name,
        traceparent=None,
    )


def _facts(office: Office, case: Case, language: str, *, now: datetime) -> Send:
    contact = OpenContact(
        appointment=_APPOINTMENT,
        office=office.id,
        code="K7MQ4XPA",
        family_name="Yılmaz",
        given_name="Ayşe",
        email="someone@example.org",
        language=language,
        confirm_url=f"{_SITE}/confirm/{_APPOINTMENT}?secret=s1.OnlyASample",
        confirm_code="482913",
        manage_url=f"{_SITE}/manage/{_APPOINTMENT}?secret=s1.OnlyASample",
    )
    return Send(KnownState(3, _state(office, case, language, now=now)), contact, office, "someone@example.org")


def _state(office: Office, case: Case, language: str, *, now: datetime) -> AppointmentState:
    about, given = _visit(now), case.state
    starts_at = about + given.get("visit", timedelta())
    service = office.services[0]
    return AppointmentState(
        appointment=_APPOINTMENT,
        office=office.id,
        service=service.id,
        team=service.team,
        lane="",
        status=given.get("status", "confirmed"),
        starts_at=starts_at,
        ends_at=starts_at if case.waiting else starts_at + _LENGTH,
        persons=3,
        children_under_6=1,
        municipalities=(),
        channel="web",
        language=language,
        steps=tuple(
            Step(step=s, at=now, by=given.get("by", "citizen")) for s in given.get("steps", ("confirmed",))
        ),
        previous_starts_at=about + given["previous"] if "previous" in given else None,
        waits=given.get("waits", case.waiting),
        reason=given.get("reason"),
        proposals=tuple(about + timedelta(days=days) for days in given.get("proposals", ())),
        **_offer(about, given, now=now),
    )


def _offer(about: datetime, given: dict[str, Any], *, now: datetime) -> dict[str, datetime]:
    if "offer" not in given:
        return {}
    expires = now + timedelta(hours=20)
    return {"offer_starts_at": about, "offer_ends_at": about + _LENGTH, "offer_expires_at": expires}


def _entry(office: Office, case: Case, language: str, *, now: datetime) -> SendEntry:
    invited = case.purpose is Purpose.INVITATION
    entry = OpenEntry(
        entry="0192aaaa-0000-8000-8000-00000000000e",
        office=office.id,
        language=language,
        expires_at=now + (timedelta(days=30) if invited else timedelta(minutes=30)),
        email="someone@example.org",
        entry_url=f"{_SITE}/entry?token=OnlyASample",
    )
    return SendEntry(entry, office, office.services[0].id if invited else None)


def _list(office: Office, case: Case, *, now: datetime) -> SendStaff:
    begin, service = _visit(now), office.services[0]
    rows = tuple(
        Row(
            starts_at=begin + timedelta(minutes=20 * n),
            code=code,
            service=service.id,
            team=service.team,
            lane="1",
            persons=n + 1,
            reason=reason,
        )
        for n, (code, reason) in enumerate((("K7MQ4XPA", "closed"), ("QC41T0ZB", "desk-absent")))
    )
    return SendStaff(
        to="staff@amt.example", office=office, day=begin.date(), as_of=now, rows=rows, url=f"{_SITE}/staff"
    )


def _visit(now: datetime) -> datetime:
    """On a Thursday at 10:30, in two weeks or three."""
    thursday = now + timedelta(days=14 + (_THURSDAY - now.weekday()) % 7)
    return thursday.replace(hour=10, minute=30, second=0, microsecond=0)
