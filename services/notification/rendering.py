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
from services.notification.domain import Delivery, Purpose, Send
from services.notification.wording import FALLBACK, TEMPLATES, Occasion, Own, occasion_of, own_of
from shared.contracts import AppointmentState

_EMPTY_LINES = re.compile(r"\n{3,}")
# Private use characters, which no text of ours holds.
_MARK = re.compile("\ue000([a-z_]+)\ue001")
_OWN = tuple(field.name for field in fields(Own))

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

    def mail(self, delivery: Delivery, facts: Send) -> Mail:
        occasion = occasion_of(delivery.purpose, facts)
        own = own_of(facts, occasion.lang)
        calendar, method = self._calendar(delivery, facts, occasion)
        return Mail(
            reference=delivery.id,
            to=facts.to,
            sender_name=occasion.sender,
            language=occasion.lang,
            subject=self._subject(occasion.lang, delivery.purpose),
            text=self._filled(occasion, "txt", own, str),
            html=self._filled(occasion, "html", own, escape),
            calendar=calendar,
            method=method,
        )

    def sms(self, delivery: Delivery, facts: Send) -> str:
        occasion = occasion_of(delivery.purpose, facts)
        return " ".join(self._filled(occasion, "sms", own_of(facts, occasion.lang), str).split())

    def _filled(self, occasion: Occasion, kind: str, own: Own, as_text: Callable[[str], str]) -> str:
        given = frozenset(name for name in _OWN if getattr(own, name))
        parts = list(self._form(occasion, kind, given))
        parts[1::2] = [as_text(getattr(own, name)) for name in parts[1::2]]
        return "".join(parts)

    def _new_form(self, occasion: Occasion, kind: str, given: frozenset[str]) -> tuple[str, ...]:
        """Text and names of gaps in turn. Templates may ask whether a value is there, but not change it."""
        gaps = {name: f"\ue000{name}\ue001" if name in given else "" for name in _OWN}
        template = self._environment.get_template(f"{occasion.lang}/{occasion.purpose}.{kind}")
        subject = self._subject(occasion.lang, occasion.purpose)
        text = template.render(v=SimpleNamespace(**asdict(occasion), **gaps), subject=subject)
        # Parts that a message leaves out leave no hole.
        return tuple(_MARK.split(_EMPTY_LINES.sub("\n\n", text).strip() + "\n"))

    def _read_subject(self, lang: str, purpose: Purpose) -> str:
        """Says nothing of the appointment, so it is the same in every mail."""
        template = self._environment.get_template(f"{lang}/{purpose}.txt")
        return "".join(template.blocks["subject"](template.new_context())).strip()

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


def _method(purpose: Purpose, state: AppointmentState) -> invitation.Method | None:
    if purpose in (Purpose.CONFIRMATION, Purpose.RESCHEDULED):
        return "REQUEST"
    # What was never confirmed is in nobody's calendar.
    if purpose is Purpose.CANCELLATION and any(step.step == "confirmed" for step in state.steps):
        return "CANCEL"
    return None
