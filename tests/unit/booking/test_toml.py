"""An office as a file, out and in again."""

import tomllib
from datetime import date
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from services.booking.domain.rules import OfficeData
from services.booking.offices import checked, read_office
from services.booking.toml import office_as_toml
from tests.builders import OFFICE_FILE, an_office

ANY = an_office().data


def read_back(data: OfficeData, folder: Path) -> OfficeData:
    file = folder / "office.toml"
    file.write_text(office_as_toml(data), encoding="utf-8")
    return read_office(file)


def test_the_delivered_office_comes_back_as_it_was(tmp_path: Path) -> None:
    data = read_office(OFFICE_FILE)
    assert read_back(data, tmp_path) == data


def test_every_kind_of_rule_comes_back_as_it_was(tmp_path: Path) -> None:
    plain = an_office().data.model_dump(by_alias=True)
    plain["closures"] = [
        {"from": date(2027, 1, 4), "until": date(2027, 1, 5), "reason": {"de": "Umzug\n„heute“"}, "lane": None},
        {
            "from": "2027-01-06T09:00",
            "until": "2027-01-06T11:30",
            "reason": {"de": "Probe", "ar": "تدريب"},
            "team": "service_point",
            "lane": "counter_1",
        },
    ]
    plain["absences"] = [
        {"team": "caseworkers", "lane": "room_1", "from": date(2027, 1, 4), "until": date(2027, 1, 9)}
    ]
    plain["online"] = {"paused": True, "notice": {"de": "Bitte rufen Sie an."}}
    plain["helpers"] = [{"id": "caritas", "name": "Caritas", "verifier": "ab" * 32, "holds_per_day": 60}]
    plain["messages"]["texts"] = [{"purpose": "reminder", "place": "before", "text": {"de": 'Ein "Zitat"'}}]
    data = checked(plain, source="test")

    assert read_back(data, tmp_path) == data


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(blacklist_categories=["Cs"]), max_size=60))
def test_any_text_is_read_back(text: str) -> None:
    data = ANY.model_copy(update={"name": {"de": f"Amt {text}", "x.y": text}})

    assert tomllib.loads(office_as_toml(data))["name"] == {"de": f"Amt {text}", "x.y": text}
