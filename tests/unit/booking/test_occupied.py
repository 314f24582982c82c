"""What is kept of an appointment's cells comes back as it went in."""

from hypothesis import given
from hypothesis import strategies as st

from services.booking.domain.hours import Lane
from services.booking.domain.occupied import Occupied

LANES = st.sampled_from([("service_point", "counter_1"), ("service_point", "counter_2"), ("caseworkers", "b_c")])
CELLS = st.lists(st.tuples(LANES, st.integers(min_value=0, max_value=120_000)), max_size=30)


def bits_of(cells: list[tuple[Lane, int]]) -> dict[Lane, int]:
    found: dict[Lane, int] = {}
    for lane, cell in cells:
        found[lane] = found.get(lane, 0) | 1 << cell
    return found


@given(held=st.dictionaries(st.sampled_from("abcd"), CELLS))
def test_cells_with_gaps_on_several_lanes_come_back(held: dict[str, list[tuple[Lane, int]]]) -> None:
    occupied = Occupied()
    for id, cells in held.items():
        occupied.put(id, version=len(cells), cells=cells)

    for id, cells in held.items():
        assert occupied.get(id) == (len(cells), bits_of(cells))
    assert len(occupied) == len(held)


def test_nothing_is_known_of_whoever_was_taken_out() -> None:
    occupied = Occupied()
    occupied.put("a", version=2, cells=[(("service_point", "counter_1"), 7)])

    assert occupied.pop("a") == (2, {("service_point", "counter_1"): 1 << 7})
    assert "a" not in occupied
    assert occupied.get("a") is None
    assert occupied.pop("a") is None
