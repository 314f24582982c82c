"""What was caught, read for the page."""

import json
import mailbox
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from itertools import groupby
from pathlib import Path

import icalendar

from deploy.local.reading import delivered, parse, text_of
from services.notification.channels.sms.texts import fit

_NEWEST = 200
_SHOWN = ("From", "To", "Subject", "Date", "Message-ID", "Content-Language", "List-Unsubscribe", "DKIM-Signature")
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """A mail in the list."""

    key: str
    to: str
    subject: str
    sender: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    method: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Letter:
    headers: tuple[tuple[str, str], ...]
    language: str
    text: str
    html: str
    calendar: Calendar | None


@dataclass(frozen=True, slots=True)
class Bubble:
    text: str
    at: datetime
    encoding: str
    segments: int


@dataclass(frozen=True, slots=True)
class Phone:
    number: str
    bubbles: tuple[Bubble, ...]


class Letters:
    def __init__(self, *, maildir: Path, sms_file: Path) -> None:
        self._maildir = maildir
        self._sms_file = sms_file

    def mails(self) -> list[Line]:
        """The newest first."""
        box = self._box()
        keys = sorted(box.keys(), key=delivered, reverse=True)[:_NEWEST] if box else []
        return [_line(key, parse(box.get_bytes(key))) for key in keys] if box else []

    def mail(self, key: str) -> Letter | None:
        box = self._box()
        return _letter(parse(box.get_bytes(key))) if box and key in box else None

    def phones(self) -> list[Phone]:
        """Whoever got the newest message first; the messages of each as on a phone, the oldest first."""
        caught = self._sms_file.read_text(encoding="utf-8") if self._sms_file.exists() else ""
        messages = [json.loads(line) for line in caught.split("\n")[-_NEWEST:] if line.strip()]
        by_number = groupby(sorted(messages, key=lambda m: (m["to"], m["at"])), key=lambda m: str(m["to"]))
        phones = [Phone(number, tuple(_bubbles(of_one))) for number, of_one in by_number]
        return sorted(phones, key=lambda phone: phone.bubbles[-1].at, reverse=True)

    def _box(self) -> "mailbox.Maildir | None":
        return mailbox.Maildir(self._maildir, create=False) if (self._maildir / "new").is_dir() else None


def _line(key: str, mail: EmailMessage) -> Line:
    seconds, micros = (*delivered(key), 0)[:2]
    at = datetime.fromtimestamp(seconds + micros / 1_000_000).astimezone()
    sender = mail["From"].addresses[0].display_name if mail["From"] else ""
    return Line(key, str(mail["To"]), str(mail["Subject"]), sender, at)


def _letter(mail: EmailMessage) -> Letter:
    html = mail.get_body(("html",))
    return Letter(
        headers=tuple((name, str(mail[name])) for name in _SHOWN if mail[name]),
        language=str(mail["Content-Language"] or ""),
        text=text_of(mail),
        html=_in_new_tabs(str(html.get_content())) if html else "",
        calendar=_calendar(mail),
    )


def _in_new_tabs(html: str) -> str:
    """Inside the frame no page of ours may open."""
    return _HEAD.sub(lambda head: f'{head[0]}<base target="_blank">', html, count=1)


def _calendar(mail: EmailMessage) -> Calendar | None:
    part = next((part for part in mail.walk() if part.get_content_type() == "text/calendar"), None)
    if part is None:
        return None
    entry = icalendar.Calendar.from_ical(part.get_content())
    event = next(iter(entry.walk("VEVENT")), icalendar.Event())
    names = ("SUMMARY", "DTSTART", "DTEND", "LOCATION", "STATUS", "ORGANIZER", "UID", "SEQUENCE")
    fields = ((name.capitalize(), _said(event[name])) for name in names if name in event)
    return Calendar(str(entry.get("METHOD", "")), tuple(fields))


def _said(value: object) -> str:
    moment = getattr(value, "dt", None)
    return f"{moment:%a, %d.%m.%Y, %H:%M %Z}" if isinstance(moment, datetime) else str(value)


def _bubbles(messages: Iterable[dict[str, str]]) -> Iterable[Bubble]:
    for message in messages:
        fitted = fit(message["text"])
        at = datetime.fromisoformat(message["at"]).astimezone()
        yield Bubble(message["text"], at, fitted.encoding, fitted.segments)
