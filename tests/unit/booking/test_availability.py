import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from services.booking.domain.availability import Availability, base_cell
from services.booking.domain.cells import cell_at, cells_of, start_of
from services.booking.domain.hours import day_cells
from tests.builders import MONDAY, an_office

TEAM = "service_point"
OFFICE = an_office()
LANES = OFFICE.web_lanes(TEAM)
# Thursday, 08:00 to 12:30 and 14:00 to 17:00.
THURSDAY = date(2026, 12, 3)
OPENS = datetime(2026, 12, 3, 8, 0, tzinfo=OFFICE.zone)


def empty() -> Availability:
    return Availability(OFFICE, base=base_cell(MONDAY))


def taken(lane: str, minute: int, length: int) -> list[str]:
    start = OPENS + timedelta(minutes=minute)
    return list(cells_of(team=TEAM, lane=lane, starts_at=start, ends_at=start + timedelta(minutes=5 * length)))


def times_on(availability: Availability, day: date, length: int) -> list[datetime]:
    starts = availability.starts(TEAM, length=length, now=MONDAY)
    return [
        datetime.fromisoformat(time)
        for _, times in availability.days(starts, first=day, last=day)
        for time in json.loads(times)
    ]


def test_an_empty_day_offers_every_start_that_fits() -> None:
    found = times_on(empty(), THURSDAY, 5)

    assert found[0] == OPENS
    assert found[-1] == datetime(2026, 12, 3, 16, 30, tzinfo=OFFICE.zone)
    assert datetime(2026, 12, 3, 12, 10, tzinfo=OFFICE.zone) not in found
    assert all(time.minute % 10 == 0 for time in found)


def test_a_time_is_offered_while_one_desk_is_free() -> None:
    availability = empty()
    for number, lane in enumerate(LANES):
        assert OPENS in times_on(availability, THURSDAY, 3)
        availability.put(str(number), version=1, cells=taken(lane, 0, 3))

    assert OPENS not in times_on(availability, THURSDAY, 3)
    assert availability.free_lanes(TEAM, starts_at=OPENS, length=3, now=MONDAY) == []


def test_own_cells_do_not_stand_in_the_way_of_a_move() -> None:
    availability = empty()
    availability.put("a", version=1, cells=taken(LANES[0], 0, 3))

    assert LANES[0] not in availability.free_lanes(TEAM, starts_at=OPENS, length=3, now=MONDAY)
    assert LANES[0] in availability.free_lanes(TEAM, starts_at=OPENS, length=3, now=MONDAY, own="a")


def test_an_older_version_changes_nothing() -> None:
    availability = empty()
    availability.put("a", version=3, cells=taken(LANES[0], 60, 3))
    availability.put("a", version=2, cells=taken(LANES[0], 0, 3))

    assert LANES[0] in availability.free_lanes(TEAM, starts_at=OPENS, length=3, now=MONDAY)


def test_a_late_release_does_not_free_the_new_owner() -> None:
    """B's own write is known at once, A's release comes later by the change stream."""
    availability = empty()
    availability.put("a", version=1, cells=taken(LANES[0], 0, 3))
    availability.put("b", version=1, cells=taken(LANES[0], 0, 3))
    availability.put("a", version=2, cells=[])

    assert LANES[0] not in availability.free_lanes(TEAM, starts_at=OPENS, length=3, now=MONDAY)

    availability.put("b", version=2, cells=[])
    assert LANES[0] in availability.free_lanes(TEAM, starts_at=OPENS, length=3, now=MONDAY)


def test_nothing_in_the_past_is_offered() -> None:
    availability = empty()
    noon = datetime(2026, 12, 3, 12, 0, tzinfo=UTC)

    starts = availability.starts(TEAM, length=1, now=noon)

    assert not availability.days(starts, first=THURSDAY, last=THURSDAY)


def test_a_local_day_has_23_24_or_25_hours() -> None:
    days = (date(2027, 3, 28), THURSDAY, date(2026, 10, 25))
    spans = [day_cells(day, ZoneInfo("Europe/Berlin")) for day in days]

    assert [length for _, length in spans] == [276, 288, 300]
    assert start_of(spans[1][0]).astimezone(ZoneInfo("Europe/Berlin")).hour == 0


bookings = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(LANES), st.integers(0, 50), st.integers(0, 8)), max_size=30
)


@settings(max_examples=150, deadline=None)
@given(bookings, st.integers(1, 12))
def test_bits_agree_with_a_plain_recount(changes: list[tuple[int, str, int, int]], length: int) -> None:
    availability = empty()
    plain: dict[int, list[str]] = {}
    for version, (who, lane, minute, size) in enumerate(changes):
        cells = taken(lane, minute * 5, size)
        others = {cell for other, held in plain.items() if other != who for cell in held}
        if others.isdisjoint(cells):
            availability.put(str(who), version=version, cells=cells)
            plain[who] = cells

    owned = {cell for held in plain.values() for cell in held}
    expected = []
    for start in times_on(empty(), THURSDAY, length):
        end = start + timedelta(minutes=5 * length)
        if any(owned.isdisjoint(cells_of(team=TEAM, lane=x, starts_at=start, ends_at=end)) for x in LANES):
            expected.append(start)
    assert times_on(availability, THURSDAY, length) == expected


def test_base_is_yesterdays_midnight() -> None:
    assert start_of(base_cell(MONDAY)) == datetime(2026, 11, 29, tzinfo=UTC)
    assert cell_at(MONDAY) - base_cell(MONDAY) == 288 + 96


def test_kept_answers_stay_right_until_cells_or_time_change() -> None:
    availability = empty()
    availability.put("a", version=1, cells=taken(LANES[0], 0, 3))
    before = availability.as_of(TEAM, MONDAY)

    availability.put("a", version=1, cells=taken(LANES[0], 0, 3))
    assert availability.as_of(TEAM, MONDAY) == before

    assert availability.as_of(TEAM, MONDAY + timedelta(minutes=5)) != before
    availability.put("b", version=1, cells=taken(LANES[1], 0, 3))
    assert availability.as_of(TEAM, MONDAY) != before


def test_kept_answers_are_worth_nothing_after_a_new_load() -> None:
    assert empty().as_of(TEAM, MONDAY) != empty().as_of(TEAM, MONDAY)
