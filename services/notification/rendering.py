"""What a message says, in the reader's language, from the newest known facts."""

import re
from collections.abc import Callable
from dataclasses import asdict, fields
from functools import lru_cache
from types import SimpleNamespace

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import escape

from services.notification import invitation
from services.notification.channels.mime import Mail
from services.notification.domain import Delivery, Send
from services.notification.entries import SendEntry
from services.notification.purposes import Purpose
from services.notification.wording import (
    FALLBACK,
    TEMPLATES,
    Occasion,
    Own,
    entry_occasion,
    entry_own,
    occasion_of,
    own_of,
)
from shared.contracts import AppointmentState

_EMPTY_LINES = re.compile(r"\n{3,}")
# Private use characters, which no text of ours holds.
_MARK = re.compile("\ue000([a-z_0-9]+)\ue001")
_PROPOSAL = "proposal_"
_OWN = tuple(field.name for field in fields(Own) if field.name != "proposals")

# A calendar is often shared or shown on a locked screen: neither service nor office may be read there.
_SUMMARY = {"de": "Termin", "en": "Appointment"}


class Renderer:
    """Each template is rendered once for all messages of one occasion, with gaps for what is a message's own.

    Rendering it for each message took as long as sending it. `sender` is the address that mails come from.
    """

    def __init__(self, *, sender: str) -> None:
        self._sender = sender
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(enabled_extensions=("html",), default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        self._form = lru_cache(maxsize=1024)(self._new_form)
        self._subject = lru_cache(maxsize=256)(self._read_subject)

    def mail(self, delivery: Delivery, facts: Send | SendEntry) -> Mail:
        if isinstance(facts, SendEntry):
            occasion, own = entry_occasion(facts), entry_own(facts)
            calendar, method = None, None
        else:
            occasion = occasion_of(delivery.purpose, facts)
            own = own_of(delivery.purpose, facts, occasion.lang)
            calendar, method = self._calendar(delivery, facts, occasion)
        return Mail(
            reference=delivery.id,
            to=facts.to,
            sender_name=occasion.sender,
            language=occasion.lang,
            subject=self._subject(occasion),
            text=self._filled(occasion, "txt", own, str),
            html=self._filled(occasion, "html", own, escape),
            calendar=calendar,
            method=method,
        )

    def sms(self, delivery: Delivery, facts: Send) -> str:
        occasion = occasion_of(delivery.purpose, facts)
        own = own_of(delivery.purpose, facts, occasion.lang)
        return " ".join(self._filled(occasion, "sms", own, str).split())

    def _filled(self, occasion: Occasion, kind: str, own: Own, as_text: Callable[[str], str]) -> str:
        texts = _texts(own)
        parts = list(self._form(occasion, kind, frozenset(texts)))
        parts[1::2] = [as_text(texts[name]) for name in parts[1::2]]
        return "".join(parts)

    def _new_form(self, occasion: Occasion, kind: str, given: frozenset[str]) -> tuple[str, ...]:
        """Text and names of gaps in turn. Templates may ask whether a value is there, but not change it."""
        marks = {name: f"\ue000{name}\ue001" for name in sorted(given)}
        proposals = [mark for name, mark in marks.items() if name.startswith(_PROPOSAL)]
        gaps = {**dict.fromkeys(_OWN, ""), **marks, "proposals": proposals}
        template = self._environment.get_template(f"{occasion.lang}/{occasion.purpose}.{kind}")
        subject = self._subject(occasion)
        text = template.render(v=SimpleNamespace(**asdict(occasion), **gaps), subject=subject)
        # Parts that a message leaves out leave no hole.
        return tuple(_MARK.split(_EMPTY_LINES.sub("\n\n", text).strip() + "\n"))

    def _read_subject(self, occasion: Occasion) -> str:
        """Says nothing of the person, so it is the same in every mail of the occasion."""
        template = self._environment.get_template(f"{occasion.lang}/{occasion.purpose}.txt")
        return "".join(template.blocks["subject"](template.new_context({"v": occasion}))).strip()

    def _calendar(self, delivery: Delivery, facts: Send, occasion: Occasion) -> tuple[bytes | None, str | None]:
        state = facts.state.data
        method = _method(delivery.purpose, state)
        if method is None:
            return None, None
        entry = invitation.Entry(
            method=method,
            uid=invitation.uid(state.appointment),
            sequence=facts.state.sequence,
            stamp=delivery.created_at,
            starts_at=state.starts_at,
            ends_at=state.ends_at,
            timezone=facts.office.timezone,
            summary=_SUMMARY.get(occasion.lang, _SUMMARY[FALLBACK]),
            location=", ".join(filter(None, (occasion.street, occasion.town))),
            organizer=self._sender,
            organizer_name=occasion.sender,
            attendee=facts.to,
        )
        return invitation.calendar(entry), method


def _texts(own: Own) -> dict[str, str]:
    """What there is, by the name of its gap; each proposal has a gap of its own."""
    single = {name: text for name in _OWN if (text := getattr(own, name))}
    return single | {f"{_PROPOSAL}{n}": text for n, text in enumerate(own.proposals)}


def _method(purpose: Purpose, state: AppointmentState) -> invitation.Method | None:
    if purpose in (Purpose.CONFIRMATION, Purpose.RESCHEDULED):
        return "REQUEST"
    # What was never confirmed is in nobody's calendar.
    cancelled = purpose in (Purpose.CANCELLATION, Purpose.OFFICE_CANCELLATION)
    return "CANCEL" if cancelled and any(step.step == "confirmed" for step in state.steps) else None
