"""What a message says, in the reader's language, from the newest known facts."""

import re
from collections.abc import Callable
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from services.notification import invitation, staff_mails
from services.notification.catalogues import FALLBACK, words
from services.notification.channels.email.mime import Mail
from services.notification.domain import Delivery, Send
from services.notification.entries import SendEntry
from services.notification.purposes import OF_WAITING, Purpose
from services.notification.staff_mails import SendStaff
from services.notification.wording import Occasion, Own, entry_occasion, entry_own, occasion_of, own_of
from shared.contracts import AppointmentState

Kind = Literal["txt", "html", "sms"]

TEMPLATES = Path(__file__).parent / "templates"
_EMPTY_LINES = re.compile(r"\n{3,}")
# Private use characters, which no text of ours holds.
_MARK = re.compile("\ue000([a-z_0-9]+)\ue001")
_PROPOSAL = "proposal_"
_OWN = tuple(field.name for field in fields(Own) if field.name != "proposals")
_OCCASION = tuple(field.name for field in fields(Occasion))
# Signs and names that must not mix with a text that runs the other way.
_APART = frozenset({"code", "confirm_code", "initials"})


class Renderer:
    """Each template is rendered once for all messages of one occasion, with gaps for what is a message's own.

    Rendering it for each message took as long as sending it. `sender` is the address that mails come from.
    """

    def __init__(self, *, sender: str) -> None:
        self._sender = sender
        self._text, self._html = _environment(autoescape=False), _environment(autoescape=True)
        self._form = lru_cache(maxsize=1024)(self._new_form)
        self._subject = lru_cache(maxsize=256)(self._read_subject)

    def mail(self, delivery: Delivery, facts: Send | SendEntry | SendStaff) -> Mail:
        calendar, method = None, None
        if isinstance(facts, SendStaff):
            return self.staff_mail(delivery, facts)
        if isinstance(facts, SendEntry):
            occasion = entry_occasion(delivery.purpose, facts)
            own = entry_own(facts, occasion.lang)
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
            unsubscribe=_unsubscribe(delivery.purpose, own),
            one_click=True,
        )

    def sms(self, delivery: Delivery, facts: Send) -> str:
        occasion = occasion_of(delivery.purpose, facts)
        own = own_of(delivery.purpose, facts, occasion.lang)
        text = " ".join(self._filled(occasion, "sms", own, str).split())
        # One sign that only looks better would cost the whole text half of its room.
        return text.replace("’", "'")

    def staff_mail(self, delivery: Delivery, facts: SendStaff) -> Mail:
        purpose, v = delivery.purpose, SimpleNamespace(**staff_mails.told(delivery.purpose, facts))
        subject = self._said_subject(purpose, v, lang=FALLBACK)
        return Mail(
            reference=delivery.id,
            to=facts.to,
            sender_name=facts.office.sender,
            language=FALLBACK,
            subject=subject,
            text=self._rendered(purpose, "txt", v, lang=FALLBACK, subject=subject),
            html=self._rendered(purpose, "html", v, lang=FALLBACK, subject=subject),
        )

    def _filled(self, occasion: Occasion, kind: Kind, own: Own, as_text: Callable[[str], str]) -> str:
        texts = _texts(own)
        parts = list(self._form(occasion, kind, frozenset(texts)))
        parts[1::2] = [as_text(texts[name]) for name in parts[1::2]]
        return "".join(parts)

    def _new_form(self, occasion: Occasion, kind: Kind, given: frozenset[str]) -> tuple[str, ...]:
        """Text and names of gaps in turn. Templates may ask whether a value is there, but not change it."""
        marks = {name: _mark(name, kind, occasion) for name in sorted(given)}
        proposals = [mark for name, mark in marks.items() if name.startswith(_PROPOSAL)]
        shared = {name: getattr(occasion, name) for name in _OCCASION}
        v = SimpleNamespace(**shared, **{**dict.fromkeys(_OWN, ""), **marks, "proposals": proposals})
        text = self._rendered(occasion.purpose, kind, v, lang=occasion.lang, subject=self._subject(occasion))
        return tuple(_MARK.split(text))

    def _read_subject(self, occasion: Occasion) -> str:
        """Says nothing of the person, so it is the same in every mail of the occasion."""
        return self._said_subject(occasion.purpose, occasion, lang=occasion.lang)

    def _said_subject(self, purpose: Purpose, v: Any, *, lang: str) -> str:
        template = self._text.get_template(f"{purpose}.j2")
        context = template.new_context({"v": v, "words": words(lang)})
        return "".join(template.blocks["subject"](context)).strip()

    def _rendered(self, purpose: Purpose, kind: Kind, v: Any, *, lang: str, subject: str) -> str:
        environment = self._html if kind == "html" else self._text
        template = environment.get_template(f"{purpose}.{'sms' if kind == 'sms' else 'j2'}")
        text = template.render(v=v, words=words(lang), parts=f"parts.{kind}", subject=subject)
        # Parts that a message leaves out leave no hole.
        return _EMPTY_LINES.sub("\n\n", text).strip() + "\n"

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
            # A calendar is often shared or shown on a locked screen: neither service nor office may be read there.
            summary=words(occasion.lang).gettext("Termin"),
            location=", ".join(filter(None, (occasion.street, occasion.town))),
            organizer=self._sender,
            organizer_name=occasion.sender,
            attendee=facts.to,
        )
        return invitation.calendar(entry), method


def _environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=autoescape,  # noqa: S701 (mails have a text part too)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.globals.update(_=_translated, ngettext=_translated_number)
    environment.filters["broken"] = _broken
    return environment


@pass_context
def _translated(context: Context, message: str, **values: object) -> str:
    return _said(context, context["words"].gettext(message), values)


@pass_context
def _translated_number(context: Context, one: str, many: str, num: int) -> str:
    return _said(context, context["words"].ngettext(one, many, num), {"num": num})


def _said(context: Context, text: str, values: dict[str, object]) -> str:
    """Catalogues are ours and hold no markup (a test looks), values are escaped."""
    form = Markup(text) if context.eval_ctx.autoescape else text  # noqa: S704
    return form % values if values else form


def _broken(text: str) -> Markup:
    """Line breaks, which easy language has after each sentence."""
    return Markup("<br>\n").join(escape(text).split("\n"))


def _mark(name: str, kind: Kind, occasion: Occasion) -> str:
    mark = f"\ue000{name}\ue001"
    if name not in _APART:
        return mark
    if kind == "html":
        return Markup(f"<bdi>{mark}</bdi>")  # noqa: S704
    return f"\u2068{mark}\u2069" if occasion.dir == "rtl" else mark


def _texts(own: Own) -> dict[str, str]:
    """What there is, by the name of its gap; each proposal has a gap of its own."""
    single = {name: text for name in _OWN if (text := getattr(own, name))}
    return single | {f"{_PROPOSAL}{n}": text for n, text in enumerate(own.proposals)}


def _method(purpose: Purpose, state: AppointmentState) -> invitation.Method | None:
    if purpose in (Purpose.CONFIRMATION, Purpose.RESCHEDULED, Purpose.CHANGED):
        return "REQUEST"
    # What was never confirmed is in nobody's calendar.
    cancelled = purpose in (Purpose.CANCELLATION, Purpose.OFFICE_CANCELLATION)
    return "CANCEL" if cancelled and any(step.step == "confirmed" for step in state.steps) else None


def _unsubscribe(purpose: Purpose, own: Own) -> str | None:
    """Where one click ends mails that nobody needs; older contacts have no link of their own for reminders."""
    if purpose is Purpose.REMINDER:
        return own.unsubscribe_url or None
    return own.manage_url if purpose in OF_WAITING else None
