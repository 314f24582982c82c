"""A time that is held again within seconds of becoming free tells that somebody waited for it."""

from datetime import UTC, datetime, timedelta

from services.booking.domain.freed import Freed

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
LANE = ("service_point", "counter_1")
OTHER = ("service_point", "counter_2")


def on(bits: int, lane: tuple[str, str] = LANE) -> dict[tuple[str, str], int]:
    return {lane: bits}


def freed(*, before: int, after: int) -> Freed:
    found = Freed()
    found.note("office", before=on(before), after=on(after), now=NOON)
    return found


def test_a_time_freed_just_now_is_recognised_for_ten_seconds() -> None:
    found = freed(before=0b1110, after=0)

    assert found.recently("office", on(0b1000), now=NOON + timedelta(seconds=10))
    assert not found.recently("office", on(0b1000), now=NOON + timedelta(seconds=11))


def test_only_what_was_freed_there_counts() -> None:
    found = freed(before=0b1110, after=0b0110)

    assert not found.recently("office", on(0b0110), now=NOON)
    assert not found.recently("office", on(0b1000, OTHER), now=NOON)
    assert not found.recently("elsewhere", on(0b1000), now=NOON)
    assert found.recently("office", on(0b1100), now=NOON)


def test_a_new_appointment_frees_nothing() -> None:
    found = Freed()
    found.note("office", before={}, after=on(0b1), now=NOON)

    assert not found.recently("office", on(0b1), now=NOON)
