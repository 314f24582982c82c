"""A fact in which a newer version has kept more is counted: both serve while one replaces the other."""

from typing import Any

import pytest

from services.reporting.storage.facts import _LOADERS
from tests.builders import MONDAY

_OFFICE = {"office": "zollernalbkreis"}
_VISIT: dict[str, Any] = {
    **_OFFICE, "service": "eat_pickup", "team": "service_point", "municipality": "08417031", "channel": "web",
    "persons": 1, "children_under_6": 0, "starts_at": MONDAY, "ends_at": MONDAY,
}  # fmt: skip
_FACTS: dict[str, dict[str, Any]] = {
    "appointments": {**_VISIT, "steps": [["held", MONDAY, "staff"]]},
    "messages": {**_OFFICE, "channel": "email", "outcome": "sent", "at": MONDAY},
    "demand": {
        **_OFFICE, "minute": MONDAY, "searches": 1, "searches_without_result": 0, "slot_taken": 0,
        "out_of_area": [],
    },
    "capacity": {**_OFFICE, "day": "2026-12-07", "teams": [["service_point", 480, 240]]},
    "free_times": {**_OFFICE, "services": [["eat_pickup", "service_point", [[3, 1]], 0]], "hour": MONDAY},
}  # fmt: skip
_LISTED = ("steps", "teams", "services")


@pytest.mark.parametrize("kind", sorted(_LOADERS))
def test_what_nobody_knows_yet_changes_nothing(kind: str) -> None:
    """Seen to fail without the filter: the refresher raised with each pass, and no figure changed any more."""
    fact = _FACTS[kind]
    longer = {name: [[*each, "news"] for each in fact[name]] for name in _LISTED if name in fact}
    assert _LOADERS[kind]({**fact, **longer, "of_the_next_version": 1}) == _LOADERS[kind](fact)


def test_a_step_of_the_version_before_was_the_citizens() -> None:
    """It kept neither who took it nor language, emergency and minutes."""
    old, new = ({**_VISIT, "steps": [step]} for step in (["held", MONDAY], ["held", MONDAY, "citizen"]))
    assert _LOADERS["appointments"](old) == _LOADERS["appointments"](new)
