from datetime import timedelta

import pytest

from services.booking.domain.passwords import WeakPassword, check_password, normalised, pause_after, pauses


def seconds(failures: int) -> float:
    return pause_after(failures, free=4).total_seconds()


def test_the_first_wrong_attempts_cost_nothing() -> None:
    assert [seconds(failures) for failures in range(5)] == [0, 0, 0, 0, 0]


def test_each_further_attempt_doubles_the_pause() -> None:
    assert [seconds(failures) for failures in range(5, 10)] == [15, 30, 60, 120, 240]


def test_a_pause_ends_within_fifteen_minutes() -> None:
    assert seconds(11) == seconds(12) == seconds(100_000) == timedelta(minutes=15).total_seconds()


@pytest.mark.parametrize("free", [4, 20])
def test_the_table_is_the_rule_with_its_end(free: int) -> None:
    table = pauses(free)

    assert table == [pause_after(failures, free=free) for failures in range(len(table))]
    assert table[-1] == pause_after(1_000, free=free)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("elf Zeichen", "too-short"),
        ("x" * 201, "too-long"),
        ("Erika.Musterfrau", "is-login"),
    ],
)
def test_a_weak_password_is_refused_with_its_reason(password: str, reason: str) -> None:
    with pytest.raises(WeakPassword) as refused:
        check_password(password, login="erika.musterfrau")
    assert refused.value.reason == reason


@pytest.mark.parametrize("password", ["zwölfZeichen", "x" * 200, "            "])
def test_length_is_the_only_rule_of_composition(password: str) -> None:
    check_password(password, login="erika.musterfrau")


def test_the_same_letters_count_however_typed() -> None:
    assert normalised("Tu\u0308r zum Garten") == normalised("T\u00fcr zum Garten")
    with pytest.raises(WeakPassword):
        check_password("u\u0308" * 11, login="somebody")
