"""Files of appointments: what is read, what is refused with its line, and that a written file is read again."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.booking.transfer.calendars import Defaults, is_calendar, read_calendar, write_calendar
from services.booking.transfer.rows import Row
from services.booking.transfer.tables import read_table, write_table
from tests.builders import BALINGEN, HECHINGEN

BERLIN = ZoneInfo("Europe/Berlin")
HEADING = "key;starts_at;service;family_name;municipalities;email"
NO_DEFAULTS = Defaults()


def a_row(**changes: object) -> Row:
    values = {
        "key": "old-1",
        "starts_at": "2026-12-07T09:30:00+01:00",
        "service": "eat_pickup",
        "family_name": "Özgür-von Ö",
        "municipalities": (HECHINGEN, BALINGEN),
        "given_name": "Ayşe",
        "email": "ayse@example.org",
        "phone": "+4915112345678",
        "language": "tr",
        "lane": "counter_2",
    }
    return Row.model_validate({**values, **changes})


def table(*lines: str) -> bytes:
    return "\r\n".join((HEADING, *lines, "")).encode()


def test_a_table_is_read_with_the_offices_wall_time() -> None:
    read = read_table(table(f"1;2026-07-06 09:30;eat_pickup;Öztürk;{HECHINGEN} {BALINGEN};"))
    assert read.faults == []
    assert read.rows[2].moment(BERLIN) == datetime(2026, 7, 6, 7, 30, tzinfo=UTC)
    assert (read.rows[2].municipalities, read.rows[2].email) == ((HECHINGEN, BALINGEN), None)


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_what_spreadsheets_separate_by_is_understood(separator: str) -> None:
    text = table(f"1;2026-12-07T09:30;eat_pickup;Öztürk;{HECHINGEN};").decode().replace(";", separator)
    assert read_table(("\ufeff" + text).encode()).rows[2].family_name == "Öztürk"


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (f";2026-12-07T09:30;eat_pickup;Geheim;{HECHINGEN};", "key"),
        (f"1;7.12.2026;eat_pickup;Geheim;{HECHINGEN};", "starts_at"),
        (f"1;2026-12-07;eat_pickup;Geheim;{HECHINGEN};", "starts_at"),
        (f"1;2026-12-07T09:30;Abholung!;Geheim;{HECHINGEN};", "service"),
        (f"1;2026-12-07T09:30;eat_pickup;;{HECHINGEN};", "family_name"),
        ("1;2026-12-07T09:30;eat_pickup;Geheim;Hechingen;", "municipalities"),
        ("1;2026-12-07T09:30;eat_pickup;Geheim;;", "municipalities"),
        (f"1;2026-12-07T09:30;eat_pickup;Geheim;{HECHINGEN};geheim", "email"),
        (f"1;2026-12-07T09:30;eat_pickup;Geheim;{HECHINGEN}", "fewer fields"),
    ],
)
def test_a_fault_names_line_and_field_and_no_person(line: str, field: str) -> None:
    read = read_table(table(f"0;2026-12-07T09:00;eat_pickup;Öztürk;{HECHINGEN};", line))
    [fault] = read.faults
    assert (list(read.rows), fault.line) == ([2], 3)
    assert field in fault.what
    assert "geheim" not in str(fault).lower()


def test_a_name_over_two_lines_moves_the_numbers_of_the_lines_after_it() -> None:
    read = read_table(table(f'1;2026-12-07T09:30;eat_pickup;"Öz\nTürk";{HECHINGEN};', "2;x;y;z;0;"))
    assert [fault.line for fault in read.faults] == [3, 4]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"key;starts_at\r\n1;2\r\n", "columns are missing: service"),
        (HEADING.encode() + b";wage\r\n", "columns that nobody knows: wage"),
        (HEADING.encode() + b"\r\n1;2;\xd6zt\xfcrk\r\n", "not UTF-8"),
        (b"", "columns are missing"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(data: bytes, told: str) -> None:
    [fault] = read_table(data).faults
    assert told in str(fault)


def test_a_written_table_is_read_as_it_was_and_runs_no_formula() -> None:
    rows = [a_row(), a_row(key="=1+1", family_name="-Öz", given_name=None, email=None, phone=None, lane=None)]
    data = write_table(rows)
    assert list(read_table(data).rows.values()) == rows
    assert ";=" not in data.decode()
    assert "\r\n=" not in data.decode()


def test_a_written_calendar_is_read_as_it_was() -> None:
    rows = [a_row(), a_row(key="old-2", given_name=None, email=None, phone=None, lane=None)]
    starts_at = datetime(2026, 12, 7, 8, 30, tzinfo=UTC)
    data = write_calendar(((row, starts_at, starts_at + timedelta(minutes=15)) for row in rows), now=starts_at)
    read = read_calendar(data, defaults=NO_DEFAULTS)
    assert is_calendar(data)
    assert read.faults == []
    assert [row.model_dump(exclude={"starts_at"}) for row in read.rows.values()] == [
        row.model_dump(exclude={"starts_at"}) for row in rows
    ]
    assert {row.moment(BERLIN) for row in read.rows.values()} == {starts_at}


FOREIGN = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Somebody//EN
BEGIN:VEVENT
UID:4711@old.example
DTSTAMP:20261101T000000Z
DTSTART;TZID=Europe/Berlin:20261207T093000
CATEGORIES:eat_pickup
SUMMARY:Abholung
ATTENDEE;CN="Öztürk, Ayşe":MAILTO:ayse@example.org
END:VEVENT
BEGIN:VEVENT
UID:4712@old.example
DTSTAMP:20261101T000000Z
DTSTART:20261207T090000Z
ATTENDEE;CN=Maria da Silva:mailto:maria@example.org
END:VEVENT
BEGIN:VEVENT
UID:4713@old.example
DTSTAMP:20261101T000000Z
DTSTART:20261207T093000Z
STATUS:CANCELLED
END:VEVENT
BEGIN:VEVENT
UID:4714@old.example
DTSTAMP:20261101T000000Z
DTSTART;VALUE=DATE:20261207
ATTENDEE;CN=Geheim:mailto:x@example.org
END:VEVENT
END:VCALENDAR
"""


def test_another_systems_calendar_is_read_with_what_the_operator_adds() -> None:
    read = read_calendar(FOREIGN.encode(), defaults=Defaults(service="cond_change", municipality=HECHINGEN))
    first, second = (read.rows[line] for line in (4, 12))
    assert (first.key, first.service, first.family_name, first.given_name) == (
        "4711@old.example",
        "eat_pickup",
        "Öztürk",
        "Ayşe",
    )
    assert first.moment(BERLIN) == datetime(2026, 12, 7, 8, 30, tzinfo=UTC)
    assert (second.service, second.family_name, second.given_name) == ("cond_change", "Silva", "Maria da")
    assert second.email == "maria@example.org"
    assert [(fault.line, fault.what.partition(":")[0]) for fault in read.faults] == [(24, "starts_at")]


def test_what_is_no_calendar_is_refused_with_a_line() -> None:
    [fault] = read_calendar(b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", defaults=NO_DEFAULTS).faults
    assert fault.line == 1
