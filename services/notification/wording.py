"""The facts of a message in the reader's words: dates, addresses and names as templates say them."""

import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from services.notification.domain import Purpose, Send
from shared.contracts import Office, OpenContact
from shared.contracts.offices import Location, Service, Text

FALLBACK = "de"
TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES = tuple(sorted(folder.name for folder in TEMPLATES.iterdir() if (folder / "words.j2").exists()))
# Day before month, as on every German document; plain "en" would put the month first.
_LOCALES = {"en": "en_GB"}
_BRING_DOCUMENTS = frozenset({Purpose.CONFIRMATION, Purpose.RESCHEDULED})


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a message has in common with many others; nothing of a person stands here."""

    purpose: Purpose
    lang: str
    dir: str
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
    """What only this message says. Of the name it holds the initials; empty is what there is not."""

    day: str
    short_day: str
    time: str
    old_day: str
    old_time: str
    persons: str
    initials: str
    code: str
    confirm_url: str
    confirm_code: str
    manage_url: str


def occasion_of(purpose: Purpose, facts: Send) -> Occasion:
    state, office = facts.state.data, facts.office
    lang = language_for(facts.contact.language, state.language)
    location = location_on(office, state.starts_at.astimezone(ZoneInfo(office.timezone)).date())
    service = next((s for s in office.services if s.id == state.service), None)
    return Occasion(
        purpose=purpose,
        lang=lang,
        dir=_direction(lang),
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


def own_of(facts: Send, lang: str) -> Own:
    state, contact = facts.state.data, facts.contact
    zone = ZoneInfo(facts.office.timezone)
    starts_at = state.starts_at.astimezone(zone)
    before = state.previous_starts_at.astimezone(zone) if state.previous_starts_at else None
    return Own(
        day=_long_date(starts_at.date(), lang),
        short_day=f"{starts_at:%d.%m.%Y}",
        time=f"{starts_at:%H:%M}",
        old_day=_long_date(before.date(), lang) if before else "",
        old_time=f"{before:%H:%M}" if before else "",
        persons=str(state.persons),
        initials=initials(contact),
        code=contact.code,
        confirm_url=contact.confirm_url,
        confirm_code=contact.confirm_code,
        manage_url=contact.manage_url,
    )


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
