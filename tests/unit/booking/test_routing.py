"""Who serves whom: ranges, deputies while somebody is away, and what then does not fit any more."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from services.booking.domain.availability import Availability, base_cell
from services.booking.domain.conflicts import conflicts, next_times
from services.booking.domain.office import Office
from services.booking.domain.rules import Absence, Closure
from services.booking.domain.surnames import SurnameRange
from tests.builders import MONDAY, a_confirmed, a_hold, an_office

TEAM = "caseworkers"
THURSDAY, FRIDAY = date(2026, 12, 3), date(2026, 12, 4)
NINE = datetime(2026, 12, 3, 9, 0, tzinfo=an_office().zone)


def away(lane: str, from_: str = "2026-12-03", until: str = "2026-12-04") -> Absence:
    return Absence.model_validate({"team": TEAM, "lane": lane, "from": from_, "until": until})


def lanes(office: Office, name: str, *, at: datetime = NINE, length: int = 4) -> list[str]:
    return Availability(office, base=base_cell(MONDAY)).free_lanes(
        TEAM, starts_at=at, length=length, now=MONDAY, ranges=office.ranges(TEAM, name)
    )


def deputies(office: Office, lane: str) -> Sequence[str]:
    return office.deputies((TEAM, lane))


def test_a_name_leads_to_the_lane_of_its_range() -> None:
    assert lanes(an_office(), "Aydın") == ["room_1"]
    assert lanes(an_office(), "Çelik") == ["room_2"]
    assert lanes(an_office(), "Şahin") == ["room_8"]


def test_deputies_serve_while_somebody_is_away() -> None:
    first, second = deputies(an_office(), "room_1")

    assert lanes(an_office(absences=(away("room_1"),)), "Aydın") == [first]
    assert lanes(an_office(absences=(away("room_1"), away(first))), "Aydın") == [second]
    assert lanes(an_office(absences=tuple(map(away, ("room_1", first, second)))), "Aydın") == []
    assert lanes(an_office(absences=(away("room_1"),)), "Aydın", at=NINE + timedelta(days=1)) == ["room_1"]


def test_an_absence_of_an_hour_is_one_of_an_hour() -> None:
    office = an_office(absences=(away("room_1", "2026-12-03T09:00", "2026-12-03T10:00"),))
    first = deputies(office, "room_1")[0]

    assert lanes(office, "Aydın") == [first]
    assert lanes(office, "Aydın", at=NINE + timedelta(minutes=50)) == []
    assert lanes(office, "Aydın", at=NINE + timedelta(hours=1)) == ["room_1"]
    assert lanes(office, "Aydın", at=NINE - timedelta(minutes=20)) == ["room_1"]


def test_a_new_division_of_names_holds_from_its_day() -> None:
    def rule(from_: str, to: str, lane: str, **values: Any) -> SurnameRange:
        return SurnameRange.model_validate({"team": TEAM, "from": from_, "to": to, "lanes": [lane], **values})

    changed = an_office(
        surname_ranges=(
            rule("A", "Z", "room_1", valid_until=FRIDAY),
            rule("A", "M", "room_2", valid_from=FRIDAY),
            rule("N", "Z", "room_3", valid_from=FRIDAY),
        )
    )
    friday = NINE + timedelta(days=1)

    assert [lanes(changed, name) for name in ("Aydın", "Öztürk")] == [["room_1"], ["room_1"]]
    assert [lanes(changed, name, at=friday) for name in ("Aydın", "Öztürk")] == [["room_2"], ["room_3"]]
    label = changed.range_on(FRIDAY, changed.ranges(TEAM, "Öztürk"))
    assert label is not None
    assert label.shown == "N–Z"


def test_any_lane_of_a_pool_serves_anybody() -> None:
    office = an_office()

    assert office.ranges("service_point", "Aydın") == ()
    assert office.by_surname(TEAM)
    assert not office.by_surname("service_point")


def visit(lane: str = "room_1", *, at: datetime = NINE, **changes: Any) -> Any:
    return a_confirmed(
        team=TEAM, lane=lane, starts_in=at - MONDAY, ends_at=at + timedelta(minutes=25), **changes
    )  # fmt: skip


def test_what_a_closure_does_not_cover_is_no_conflict() -> None:
    closure = Closure.model_validate(
        {"from": "2026-12-03T09:20", "until": FRIDAY, "reason": {"de": "Umzug"}, "team": TEAM}
    )
    hit, before, other = visit(), visit(at=NINE - timedelta(minutes=30)), a_confirmed(starts_in=NINE - MONDAY)
    later = visit("room_2", at=NINE + timedelta(hours=1))

    found = conflicts(an_office(closures=(closure,)), [later, before, other, hit], now=MONDAY)

    assert [(conflict.id, conflict.reason) for conflict in found] == [(hit.id, "closed"), (later.id, "closed")]


def test_conflicts_say_whether_the_desk_is_away_or_gone() -> None:
    absent, gone, fine = visit(), visit("room_99"), visit("room_2")

    found = conflicts(an_office(absences=(away("room_1"),)), [absent, gone, fine], now=MONDAY)

    assert {conflict.id: conflict.reason for conflict in found} == {
        absent.id: "desk-absent", gone.id: "no-such-desk"
    }  # fmt: skip


def test_who_has_no_desk_yet_is_in_no_conflict() -> None:
    waits = replace(a_hold(), lane="", cells=())

    assert conflicts(an_office(), [waits], now=MONDAY) == []


def test_only_who_still_comes_can_be_in_conflict() -> None:
    office = an_office(absences=(away("room_1"),))
    cancelled = visit().cancel(now=MONDAY, release_at=MONDAY).after

    assert conflicts(office, [cancelled], now=MONDAY) == []
    assert conflicts(office, [visit()], now=NINE + timedelta(days=1)) == []


def test_next_times_come_in_order_and_pass_what_is_taken() -> None:
    office = an_office()
    availability = Availability(office, base=base_cell(MONDAY))
    for number, room in enumerate((NINE, NINE + timedelta(minutes=20))):
        taken = visit(at=room)
        availability.put(str(number), version=1, cells=list(taken.cells))

    found = next_times(
        availability, TEAM, length=4, after=NINE, now=MONDAY, ranges=office.ranges(TEAM, "Aydın")
    )  # fmt: skip
    first = [next(found) for _ in range(3)]

    assert first == [(NINE + timedelta(minutes=n), ["room_1"]) for n in (50, 60, 70)]


def test_own_times_count_as_free_for_the_next() -> None:
    office = an_office()
    availability = Availability(office, base=base_cell(MONDAY))
    availability.put("own", version=1, cells=list(visit().cells))

    found = next_times(
        availability, TEAM, length=4, after=NINE, now=MONDAY, ranges=office.ranges(TEAM, "Aydın"), own="own"
    )  # fmt: skip

    assert next(found) == (NINE, ["room_1"])
