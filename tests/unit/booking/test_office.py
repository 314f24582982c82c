from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from services.booking.domain.availability import Availability, base_cell
from services.booking.domain.office import UnbookableStart, UnknownLane, UnknownMunicipality, UnknownTeam
from services.booking.domain.visits import TooManyPersons
from services.booking.offices import BrokenOffice, load_office, load_offices
from tests.builders import ALBSTADT, HECHINGEN, MONDAY, OFFICE_FILE, an_office

BITZ = "08417010"
SUNDAY = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def local(day: int, hour: int, minute: int = 0, month: int = 12) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=an_office().zone)


def test_albstadt_and_bitz_belong_to_another_authority() -> None:
    office = an_office()

    assert office.responsibility(HECHINGEN).here
    assert [office.responsibility(ags).authority.id for ags in (ALBSTADT, BITZ)] == ["albstadt", "albstadt"]


def test_all_25_municipalities_of_the_district_are_known() -> None:
    assert len(an_office().data.municipalities) == 25
    with pytest.raises(UnknownMunicipality):
        an_office().responsibility("08415061")


@pytest.mark.parametrize(
    ("persons", "children", "minutes"), [(1, 0, 15), (2, 0, 20), (3, 0, 25), (3, 2, 25), (6, 5, 40)]
)
def test_minutes_grow_with_the_family(persons: int, children: int, minutes: int) -> None:
    office = an_office()

    found = office.minutes(office.service("eat_pickup"), persons=persons, children_under_6=children)

    assert found == minutes


@pytest.mark.parametrize("persons", [0, 7, 100])
def test_groups_outside_the_bounds_are_refused(persons: int) -> None:
    office = an_office()

    with pytest.raises(TooManyPersons):
        office.minutes(office.service("eat_pickup"), persons=persons, children_under_6=0)


def test_wednesdays_holidays_and_closures_are_closed() -> None:
    office = an_office()

    assert not office.is_open(date(2026, 12, 2))
    assert not office.is_open(date(2027, 1, 6))
    assert not office.is_open(date(2026, 12, 24))
    assert office.is_open(date(2026, 12, 3))


def test_first_bookable_day_is_the_next_opening_day() -> None:
    assert an_office().first_bookable_day(SUNDAY) == date(2026, 11, 23)
    tuesday = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
    assert an_office().first_bookable_day(tuesday) == date(2026, 12, 3)


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (MONDAY - timedelta(hours=1), "in-the-past"),
        (MONDAY + timedelta(hours=1), "too-early"),
        (MONDAY + timedelta(days=57), "beyond-horizon"),
        (local(1, 8, 5), "off-grid"),
        (local(1, 7), "outside-hours"),
        (local(1, 12, 20), "outside-hours"),
        (local(2, 9), "outside-hours"),
    ],
)
def test_a_start_that_is_never_offered_says_why(start: datetime, reason: str) -> None:
    availability = Availability(an_office(), base=base_cell(MONDAY))

    with pytest.raises(UnbookableStart) as error:
        availability.check_start("service_point", starts_at=start, length=5, now=MONDAY)
    assert error.value.reason == reason


def test_wall_time_stays_across_the_clock_change() -> None:
    """Half past eight is half past eight: 07:30 UTC in winter, 06:30 UTC in summer."""
    office = an_office()
    for day in (date(2027, 3, 26), date(2027, 3, 30), date(2026, 10, 23), date(2026, 10, 26)):
        for start, _ in office.open_spans(day):
            assert start.hour in (8, 14)
    utc = [office.open_spans(day)[0][0].astimezone(UTC).hour for day in (date(2027, 3, 25), date(2027, 3, 30))]
    assert utc == [7, 6]


def broken(tmp_path: Path, old: str, new: str) -> str:
    file = tmp_path / "broken.toml"
    text = OFFICE_FILE.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(BrokenOffice) as error:
        load_office(file)
    return str(error.value)


def test_errors_in_an_office_file_name_file_key_and_value(tmp_path: Path) -> None:
    assert "broken.toml: booking.horizon_days = -3" in broken(tmp_path, "horizon_days = 56", "horizon_days = -3")
    assert "no such team" in broken(tmp_path, 'team = "service_point"', 'team = "nobody"')
    assert "not valid TOML" in broken(tmp_path, 'id = "zollernalbkreis"', "id = ")
    assert "not one of mon" in broken(tmp_path, '"mon", "tue"', '"monday", "tue"')
    assert "given twice" in broken(tmp_path, 'id = "counter_2"', 'id = "counter_1"')


def own_text(line: str, text: str = '{ de = "Hallo" }') -> str:
    return f"[[messages.texts]]\n{line}\ntext = {text}\n"


PAIR = 'combines_with = ["eat_pin"]'
SMS = 'sms_sender = "Landratsamt Zollernalbkreis"'
RANGE = 'from = "D"\nto = "GQ"'


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (PAIR, 'combines_with = ["nothing"]', "services.eat_pickup.combines_with = 'nothing': no such other"),
        (PAIR, 'combines_with = ["commitment"]', "belongs to another team (caseworkers)"),
        (PAIR, 'combines_with = ["eat_pin", "fiction"]', "one-sided, fiction does not name eat_pickup"),
        ('mode = "invitation"', 'mode = "secret"', "mode = 'secret': not one of open, invitation, walk_in"),
        ('channel = "staff"', 'channel = "nobody"', "channel = 'nobody': not one of web, staff, kept, emergency"),
        ('deputies = ["room_2", "room_3"]', 'deputies = ["room_99"]', "deputies = 'room_99': no other lane"),
        (RANGE, 'from = "D"\nto = "GO"', "D–GO.to = 'GO': nobody has names that begin with 'GP'"),
        (
            RANGE,
            'from = "D"\nto = "GRA"',
            "GR–IL.from = 'GR': names that begin with 'GR' belong to D–GO and GR–IL",
        ),
        ('lanes = ["room_3"]', 'lanes = ["room_3", "desk"]', "surname_ranges.D–GO.lanes = 'desk': no such lane"),
        ('until = "12:30"', 'until = "12:31"', "until = '12:31': not a time as 08:00"),
        ('until = "17:00"', 'until = "14:00"', "opening_hours.until = '14:00': not after '14:00'"),
        ("until = 2026-12-25", "until = 2026-12-24", "closures.until = '2026-12-24': not after"),
        (
            "grid_minutes = 10",
            "grid_minutes = 10\nhorizont = 5",
            "booking.horizont = 5: `horizont` is not known here; did you mean `horizon_days`?",
        ),
        ('release = "random"', 'release = "sometimes"', "booking.release = 'sometimes'"),
        ('timezone = "Europe/Berlin"', 'timezone = "Europe/Balingen"', "there is no such time zone"),
        ('country = "DE"', 'country = "XX"', "holidays = 'XX', 'BW': no public holidays are known"),
        ('subdivision = "BW"', 'subdivision = "XX"', "holidays = 'DE', 'XX': no public holidays are known"),
        ("until = 2026-12-25", "until = 9999-12-31", "closures.until = '9999-12-31': not between the years"),
        (
            "valid_from = 2021-06-01\n\n[h",
            "valid_from = 0001-01-01\n\n[h",
            "valid_from = '0001-01-01': not between the years",
        ),
        ('de = "Heiligabend"', '"d\\u0000" = "Heiligabend"', "may have letters, digits"),
        (SMS, own_text('place = "middle"'), "messages.texts.(1st).place = 'middle': not one of before, after,"),
        (
            SMS,
            own_text('purpose = "reminders"'),
            "messages.texts.(1st).purpose = 'reminders': not one of confirm_request",
        ),
        (SMS, own_text('service = "none"'), "messages.texts.(1st).service = 'none': no such service"),
        (
            SMS,
            own_text("", '{ en = "Hello" }'),
            "messages.texts.(1st).text = {'en': 'Hello'}: the German text is missing",
        ),
        (SMS, own_text("", '{ de = "" }'), "messages.texts.(1st).text.de: must have 1 to 1000 signs"),
        (SMS, own_text("", '{ de = "a\\uE000b" }'), "messages.texts.(1st).text.de: must not have control signs"),
        (
            SMS,
            own_text('where = "end"'),
            "messages.texts.(1st).where = 'end': `where` is not known here: take it away; known are place,",
        ),
    ],
)
def test_what_cannot_be_meant_is_an_error(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert told in broken(tmp_path, old, new)


def test_desks_and_teams_that_are_not_there_are_told() -> None:
    office = an_office()

    office.check_lane("room_1")
    office.check_lane("room_1", team="caseworkers")
    with pytest.raises(UnknownLane):
        office.check_lane("room_99")
    with pytest.raises(UnknownLane):
        office.check_lane("room_1", team="service_point")
    with pytest.raises(UnknownTeam):
        office.check_lane("room_1", team="nobody")


def test_a_file_that_is_not_there_is_not_called_broken(tmp_path: Path) -> None:
    with pytest.raises(BrokenOffice, match=r"away\.toml: cannot be read: No such file"):
        load_office(tmp_path / "away.toml")


def test_an_empty_office_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BrokenOffice, match="BOOKING_OFFICES"):
        load_offices(tmp_path)
