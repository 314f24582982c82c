"""Between an office's data and the fields of a form: what nobody touches stays, and what is typed arrives."""

from typing import Any

import pytest
from starlette.datastructures import FormData

from services.booking.offices import checked
from services.booking.toml import plain
from services.booking.web.staff.faults import NotReadable
from services.booking.web.staff.setup.fields import SECTIONS, Section, section_of
from services.booking.web.staff.setup.forms import Control, controls, differences, rows, taken
from tests.builders import an_office

DATA = plain(an_office().data)
EVERY = [*SECTIONS, *(f"service-{one['id']}" for one in DATA["services"])]


def section(id: str) -> Section:
    found = section_of(id, DATA)
    assert found
    return found


def as_sent(of: Section, data: dict[str, Any], **changes: str) -> FormData:
    """As a browser sends the page when nobody touches it, but for `changes`."""
    every = [*controls(of, data), *(control for row in rows(of, data) for control in row.controls)]
    fields = [pair for control in every for pair in fields_of(control) if pair[0] not in changes]
    return FormData([*fields, *changes.items()])


def fields_of(control: Control) -> list[tuple[str, str]]:
    value, name = control.value, control.name
    match control.field.kind:
        case "bool":
            return [(name, "true")] if value else []
        case "days":
            return [(name, day) for day in value or ()]
        case "texts":
            return [(f"{name}.{tag}", text) for tag, text in (value or {}).items()]
        case "lists":
            return [(f"{name}.{tag}", "\r\n".join(lines)) for tag, lines in (value or {}).items()]
        case "names":
            return [(name, ", ".join(value or ()))]
        case "choice":
            first = "" if control.field.among else next(iter(control.field.choices or {}))
            return [(name, value or first)]
    return [(name, "" if value is None else str(value))]


@pytest.mark.parametrize("id", EVERY)
def test_a_page_that_nobody_touches_changes_nothing(id: str) -> None:
    after = taken(section(id), DATA, as_sent(section(id), DATA))
    assert checked(after, source=id) == checked(DATA, source=id)


def test_a_row_is_added_changed_and_struck_out() -> None:
    hours = section("hours")
    new = {
        "r.new.weekdays": "sat",
        "r.new.from": "09:00",
        "r.new.until": "12:00",
        "r.new.where": "service_point/counter_1",
    }
    sent = as_sent(hours, DATA, **{"r.0.until": "11:00", "r.1.delete": "true", **new})

    after = taken(hours, DATA, sent)["opening_hours"]

    assert after[0] == {**DATA["opening_hours"][0], "until": "11:00"}
    wanted = {"weekdays": ["sat"], "from": "09:00", "until": "12:00", "team": "service_point", "lane": "counter_1"}
    assert after[1] == wanted
    assert len(after) == len(DATA["opening_hours"]) == 2


def test_texts_of_languages_that_the_page_does_not_show_stay() -> None:
    data = {**DATA, "name": {**DATA["name"], "el": "Υπηρεσία"}}
    after = taken(section("office"), data, as_sent(section("office"), DATA, **{"f.name.de": "Ausländeramt"}))
    assert after["name"] == {**data["name"], "de": "Ausländeramt"}


@pytest.mark.parametrize(
    ("id", "field", "typed"),
    [("rules", "f.day.calls", "drei"), ("rules", "f.day.calls", ""), ("office", "f.sender", " ")],
)
def test_what_cannot_be_meant_is_told_by_its_label(id: str, field: str, typed: str) -> None:
    with pytest.raises(NotReadable, match=r"Aufrufe|Absender"):
        taken(section(id), DATA, as_sent(section(id), DATA, **{field: typed}))


def test_differences_name_what_was_and_what_will_be() -> None:
    after = taken(section("rules"), DATA, as_sent(section("rules"), DATA, **{"f.booking.horizon_days": "28"}))
    assert ("booking.horizon_days", "56", "28") in differences(DATA, after)
