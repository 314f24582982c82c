"""Whoever writes an office's file learns which entry is meant, what is wrong, and what to write instead."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from services.booking.domain import misfits
from services.booking.domain.rules import OfficeData
from services.booking.offices import BrokenOffice, checked
from tests.builders import OFFICE_FILE

TEXT = OFFICE_FILE.read_text(encoding="utf-8")


def told(old: str, new: str) -> list[str]:
    assert old in TEXT
    with pytest.raises(BrokenOffice) as error:
        checked(tomllib.loads(TEXT.replace(old, new, 1)), source="office.toml")
    return str(error.value).splitlines()


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "horizon_days = 56",
            "horizon_day = 56",
            "booking.horizon_day = 56: `horizon_day` is not known here; did you mean `horizon_days`?",
        ),
        ("horizon_days = 56", "", "booking.horizon_days: is missing: add it"),
        (
            'subdivision = "BW"',
            'subdivision = "BW"\ntelefax = "1"',
            "holidays.telefax = '1': `telefax` is not known here: take it away; known are country, subdivision",
        ),
        (
            'subdivision = "BW"',
            'subdivision = "BW"\nphone = "1"',
            "holidays.phone = '1': `phone` belongs above the first line [...] of the file; here it is part",
        ),
        (
            'until = "17:00"',
            'untill = "17:00"',
            "opening_hours.(from 14:00).untill = '17:00': `untill` is not known here; did you mean `until`?",
        ),
        (
            'routing = "surname"',
            'routing = "surnames"',
            "teams.caseworkers.routing = 'surnames': must be one of 'pool' or 'surname'; did you mean 'surname'?",
        ),
        (
            'deputies = ["room_2", "room_3"]',
            'deputies = "room_2"',
            """teams.caseworkers.lanes.room_1.deputies = 'room_2': must be a list: ["a", "b"], or""",
        ),
        (
            "cooling_minutes = [10, 40]",
            "cooling_minutes = [10]",
            "booking.cooling_minutes.(2nd): is missing: add it",
        ),
        (
            'id = "eat_pickup"\n',
            "",
            "services.Abholung des elektronischen Aufenthaltstitels (eAT).id: is missing: add it",
        ),
        (
            'from = "D"',
            'from = "Ä"',
            "surname_ranges.D–GO.from = 'Ä': must be capital letters from A to Z, without umlauts",
        ),
        (
            "horizon_days = 56",
            'horizon_days = "x"',
            "booking.horizon_days = 'x': must be a whole number, without quotes",
        ),
        ("grid_minutes = 10", "grid_minutes = 7", "booking.grid_minutes = 7: must be a multiple of 5"),
        ("grid_minutes = 10", "grid_minutes = 90", "booking.grid_minutes = 90: must be 60 or less"),
        ('country = "DE"', "country = 49", "holidays.country = 49: must be text, in quotes"),
        (
            "until = 2026-12-25",
            'until = "morgen"',
            "closures.(from 2026-12-24).until = 'morgen': a day as 2026-12-24 or a local time as 2026-12-24T12",
        ),
        ("own = true", 'own = "maybe"', "authorities.joint.own = 'maybe': must be true or false, without quotes"),
    ],
)
def test_each_misfit_names_the_entry_and_what_to_write(old: str, new: str, line: str) -> None:
    """Seen to fail with the places and words that pydantic gives."""
    assert [one for one in told(old, new) if one.startswith(f"office.toml: {line}")]


def test_entries_that_nothing_tells_apart_are_counted_as_people_count() -> None:
    for place, number in ((0, "(1st)"), (1, "(2nd)"), (2, "(3rd)"), (3, "(4th)"), (10, "(11th)"), (21, "(22nd)")):
        assert misfits.numbered(place) == number
    twice = 'id = "twice"\nteam = "service_point"\n'
    lines = told("[[services]]\n", f"[[services]]\n{twice}[[services]]\n{twice}[[services]]\n")
    assert "office.toml: services.(1st).name: is missing: add it" in lines
    assert "office.toml: services.(2nd).name: is missing: add it" in lines


def test_no_line_names_a_place_by_a_bare_number_or_in_pydantics_words() -> None:
    """A file of which nothing is of the right form."""
    values: Any = {key: value for key, value in tomllib.loads(TEXT).items() if isinstance(value, str)}
    wrong: Any = {"id": 5, "teams": [{}, {"id": 1}], "services": {}, "booking": [], "messages": {"texts": [3, 4]}}
    with pytest.raises(BrokenOffice) as error:
        checked({**values, **wrong, "theme": {"accent": "teal"}, "public_figures": "x"}, source="f")
    lines = str(error.value).splitlines()
    assert len(lines) > 10
    for line in lines:
        assert not re.search(r"\.\d+[.:]|Input should|Extra inputs|Field required|valid (dict|tuple)", line), line


def test_every_form_that_an_office_must_have_is_told_in_words() -> None:
    """Seen to fail without one of them."""
    patterns = {rule.pattern for model in models(OfficeData) for rule in rules_of(model) if rule.pattern}
    assert len(patterns) > 5
    assert patterns == misfits.PATTERNS.keys()


def rules_of(model: type[BaseModel]) -> Iterator[Any]:
    for field in model.model_fields.values():
        yield from (rule for rule in field.metadata if hasattr(rule, "pattern"))


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    for inner in get_args(annotation):
        yield from models(inner)
