"""The facts of a message in the reader's words: dates, addresses and names as templates say them."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from services.notification import saying
from services.notification.catalogues import FALLBACK, LANGUAGES, direction, language_for, to_translate
from services.notification.domain import Send
from services.notification.entries import SendEntry
from services.notification.purposes import NO_VISIT, Purpose, by_whom, has_time
from services.notification.saying import said
from shared.contracts import AppointmentState, Office, OpenContact
from shared.contracts.offices import MESSAGE_PLACES, Location, MessageText, Service, Text

__all__ = ["LANGUAGES", "language_for"]

_BRING_DOCUMENTS = frozenset(
    {Purpose.CONFIRMATION, Purpose.RESCHEDULED, Purpose.REMINDER, Purpose.CHANGED, Purpose.INVITATION}
)
# Why the office acted; any other reason is `other`.
_WHY = {
    "": "",
    "closure": to_translate("Der Grund: Zur gebuchten Zeit haben wir geschlossen."),
    "absence": to_translate("Der Grund: Die zuständige Person ist zur gebuchten Zeit nicht da."),
    "close_now": to_translate("Der Grund: Wir müssen kurzfristig schließen."),
    "other": to_translate("Leider können wir Sie zur gebuchten Zeit nicht empfangen."),
}
_MOST_PROPOSALS = 5


class Told(NamedTuple):
    """A text from the office's data, in the language that it is there in: the reader's, or German."""

    text: str
    lang: str


# White on it, and it on white, can be read.
_ACCENT = "#00427a"
_SILENT = Told("", FALLBACK)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a message has in common with many others; nothing of a person stands here.

    `timed` is False where the person only waits for a time. `by_office` says that the office moved the
    appointment, `reason` why it acted: a code, `other`, or empty; `why` is the same as a German sentence, to be
    translated. `texts_…` and `instead_…` are the office's own.
    """

    purpose: Purpose
    lang: str
    dir: str
    timed: bool
    by_office: bool
    reason: str
    why: str
    sender: str
    sms_sender: str
    accent: str
    office: Told
    phone: str
    email: str
    street: str
    town: str
    city: str
    access: Told
    service: Told
    service_de: str
    documents: tuple[Told, ...]
    fee: Told
    confirm_minutes: int
    texts_before: tuple[Told, ...]
    texts_after: tuple[Told, ...]
    instead_manage: Told
    instead_deadline: Told


@dataclass(frozen=True, slots=True)
class Own:
    """What only this message says. Of the name it holds the initials; empty is what there is not.

    `day`, `clock` and `short_when` are what the message is about, `old_when` what holds or held beside it,
    `until` is when an offer or a link ends.
    """

    day: str = ""
    clock: str = ""
    short_when: str = ""
    old_when: str = ""
    until: str = ""
    short_until: str = ""
    proposals: tuple[str, ...] = ()
    persons: str = ""
    duration: str = ""
    initials: str = ""
    code: str = ""
    confirm_url: str = ""
    confirm_code: str = ""
    manage_url: str = ""
    unsubscribe_url: str = ""
    entry_url: str = ""


def occasion_of(purpose: Purpose, facts: Send) -> Occasion:
    state, office = facts.state.data, facts.office
    lang = language_for(*facts.languages)
    about = _about(purpose, state)
    location = location_on(office, about.astimezone(ZoneInfo(office.timezone)).date()) if about else None
    reason = _reason(purpose, state)
    return Occasion(
        purpose=purpose,
        lang=lang,
        timed=about is not None,
        by_office=purpose is Purpose.RESCHEDULED and by_whom(state, "rescheduled") in ("staff", "system"),
        reason=reason,
        why=_WHY[reason],
        street=location.street if location else "",
        town=f"{location.postal_code} {location.city}" if location else "",
        city=location.city if location else "",
        access=in_language(location.access, lang) if location else _SILENT,
        confirm_minutes=office.confirm_minutes,
        **_of_services(purpose, _named(office, state.service, *state.further_services), lang),
        **_of_office(purpose, office, state.service, lang),
    )


def entry_occasion(purpose: Purpose, facts: SendEntry) -> Occasion:
    office, lang = facts.office, language_for(*facts.languages)
    return Occasion(
        purpose=purpose,
        lang=lang,
        timed=False,
        by_office=False,
        reason="",
        why="",
        street="",
        town="",
        city="",
        access=_SILENT,
        confirm_minutes=office.confirm_minutes,
        **_of_services(purpose, _named(office, facts.service), lang),
        **_of_office(purpose, office, facts.service, lang),
    )


def _of_services(purpose: Purpose, services: Sequence[Service], lang: str) -> dict[str, Any]:
    brings = purpose in _BRING_DOCUMENTS
    return {
        "service": _joined([in_language(service.name, lang) for service in services], ", "),
        "service_de": ", ".join(in_language(service.name, FALLBACK).text for service in services),
        "documents": _documents(services, lang) if brings else (),
        "fee": _joined([in_language(s.fee.text, lang) for s in services if s.fee], " ") if brings else _SILENT,
    }


def _of_office(purpose: Purpose, office: Office, service: str | None, lang: str) -> dict[str, Any]:
    texts = [text for text in office.messages.texts if _belongs(text, purpose, service)]
    placed = {
        place: tuple(in_language(t.text, lang) for t in texts if t.place == place) for place in MESSAGE_PLACES
    }
    return {
        "dir": direction(lang),
        "sender": office.sender,
        "sms_sender": office.messages.sms_sender or office.sender,
        "accent": accent_of(office),
        "office": in_language(office.name, lang),
        "phone": office.phone or "",
        "email": office.email or "",
        "texts_before": placed["before"],
        "texts_after": placed["after"],
        # The last one in the file holds, as with all else that may stand there twice.
        "instead_manage": next(reversed(placed["manage"]), _SILENT),
        "instead_deadline": next(reversed(placed["deadline"]), _SILENT),
    }


def accent_of(office: Office) -> str:
    """What stands out in its mails; booking has seen to it that white can be read on it."""
    return office.theme.accent or _ACCENT


def _belongs(text: MessageText, purpose: Purpose, service: str | None) -> bool:
    asked = text.purpose == purpose if text.purpose else purpose not in NO_VISIT
    return asked and text.service in (None, service)


def own_of(purpose: Purpose, facts: Send, lang: str) -> Own:
    state, contact = facts.state.data, facts.contact
    zone = ZoneInfo(facts.office.timezone)
    about = said(_about(purpose, state), zone, lang)
    answer = said(state.offer_expires_at, zone, lang)
    return Own(
        day=about.day,
        clock=about.clock,
        short_when=about.short_when,
        old_when=said(_beside(purpose, state), zone, lang).when,
        until=answer.when,
        short_until=answer.short_when,
        proposals=_proposals(state, zone, lang) if purpose is Purpose.OFFICE_CANCELLATION else (),
        persons=saying.persons(state.persons, lang),
        duration=saying.duration(state.ends_at - state.starts_at, lang),
        initials=initials(contact),
        code=contact.code,
        confirm_url=contact.confirm_url,
        confirm_code=contact.confirm_code,
        manage_url=contact.manage_url,
        unsubscribe_url=contact.unsubscribe_url,
    )


def entry_own(facts: SendEntry, lang: str) -> Own:
    until = said(facts.entry.expires_at, ZoneInfo(facts.office.timezone), lang)
    return Own(entry_url=facts.entry.entry_url, until=until.when, short_until=until.short_when)


def _about(purpose: Purpose, state: AppointmentState) -> datetime | None:
    """The time that the message is about; None while the person only waits for one."""
    if purpose is Purpose.OFFER:
        return state.offer_starts_at
    return state.starts_at if has_time(state) else None


def _beside(purpose: Purpose, state: AppointmentState) -> datetime | None:
    """The time that was given up, or that would be for the offered one."""
    if purpose is Purpose.OFFER:
        return state.starts_at if has_time(state) else None
    return state.previous_starts_at if _tells_a_move(purpose, state) else None


def _tells_a_move(purpose: Purpose, state: AppointmentState) -> bool:
    if purpose is Purpose.CHANGED:
        return bool(state.steps) and state.steps[-1].step == "rescheduled"
    return purpose is Purpose.RESCHEDULED


def _reason(purpose: Purpose, state: AppointmentState) -> str:
    """Empty where the office did not act by itself: staff who move for a caller have no reason of their own."""
    if _tells_a_move(purpose, state):
        acted = state.reason is not None or by_whom(state, "rescheduled") == "system"
    else:
        acted = purpose is Purpose.OFFICE_CANCELLATION
    if not acted:
        return ""
    return state.reason if state.reason and state.reason in _WHY else "other"


def _proposals(state: AppointmentState, zone: tzinfo, lang: str) -> tuple[str, ...]:
    return tuple(said(at, zone, lang).when for at in state.proposals[:_MOST_PROPOSALS])


def location_on(office: Office, day: date) -> Location | None:
    """Where the office is on `day`, local date."""
    for location in office.locations:
        if location.valid_from <= day and (location.valid_until is None or day < location.valid_until):
            return location
    return None


def in_language(text: Text, lang: str) -> Told:
    # Easy language is German: what it has no text for of its own is still to be read in the same voice.
    if lang not in text and lang.startswith(FALLBACK):
        return Told(text.get(FALLBACK) or "", lang)
    return Told(text[lang], lang) if text.get(lang) else Told(text.get(FALLBACK) or "", FALLBACK)


def _named(office: Office, *ids: str | None) -> list[Service]:
    services = {service.id: service for service in office.services}
    return [services[id] for id in ids if id in services]


def _joined(texts: Sequence[Told], comma: str) -> Told:
    return Told(comma.join(dict.fromkeys(text.text for text in texts)), texts[0].lang) if texts else _SILENT


def _documents(services: Iterable[Service], lang: str) -> tuple[Told, ...]:
    """Each once, in the services' order."""
    listed = []
    for service in services:
        there = lang if service.documents.get(lang) else FALLBACK
        shown = lang if lang.startswith(FALLBACK) else there
        listed += [Told(document, shown) for document in service.documents.get(there, ())]
    return tuple(dict.fromkeys(listed))


def initials(contact: OpenContact) -> str:
    """`A. Y.`: enough to tell one's own appointments apart, and no name in a mailbox that others read."""
    found = (_initial(name) for name in (contact.given_name, contact.family_name))
    return " ".join(f"{letter}." for letter in found if letter)


def _initial(name: str | None) -> str:
    """The first letter with its marks; signs, emoji and invisible direction marks are none."""
    text = unicodedata.normalize("NFC", name or "")
    for place, character in enumerate(text):
        if unicodedata.category(character).startswith("L"):
            rest = text[place + 1 : place + 4]
            marks = rest[: next((i for i, c in enumerate(rest) if not unicodedata.combining(c)), len(rest))]
            upper = character.upper()
            return (upper if len(upper) == 1 else character) + marks
    return ""
