"""The facts of a message in the reader's words: dates, addresses and names as templates say them."""

import unicodedata
from dataclasses import dataclass, fields
from datetime import date, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from services.notification.domain import Send
from services.notification.entries import SendEntry
from services.notification.purposes import Purpose, by_whom, has_time
from shared.contracts import AppointmentState, Office, OpenContact
from shared.contracts.offices import Location, Service, Text

FALLBACK = "de"
TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES = tuple(sorted(folder.name for folder in TEMPLATES.iterdir() if (folder / "words.j2").exists()))
# Day before month, as on every German document; plain "en" would put the month first.
_LOCALES = {"en": "en_GB"}
_BRING_DOCUMENTS = frozenset({Purpose.CONFIRMATION, Purpose.RESCHEDULED})
# Why the office acted, as far as templates have words for it.
_REASONS = frozenset({"closure", "absence", "close_now"})
_MOST_PROPOSALS = 5


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a message has in common with many others; nothing of a person stands here.

    `timed` is False where the person only waits for a time. `by_office` says that the office moved the
    appointment, `reason` why it acted: a code that templates have words for, `other`, or empty.
    """

    purpose: Purpose
    lang: str
    dir: str
    timed: bool
    by_office: bool
    reason: str
    sender: str
    office: str
    phone: str
    email: str
    street: str
    town: str
    access: str
    service: str
    service_de: str
    documents: tuple[str, ...]
    fee: str
    confirm_minutes: int


@dataclass(frozen=True, slots=True)
class Own:
    """What only this message says. Of the name it holds the initials; empty is what there is not.

    `day` and `time` are what the message is about, `old_…` what holds or held beside it; `answer_…` is when an
    offer ends.
    """

    day: str
    short_day: str
    time: str
    old_day: str
    old_time: str
    answer_day: str
    short_answer_day: str
    answer_time: str
    proposals: tuple[str, ...]
    persons: str
    initials: str
    code: str
    confirm_url: str
    confirm_code: str
    manage_url: str
    entry_url: str = ""


_NO_VISIT: dict[str, Any] = {
    **dict.fromkeys(("reason", "street", "town", "access", "service", "service_de", "fee"), ""),
    "timed": False,
    "by_office": False,
    "documents": (),
    "confirm_minutes": 0,
}
_NOTHING_OWN: dict[str, Any] = {**dict.fromkeys((field.name for field in fields(Own)), ""), "proposals": ()}


def occasion_of(purpose: Purpose, facts: Send) -> Occasion:
    state, office = facts.state.data, facts.office
    lang = language_for(facts.contact.language, state.language)
    about = _about(purpose, state)
    location = location_on(office, about.astimezone(ZoneInfo(office.timezone)).date()) if about else None
    service = next((s for s in office.services if s.id == state.service), None)
    return Occasion(
        purpose=purpose,
        lang=lang,
        dir=_direction(lang),
        timed=about is not None,
        by_office=purpose is Purpose.RESCHEDULED and by_whom(state, "rescheduled") in ("staff", "system"),
        reason=_reason(purpose, state),
        sender=office.sender,
        office=in_language(office.name, lang),
        phone=office.phone or "",
        email=office.email or "",
        street=location.street if location else "",
        town=f"{location.postal_code} {location.city}" if location else "",
        access=in_language(location.access, lang) if location else "",
        service=in_language(service.name, lang) if service else "",
        service_de=in_language(service.name, FALLBACK) if service else "",
        documents=_documents(service, lang) if purpose in _BRING_DOCUMENTS else (),
        fee=_fee(service, lang) if purpose in _BRING_DOCUMENTS else "",
        confirm_minutes=office.confirm_minutes,
    )


def own_of(purpose: Purpose, facts: Send, lang: str) -> Own:
    state, contact = facts.state.data, facts.contact
    zone = ZoneInfo(facts.office.timezone)
    day, short_day, time = _said(_about(purpose, state), zone, lang)
    old_day, _, old_time = _said(_beside(purpose, state), zone, lang)
    answer_day, short_answer_day, answer_time = _said(state.offer_expires_at, zone, lang)
    return Own(
        day=day,
        short_day=short_day,
        time=time,
        old_day=old_day,
        old_time=old_time,
        answer_day=answer_day,
        short_answer_day=short_answer_day,
        answer_time=answer_time,
        proposals=_proposals(state, zone, lang) if purpose is Purpose.OFFICE_CANCELLATION else (),
        persons=str(state.persons),
        initials=initials(contact),
        code=contact.code,
        confirm_url=contact.confirm_url,
        confirm_code=contact.confirm_code,
        manage_url=contact.manage_url,
    )


def _about(purpose: Purpose, state: AppointmentState) -> datetime | None:
    """The time that the message is about; None while the person only waits for one."""
    if purpose is Purpose.OFFER:
        return state.offer_starts_at
    return state.starts_at if has_time(state) else None


def _beside(purpose: Purpose, state: AppointmentState) -> datetime | None:
    """The time that was given up, or that would be for the offered one."""
    if purpose is Purpose.OFFER:
        return state.starts_at if has_time(state) else None
    return state.previous_starts_at


def _reason(purpose: Purpose, state: AppointmentState) -> str:
    """Empty where the office did not act by itself: staff who move for a caller have no reason of their own."""
    if purpose is Purpose.RESCHEDULED:
        acted = state.reason is not None or by_whom(state, "rescheduled") == "system"
    else:
        acted = purpose is Purpose.OFFICE_CANCELLATION
    if not acted:
        return ""
    return state.reason if state.reason and state.reason in _REASONS else "other"


def _said(at: datetime | None, zone: tzinfo, lang: str) -> tuple[str, str, str]:
    """Day in words, day in figures, and time of day; all empty where there is none."""
    if at is None:
        return "", "", ""
    local = at.astimezone(zone)
    return _long_date(local.date(), lang), f"{local:%d.%m.%Y}", f"{local:%H:%M}"


def _proposals(state: AppointmentState, zone: tzinfo, lang: str) -> tuple[str, ...]:
    said = (_said(at, zone, lang) for at in state.proposals[:_MOST_PROPOSALS])
    return tuple(f"{day}, {time}" for day, _, time in said)


def entry_occasion(facts: SendEntry) -> Occasion:
    office, lang = facts.office, language_for(*facts.languages)
    return Occasion(
        purpose=Purpose.ENTRY,
        lang=lang,
        dir=_direction(lang),
        sender=office.sender,
        office=in_language(office.name, lang),
        phone=office.phone or "",
        email=office.email or "",
        **_NO_VISIT,
    )


def entry_own(facts: SendEntry) -> Own:
    return Own(**_NOTHING_OWN | {"entry_url": facts.entry.entry_url})


def language_for(*tags: str | None) -> str:
    """The first of `tags` that there are templates for ("en-GB" counts as "en"), else German."""
    for tag in tags:
        primary = (tag or "").replace("_", "-").lower()
        for candidate in (primary, primary.partition("-")[0]):
            if candidate in LANGUAGES:
                return candidate
    return FALLBACK


def location_on(office: Office, day: date) -> Location | None:
    """Where the office is on `day`, local date."""
    for location in office.locations:
        if location.valid_from <= day and (location.valid_until is None or day < location.valid_until):
            return location
    return None


def in_language(text: Text, lang: str) -> str:
    return text.get(lang) or text.get(FALLBACK) or ""


def _documents(service: Service | None, lang: str) -> tuple[str, ...]:
    if service is None:
        return ()
    return service.documents.get(lang) or service.documents.get(FALLBACK) or ()


def _fee(service: Service | None, lang: str) -> str:
    return in_language(service.fee.text, lang) if service and service.fee else ""


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


@lru_cache(maxsize=1024)
def _long_date(day: date, lang: str) -> str:
    return format_date(day, format="full", locale=_LOCALES.get(lang, lang))


@lru_cache(maxsize=64)
def _direction(lang: str) -> str:
    return Locale.parse(lang.partition("-")[0]).text_direction
