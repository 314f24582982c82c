"""Calendar entries: replaced when moved, withdrawn when cancelled, right on both sides of a clock change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import pytest

from services.notification.invitation import Entry, calendar, uid
from tests.unit.notification.builders import NOW, SENDER, VISIT

ENTRY = Entry(
    method="REQUEST",
    uid=uid("0192aaaa"),
    sequence=3,
    stamp=NOW,
    starts_at=VISIT,
    ends_at=VISIT + timedelta(minutes=25),
    timezone="Europe/Berlin",
    summary="Termin",
    location="Grünewaldstraße 15, 72336 Balingen",
    organizer=SENDER,
    organizer_name="Landratsamt Zollernalbkreis, Terminvergabe",
    attendee="someone@example.org",
)


def parsed(entry: Entry) -> tuple[Any, Any]:
    raw = calendar(entry)
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    result = icalendar.Calendar.from_ical(raw)
    assert isinstance(result, icalendar.Calendar)
    (event,) = result.events  # its properties are a union of thirty types
    return result, event


def test_request_names_time_place_and_people() -> None:
    result, event = parsed(ENTRY)
    assert result["METHOD"] == "REQUEST"
    assert event["UID"] == "0192aaaa@amtstermin"
    assert event["SEQUENCE"] == 3
    assert event["DTSTAMP"].dt == NOW
    assert event["STATUS"] == "CONFIRMED"
    assert event["SUMMARY"] == "Termin"
    assert event["LOCATION"] == "Grünewaldstraße 15, 72336 Balingen"
    assert event["ORGANIZER"] == f"mailto:{SENDER}"
    assert event["ATTENDEE"] == "mailto:someone@example.org"
    assert event["ATTENDEE"].params["RSVP"] == "FALSE"


def test_cancellation_withdraws_the_same_entry() -> None:
    result, event = parsed(replace(ENTRY, method="CANCEL", sequence=5))
    assert result["METHOD"] == "CANCEL"
    assert event["STATUS"] == "CANCELLED"
    assert event["UID"] == "0192aaaa@amtstermin"
    assert event["SEQUENCE"] == 5


@pytest.mark.parametrize(
    ("starts_at", "local"),
    [
        (datetime(2027, 1, 1, 0, 30, tzinfo=UTC), "2027-01-01T01:30:00+01:00"),
        (datetime(2027, 3, 26, 8, 0, tzinfo=UTC), "2027-03-26T09:00:00+01:00"),
        (datetime(2027, 3, 28, 1, 30, tzinfo=UTC), "2027-03-28T03:30:00+02:00"),
        (datetime(2027, 3, 29, 8, 0, tzinfo=UTC), "2027-03-29T10:00:00+02:00"),
        (datetime(2027, 10, 29, 8, 0, tzinfo=UTC), "2027-10-29T10:00:00+02:00"),
        (datetime(2027, 11, 1, 8, 0, tzinfo=UTC), "2027-11-01T09:00:00+01:00"),
        (datetime(2027, 12, 31, 22, 59, tzinfo=UTC), "2027-12-31T23:59:00+01:00"),
    ],
)
def test_local_time_holds_across_the_clock_change(starts_at: datetime, local: str) -> None:
    """By the entry's own rules, which is what a calendar program without our time zone data goes by."""
    result, event = parsed(replace(ENTRY, starts_at=starts_at, ends_at=starts_at + timedelta(minutes=25)))
    assert event["DTSTART"].params["TZID"] == "Europe/Berlin"
    assert event["DTSTART"].dt.isoformat() == local
    wall = event["DTSTART"].dt.replace(tzinfo=None)
    assert _offset(result.timezones[0], wall) == event["DTSTART"].dt.utcoffset()


def _offset(timezone: Any, wall: datetime) -> timedelta:
    return wall.replace(tzinfo=timezone.to_tz(lookup_tzid=False)).utcoffset() or timedelta()


def test_zone_rules_begin_at_the_local_time_before_the_change() -> None:
    raw = calendar(ENTRY).decode()
    assert "BEGIN:DAYLIGHT\r\nDTSTART:19960331T020000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\n" in raw
    assert "BEGIN:STANDARD\r\nDTSTART:19961027T030000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n" in raw


def test_entries_of_all_years_bring_the_same_zone() -> None:
    """Programs keep the first that they got under its name, and go by it for later entries too."""
    near, far = parsed(ENTRY), parsed(replace(ENTRY, starts_at=VISIT + timedelta(days=700)))
    assert near[0].timezones[0].to_ical() == far[0].timezones[0].to_ical()


def test_a_zone_without_a_rule_has_its_changes_one_by_one() -> None:
    """Morocco's clock follows the moon."""
    starts_at = datetime(2027, 6, 1, 9, 0, tzinfo=UTC)
    result, event = parsed(replace(ENTRY, timezone="Africa/Casablanca", starts_at=starts_at))
    assert b"RRULE" not in result.timezones[0].to_ical()
    assert len(result.timezones[0].subcomponents) >= 3
    wall = event["DTSTART"].dt.replace(tzinfo=None)
    assert _offset(result.timezones[0], wall) == event["DTSTART"].dt.utcoffset()


def test_a_zone_without_clock_changes_has_one_rule() -> None:
    result, _ = parsed(replace(ENTRY, timezone="Asia/Tokyo"))
    assert len(result.timezones[0].subcomponents) == 1


def test_odd_texts_cannot_add_properties() -> None:
    location = "Straße 1; Hof,\nDTSTART:19990101T000000\r\nX-EVIL:1"
    _, event = parsed(replace(ENTRY, location=location, attendee="o'neill@example.org\r\nX-EVIL:2"))
    assert "X-EVIL" not in event
    assert event["DTSTART"].dt.year == 2026
