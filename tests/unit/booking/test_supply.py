"""What an office offers, as reporting hears it: desk minutes, and days to the next free time."""

from datetime import date, datetime, timedelta

from services.booking.domain.availability import Availability, base_cell
from services.booking.domain.cells import cells_of
from services.booking.domain.office import Office
from services.booking.domain.rules import Absence, Closure, Quota
from services.booking.domain.supply import capacity, free_services, planned_days
from tests.builders import MONDAY, an_office

# Open from 08:00 to 12:30 and from 14:00 to 17:00.
THURSDAY = date(2026, 12, 3)
OPEN_MINUTES = 450
POOL, BY_NAME = "service_point", "caseworkers"


def minutes(office: Office, day: date = THURSDAY) -> dict[str, tuple[int, int]]:
    return {team.team: (team.minutes, team.online_minutes) for team in capacity(office, day).teams}


def desks(office: Office, team: str) -> int:
    return len(office.lanes(team))


def test_capacity_is_open_minutes_times_desks() -> None:
    office = an_office()
    found = minutes(office)
    for team in (POOL, BY_NAME):
        online = len(office.web_lanes(team)) * OPEN_MINUTES
        assert found[team] == (desks(office, team) * OPEN_MINUTES, online)


def test_closed_days_and_teams_have_no_capacity() -> None:
    closure = Closure.model_validate(
        {"from": "2026-12-03T08:00", "until": "2026-12-03T12:30", "reason": {"de": "Umzug"}, "team": POOL}
    )
    office = an_office(closures=(closure,))
    assert minutes(office)[POOL][0] == desks(office, POOL) * 180
    assert minutes(office)[BY_NAME][0] == desks(office, BY_NAME) * OPEN_MINUTES
    assert minutes(office, date(2026, 12, 6)) == {}
    assert minutes(office, date(2026, 12, 25)) == {}


def test_absence_takes_its_desk_out_of_the_plan() -> None:
    lane = an_office().lanes(BY_NAME)[0]
    away = Absence.model_validate({"team": BY_NAME, "lane": lane, "from": "2026-12-01", "until": "2026-12-05"})
    office = an_office(absences=(away,))
    assert minutes(office)[BY_NAME][0] == (desks(office, BY_NAME) - 1) * OPEN_MINUTES


def test_what_staff_keep_is_planned_and_not_offered_online() -> None:
    lane = an_office().web_lanes(POOL)[0]
    values = {"team": POOL, "lane": lane, "from": "08:00", "until": "09:00"}
    for channel, taken in (("staff", 60), ("kept", 0), ("emergency", 0)):
        office = an_office(quotas=(Quota.model_validate({**values, "channel": channel}),))
        online = len(office.web_lanes(POOL)) * OPEN_MINUTES - taken
        assert minutes(office)[POOL] == (desks(office, POOL) * OPEN_MINUTES, online)


def test_plans_reach_from_today_to_the_last_day_that_citizens_can_book() -> None:
    office = an_office()
    days = list(planned_days(office, now=MONDAY))
    assert days[0] == MONDAY.astimezone(office.zone).date()
    assert days[-1] == office.last_bookable_day(MONDAY)


def free(availability: Availability, now: datetime = MONDAY) -> dict[str, tuple[int | None, ...]]:
    return {service.service: service.days for service in free_services(availability, now=now)}


def taken_until(availability: Availability, team: str, lanes: tuple[str, ...], until: date) -> None:
    """The desks are full from Monday on."""
    office = availability.office
    day = MONDAY.astimezone(office.zone).date()
    while day < until:
        for start, end in office.open_spans(day):
            for lane in lanes:
                cells = cells_of(team=team, lane=lane, starts_at=start, ends_at=end)
                availability.put(f"{lane} {start}", version=1, cells=list(cells))
        day += timedelta(days=1)


def test_days_lead_to_the_first_free_time_of_any_desk() -> None:
    office = an_office()
    availability = Availability(office, base=base_cell(MONDAY))
    assert free(availability)["eat_pickup"] == ((office.first_bookable_day(MONDAY) - date(2026, 11, 30)).days,)
    taken_until(availability, POOL, office.lanes(POOL), date(2026, 12, 9))
    first_open = next(d for d in planned_days(office, now=MONDAY) if d >= date(2026, 12, 9) and office.is_open(d))
    assert free(availability)["eat_pickup"] == ((first_open - date(2026, 11, 30)).days,)


def test_nothing_free_is_no_number() -> None:
    office = an_office()
    availability = Availability(office, base=base_cell(MONDAY))
    taken_until(availability, POOL, office.lanes(POOL), office.last_bookable_day(MONDAY) + timedelta(days=1))
    assert free(availability)["eat_pickup"] == (None,)


def test_each_range_of_surnames_is_a_number_of_its_own() -> None:
    """Full desks of one range do not show as a free time of another; whose number it is, nobody can tell."""
    office = an_office()
    availability = Availability(office, base=base_cell(MONDAY))
    before = free(availability)["commitment"]
    assert len(before) > 1
    (rule, *_) = office.ranges(BY_NAME, "Aydin")
    taken_until(availability, BY_NAME, rule.lanes, date(2027, 1, 1))
    after = free(availability)["commitment"]
    assert len(after) == len(before)
    assert after[:-1] == before[:-1]
    assert after[-1] is None or after[-1] > 30


def test_only_what_anybody_can_book_online_is_looked_for() -> None:
    availability = Availability(an_office(), base=base_cell(MONDAY))
    modes = {service.id: service.mode for service in availability.office.data.services}
    assert set(free(availability)) == {id for id, mode in modes.items() if mode == "open"}
