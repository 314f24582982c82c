from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.reporting.domain import nearest_rank


def test_no_values_have_no_percentile() -> None:
    assert nearest_rank({}, percent=50) is None


def test_median_of_two_is_the_lower() -> None:
    assert nearest_rank({1: 1, 9: 1}, percent=50) == 1


def test_p90_of_ten_is_the_ninth() -> None:
    assert nearest_rank(dict.fromkeys(range(1, 11), 1), percent=90) == 9


@given(
    histogram=st.dictionaries(st.integers(0, 400), st.integers(1, 50), min_size=1),
    percent=st.integers(1, 100),
)
def test_percentile_is_smallest_value_that_covers_its_share(histogram: dict[int, int], percent: int) -> None:
    values = sorted(value for value, n in histogram.items() for _ in range(n))
    covered = [v for i, v in enumerate(values, 1) if Fraction(i, len(values)) >= Fraction(percent, 100)]
    assert nearest_rank(histogram, percent=percent) == covered[0]
