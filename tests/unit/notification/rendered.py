"""Messages as citizens get them, with defaults."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from services.notification.channels.email.mime import Mail
from services.notification.domain import Channel, Delivery, link_message
from services.notification.purposes import Purpose
from services.notification.rendering import Renderer
from shared.contracts import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentJoinedWaitingList,
    AppointmentOffered,
    AppointmentOfferEnded,
    AppointmentOfficeCancelled,
    AppointmentRequested,
    AppointmentRescheduled,
    Office,
    Step,
)
from shared.contracts.appointments import AppointmentEvent
from tests.unit.notification.builders import (
    NOW,
    SENDER,
    VISIT,
    a_contact,
    a_delivery,
    a_link_request,
    facts,
    known,
)

RENDERER = Renderer(sender=SENDER)
EVENTS: dict[Purpose, type[AppointmentEvent]] = {
    Purpose.CONFIRM_REQUEST: AppointmentRequested,
    Purpose.CONFIRMATION: AppointmentConfirmed,
    Purpose.RESCHEDULED: AppointmentRescheduled,
    Purpose.CANCELLATION: AppointmentCancelled,
    Purpose.OFFICE_CANCELLATION: AppointmentOfficeCancelled,
    Purpose.WAITING: AppointmentJoinedWaitingList,
    Purpose.OFFER: AppointmentOffered,
    Purpose.OFFER_EXPIRED: AppointmentOfferEnded,
}
# Planned by other means than an event of their own; what they say comes from the newest state alone.
_LIKE_CONFIRMED = (Purpose.REMINDER, Purpose.CHANGED, Purpose.ERASED)
# Whoever has a phone only gets the code to confirm by SMS.
SMS = (
    Purpose.CONFIRM_REQUEST,
    Purpose.CONFIRMATION,
    Purpose.RESCHEDULED,
    Purpose.CANCELLATION,
    Purpose.OFFICE_CANCELLATION,
    Purpose.OFFER,
    Purpose.REMINDER,
    Purpose.CHANGED,
)
OFFER_ENDS = NOW + timedelta(hours=6)
# What a state must say for its message; an offered time is the one that other messages are about.
STATES: dict[Purpose, dict[str, Any]] = {
    Purpose.CONFIRM_REQUEST: {"status": "requested"},
    Purpose.CANCELLATION: {"status": "cancelled"},
    Purpose.OFFICE_CANCELLATION: {"status": "office_cancelled", "reason": "closure"},
    Purpose.WAITING: {"waits": True},
    Purpose.OFFER: {
        "waits": True,
        "offer_starts_at": VISIT,
        "offer_ends_at": VISIT + timedelta(minutes=25),
        "offer_expires_at": OFFER_ENDS,
    },
    Purpose.OFFER_EXPIRED: {"waits": True, "steps": (Step(step="offer_ended", at=NOW, by="system"),)},
}
# As an appointment without a time says it: the end of the last day that suits.
LAST_DAY = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
NO_TIME: dict[str, Any] = {
    "starts_at": LAST_DAY,
    "ends_at": LAST_DAY,
    "lane": "",
    "waits": True,
    "steps": (
        Step(step="joined_waiting_list", at=NOW),
        Step(step="offered", at=NOW, by="system"),
        Step(step="offer_ended", at=NOW, by="system"),
    ),
}


def a_delivery_of(purpose: Purpose, **state: Any) -> Delivery:
    if purpose is Purpose.LINK:
        return link_message(a_link_request(language=state["language"]))
    delivery = a_delivery(EVENTS.get(purpose, AppointmentConfirmed), **state)
    return replace(delivery, purpose=purpose) if purpose in _LIKE_CONFIRMED else delivery


def a_mail(purpose: Purpose, lang: str = "de", *, office: Office | None = None, **changes: Any) -> Mail:
    contact = a_contact(**{"language": lang, **changes.pop("contact", {})})
    state = {"language": lang, **STATES.get(purpose, {}), **changes}
    send = facts(state=known(**state), contact=contact, office=office)
    return RENDERER.mail(a_delivery_of(purpose, **state), send)


def an_sms(purpose: Purpose, lang: str, *, office: Office | None = None, **state: Any) -> str:
    values = {"language": lang, **STATES.get(purpose, {}), **state}
    delivery = replace(a_delivery_of(purpose, **values), channel=Channel.SMS)
    return RENDERER.sms(delivery, facts(state=known(**values), contact=a_contact(language=lang), office=office))


class Words(HTMLParser):
    """The visible text, and the tags with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
