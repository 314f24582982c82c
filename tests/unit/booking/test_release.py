import json
from datetime import date, datetime, timedelta

import pytest

from services.booking.domain.availability import Availability, base_cell
from services.booking.domain.office import Office, UnbookableStart
from services.booking.domain.release import Access
from services.booking.domain.rules import Quota
from services.booking.offices import load_office
from services.booking.tokens import Keys
from tests.builders import MONDAY, OFFICE_FILE, an_office

TEAM, COUNTER, STAFF = "service_point", ("service_point", "counter_1"), ("service_point", "counter_4")
KEY = Keys({"k1": b"x" * 32}).release_key()
DELIVERED = load_office(OFFICE_FILE, key=KEY)
# Eight weeks after MONDAY.
LAST = date(2027, 1, 25)


def offered(office: Office, now: datetime, *, access: Access = "web", length: int = 3) -> set[datetime]:
    availability = Availability(office, base=base_cell(now))
    starts = availability.starts(TEAM, length=length, now=now, access=access)
    first, last = office.days("staff", now=now)
    days = availability.days(starts, first=first, last=last)
    return {datetime.fromisoformat(text) for _, times in days for text in json.loads(times)}


def local(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=DELIVERED.zone)


def test_release_minutes_spread_over_the_day() -> None:
    days = [LAST + timedelta(days=n) for n in range(60)]
    moments = [DELIVERED.releases.at((TEAM, lane), day, "web") for lane in DELIVERED.lanes(TEAM) for day in days]
    minutes = [m.astimezone(DELIVERED.zone).hour * 60 + m.astimezone(DELIVERED.zone).minute for m in moments]

    assert min(minutes) >= 6 * 60
    assert max(minutes) < 20 * 60
    assert len(set(minutes)) > 150
    by_third = [sum(1 for m in minutes if 360 + third * 280 <= m < 640 + third * 280) for third in range(3)]
    assert min(by_third) > 50


def test_all_processes_agree_and_nobody_else_can_tell() -> None:
    same, other = load_office(OFFICE_FILE, key=KEY), load_office(OFFICE_FILE, key=b"y" * 32)
    lanes = [(TEAM, lane) for lane in DELIVERED.lanes(TEAM)]

    assert [same.releases.at(lane, LAST, "web") for lane in lanes] == [
        DELIVERED.releases.at(lane, LAST, "web") for lane in lanes
    ]
    assert [other.releases.at(lane, LAST, "web") for lane in lanes] != [
        DELIVERED.releases.at(lane, LAST, "web") for lane in lanes
    ]


def test_a_new_signing_key_leaves_the_minutes_alone() -> None:
    rotated = Keys({"k2": b"z" * 32, "k1": b"x" * 32})

    assert rotated.release_key() == KEY


def test_a_day_opens_lane_by_lane_eight_weeks_ahead() -> None:
    releases = sorted(DELIVERED.releases.at((TEAM, lane), LAST, "web") for lane in DELIVERED.web_lanes(TEAM))
    start = local(LAST, 9)

    assert all(release.astimezone(DELIVERED.zone).date() == MONDAY.date() for release in releases)
    for number, release in enumerate(releases):
        for now, expected in ((release - timedelta(seconds=1), number), (release, number + 1)):
            availability = Availability(DELIVERED, base=base_cell(now))
            lanes = availability.free_lanes(TEAM, starts_at=start, length=3, now=now)
            assert len(lanes) == expected
            assert (start in offered(DELIVERED, now)) == bool(expected)


def test_a_kept_mask_is_renewed_at_the_release_minute() -> None:
    """Also within a cell of five minutes."""
    releases = [DELIVERED.releases.at((TEAM, lane), LAST, "web") for lane in DELIVERED.web_lanes(TEAM)]
    release = next(moment for moment in sorted(releases) if moment.minute % 5)
    availability = Availability(DELIVERED, base=base_cell(MONDAY))

    def lanes(now: datetime) -> int:
        return len(availability.free_lanes(TEAM, starts_at=local(LAST, 9), length=3, now=now))

    before = release - timedelta(seconds=1)
    then = lanes(before)

    assert lanes(release) == then + 1
    assert availability.as_of(TEAM, release) != availability.as_of(TEAM, before)


def test_kept_cells_open_two_working_days_before() -> None:
    """Thursday's are released on Monday: Wednesday is closed."""
    thursday = date(2026, 12, 3)
    release = DELIVERED.releases.at(STAFF, thursday, "kept")

    assert release.astimezone(DELIVERED.zone).date() == date(2026, 11, 30)
    for now, expected in ((release - timedelta(seconds=1), False), (release, True)):
        lanes = Availability(DELIVERED, base=base_cell(now)).free_lanes(
            TEAM, starts_at=local(thursday, 11, 30), length=3, now=now
        )
        assert ("counter_4" in lanes) == expected


def test_emergencies_get_their_own_cells_and_only_those() -> None:
    now = local(date(2026, 12, 1), 21)
    found = offered(DELIVERED, now, access="emergency")

    assert {t.date() for t in found} == {date(2026, 12, 3), date(2026, 12, 4)}
    assert local(date(2026, 12, 3), 8) in offered(DELIVERED, local(date(2026, 12, 3), 7), access="emergency")
    assert all(time.hour * 60 + time.minute <= 9 * 60 + 15 for time in found)
    lanes = Availability(DELIVERED, base=base_cell(now)).free_lanes(
        TEAM, starts_at=local(date(2026, 12, 3), 8), length=3, now=now, access="emergency"
    )
    assert lanes == ["counter_4"]


def test_staff_may_book_everything_from_now_on() -> None:
    found = offered(DELIVERED, MONDAY, access="staff")

    assert local(date(2026, 11, 30), 9, 10) in found
    assert local(date(2026, 11, 30), 9) not in found
    assert max(found).date() > LAST
    lanes = Availability(DELIVERED, base=base_cell(MONDAY)).free_lanes(
        TEAM, starts_at=local(date(2026, 12, 3), 10), length=3, now=MONDAY, access="staff"
    )
    assert lanes == ["counter_1", "counter_2", "counter_3", "counter_4"]


def test_released_at_once_means_whole_days() -> None:
    assert {time.date() for time in offered(an_office(), MONDAY)} >= {LAST}
    kept = Quota.model_validate({"team": TEAM, "from": "08:00", "until": "12:00", "channel": "kept"})
    office = an_office(quotas=(kept,))

    assert local(date(2026, 12, 3), 9) in offered(office, MONDAY)
    assert local(date(2026, 12, 4), 9) not in offered(office, MONDAY)


@pytest.mark.parametrize(
    ("access", "start", "reason"),
    [
        ("web", local(LAST, 9), "not-released"),
        ("emergency", local(date(2026, 12, 3), 10), "not-released"),
        ("staff", local(date(2026, 12, 3), 13), "outside-hours"),
        ("staff", local(date(2026, 12, 3), 9, 3), "off-grid"),
        ("staff", local(date(2027, 7, 1), 9), "beyond-horizon"),
        ("staff", local(date(2026, 11, 30), 8), "in-the-past"),
    ],
)
def test_a_refused_start_says_what_stands_in_its_way(access: Access, start: datetime, reason: str) -> None:
    now = local(MONDAY.date(), 5) if access == "web" else MONDAY
    availability = Availability(DELIVERED, base=base_cell(now))

    with pytest.raises(UnbookableStart) as error:
        availability.check_start(TEAM, starts_at=start, length=3, now=now, access=access)
    assert error.value.reason == reason


def test_a_random_release_needs_a_key() -> None:
    with pytest.raises(ValueError, match="needs a key"):
        Office(DELIVERED.data)
