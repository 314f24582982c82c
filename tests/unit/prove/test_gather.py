"""How changes of stored documents become the history of cells and of known states."""

from typing import Any

import pytest

from tests.prove.checks.evidence import CellsChanged, Learned
from tests.prove.gather import cells_changed, learned_state
from tests.unit.prove.story import BEGIN, OFFICE

_ID = "an-appointment"


def test_insert_says_office_and_cells() -> None:
    event = _event("insert", fullDocument={"office": OFFICE, "cells": ["a", "b"]})

    assert cells_changed(event, {}) == CellsChanged(BEGIN, _ID, OFFICE, ("a", "b"))


@pytest.mark.parametrize(
    ("change", "cells"),
    [
        ({"updatedFields": {"cells": ["c"]}}, ("c",)),
        ({"removedFields": ["cells", "cooling"]}, ()),
        ({"updatedFields": {"status": "confirmed"}, "removedFields": ["expires_at"]}, None),
    ],
)
def test_update_says_all_cells_or_leaves_them_alone(change: dict[str, Any], cells: tuple[str, ...] | None) -> None:
    changed = cells_changed(_event("update", updateDescription=change), {_ID: OFFICE})

    assert changed == (None if cells is None else CellsChanged(BEGIN, _ID, OFFICE, cells))


def test_deleted_appointment_owns_nothing_any_more() -> None:
    assert cells_changed(_event("delete"), {_ID: OFFICE}) == CellsChanged(BEGIN, _ID, OFFICE, ())


@pytest.mark.parametrize(
    "change", [{"updatedFields": {"cells.1": "c"}}, {"truncatedArrays": [{"field": "cells", "newSize": 1}]}]
)
def test_cells_that_change_in_part_cannot_be_replayed(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="changed in part"):
        cells_changed(_event("update", updateDescription=change), {_ID: OFFICE})


def test_state_is_learned_by_insert_and_by_update() -> None:
    known = {"sequence": 2, "data": {"status": "requested"}}
    learned = Learned(BEGIN, _ID, 2, {"status": "requested"})

    assert learned_state(_event("insert", fullDocument=known)) == learned
    assert learned_state(_event("update", updateDescription={"updatedFields": known})) == learned
    assert learned_state(_event("update", updateDescription={"updatedFields": {"schema": 2}})) is None


def _event(kind: str, **parts: Any) -> dict[str, Any]:
    touched = list(parts.get("updateDescription", {}).get("updatedFields", {}))
    return {
        "operationType": kind,
        "documentKey": {"_id": _ID},
        "wallTime": BEGIN,
        "touched": touched,
        **parts,
    }
