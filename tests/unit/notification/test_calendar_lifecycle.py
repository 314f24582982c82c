"""Calendar entries as another library reads them, through an appointment's life: RFC 5545, 5546 and 6047."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from typing import Any

import pytest
import vobject

from services.notification.catalogues import LANGUAGES
from services.notification.channels.email.mime import Mail, build
from services.notification.domain import Delivery
from services.notification.purposes import Purpose
from shared.contracts import Step
from tests.unit.notification.builders import NOW, SENDER, VISIT, a_contact, an_office, facts, known
from tests.unit.notification.rendered import RENDERER, STATES, a_delivery_of

CONFIRMED = Step(step="confirmed", at=NOW)
ODD = "Eva\r\nDTSTART:19990101T000000\nX-EVIL:1 🙂 \u202eعلي\u202c Ївга; a,b\\c " + "ü" * 80


def a_message(purpose: Purpose, *, sequence: int, lang: str = "de", **changes: Any) -> Mail:
    office = an_office(**changes.pop("office", {}))
    state = {"language": lang, "steps": (CONFIRMED,), **STATES.get(purpose, {}), **changes}
    # By clocks that go backwards: the sequence alone says what is newer.
    made_at = NOW - timedelta(minutes=sequence)
    delivery: Delivery = replace(a_delivery_of(purpose, sequence=sequence, **state), created_at=made_at)
    send = facts(state=known(sequence=sequence, **state), contact=a_contact(language=lang), office=office)
    return RENDERER.mail(delivery, send)


def read(mail: Mail) -> Any:
    assert mail.calendar is not None
    return vobject.readOne(mail.calendar.decode())


class CalendarProgram:
    """What RFC 5546 (2.1.5, 3.2) asks of one that gets entries by mail: the newest of each UID holds."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[datetime, datetime]] = {}
        self._newest: dict[str, tuple[int, datetime]] = {}

    def take(self, mail: Mail) -> None:
        calendar = read(mail)
        event = calendar.vevent
        uid, age = event.uid.value, (int(event.sequence.value), event.dtstamp.value)
        if age < self._newest.get(uid, age):
            return
        self._newest[uid] = age
        if calendar.method.value == "CANCEL":
            self.entries.pop(uid, None)
        else:
            self.entries[uid] = (event.dtstart.value, event.dtend.value)


def test_an_entry_is_made_changed_moved_withdrawn_and_restored() -> None:
    program = CalendarProgram()
    uid = "0192aaaa-0000-8000-8000-000000000001@amtstermin"
    length, later = timedelta(minutes=25), VISIT + timedelta(days=130)
    first = a_message(Purpose.CONFIRMATION, sequence=3)
    program.take(first)
    assert program.entries == {uid: (VISIT, VISIT + length)}
    program.take(a_message(Purpose.CHANGED, sequence=4, ends_at=VISIT + 2 * length))
    assert program.entries == {uid: (VISIT, VISIT + 2 * length)}
    program.take(a_message(Purpose.RESCHEDULED, sequence=5, starts_at=later))
    program.take(first)
    assert program.entries == {uid: (later, later + length)}
    program.take(a_message(Purpose.OFFICE_CANCELLATION, sequence=6, starts_at=later))
    assert program.entries == {}
    program.take(a_message(Purpose.RESCHEDULED, sequence=5, starts_at=later))
    assert program.entries == {}
    program.take(a_message(Purpose.CONFIRMATION, sequence=7, starts_at=later))
    assert program.entries == {uid: (later, later + length)}


@pytest.mark.parametrize("purpose", [Purpose.CONFIRMATION, Purpose.CHANGED, Purpose.CANCELLATION])
def test_an_entry_has_all_that_its_method_must_have(purpose: Purpose) -> None:
    """RFC 5546, tables of 3.2.2 and 3.2.5."""
    calendar = read(a_message(purpose, sequence=4))
    for name in ("version", "prodid", "method", "vtimezone", "vevent"):
        assert len(calendar.contents[name]) == 1
    must = {"uid", "sequence", "dtstamp", "organizer", "attendee", "dtstart", "dtend", "summary", "status"}
    assert must <= set(calendar.vevent.contents)
    assert all(len(values) == 1 for values in calendar.vevent.contents.values())
    assert calendar.vevent.attendee.value == "mailto:ayse@example.org"
    assert calendar.vevent.organizer.value == f"mailto:{SENDER}"


def test_the_mail_names_the_method_of_its_entry() -> None:
    """RFC 6047, 2.4: the parameter is the object's METHOD, or programs ignore both."""
    for purpose, method in ((Purpose.CONFIRMATION, "REQUEST"), (Purpose.CANCELLATION, "CANCEL")):
        mail = a_message(purpose, sequence=4)
        message = BytesParser(policy=policy.default).parsebytes(build(mail, sender=SENDER, now=NOW))
        (inline,) = (part for part in message.walk() if part.get_content_type() == "text/calendar")
        assert inline.get_param("method") == method
        assert inline.get_param("charset") == "utf-8"
        assert read(mail).method.value == method


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_title_says_appointment_and_nothing_else(lang: str) -> None:
    words = {
        **dict.fromkeys(("de", "de-x-leicht", "hr", "sq"), "Termin"),
        "ar": "موعد",
        "en": "Appointment",
        "fa": "وقت ملاقات",
        "it": "Appuntamento",
        "ro": "Programare",
        "ru": "Запись на приём",
        "tr": "Randevu",
        "uk": "Запис на прийом",
    }
    mail = a_message(Purpose.CONFIRMATION, sequence=3, lang=lang)
    calendar = read(mail)
    assert calendar.vevent.summary.value == words[lang]
    assert mail.calendar is not None
    assert not re.search("eAT|Abholung|Ausländer|secret|A. Y.|K7MQ", mail.calendar.decode())


def test_odd_names_can_neither_add_properties_nor_long_lines() -> None:
    place = {"valid_from": "2021-06-01", "street": ODD, "postal_code": "72336", "city": ODD}
    mail = a_message(Purpose.CONFIRMATION, sequence=3, office={"sender": ODD, "locations": [place]})
    assert mail.calendar is not None
    assert all(len(line) <= 75 for line in mail.calendar.split(b"\r\n"))
    assert b"\n" not in mail.calendar.replace(b"\r\n", b"")
    event = read(mail).vevent
    assert "x-evil" not in event.contents
    assert event.dtstart.value == VISIT
    assert "🙂" in event.location.value
    assert "ü" * 80 in event.location.value


@pytest.mark.parametrize("month", [1, 3, 4, 10, 11])
def test_another_library_reads_the_same_moment_on_both_sides_of_a_clock_change(month: int) -> None:
    starts_at = datetime(2027, month, 28, 12, 0, tzinfo=UTC)
    event = read(a_message(Purpose.CONFIRMATION, sequence=3, starts_at=starts_at)).vevent
    assert event.dtstart.value.astimezone(UTC) == starts_at
    assert event.dtstart.value.utcoffset() == timedelta(hours=2 if month in (3, 4, 10) else 1)
