"""The delivered office, but open day and night and where it is morning: its day can be walked at any hour."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import holidays

from services.booking.offices import read_office
from tests.builders import OFFICE_FILE

_MORNING = 9
_ALWAYS = {"weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "until": "23:55"}
_BOOKING = {"release": "at_once", "horizon_days": 14, "staff_horizon_days": 21, "earliest_working_days": 0}
_COUNTRIES = ("DE", "FR", "TR", "US", "JP")


def write_open_office(folder: Path) -> None:
    """One office file in `folder`. Staff time reaches from the morning of today until its end."""
    values = read_office(OFFICE_FILE).model_dump(mode="json", by_alias=True, exclude_none=True)
    now = datetime.now(UTC)
    offset = (_MORNING - now.hour + 12) % 24 - 12
    today = (now + timedelta(hours=offset)).date()
    country = next(c for c in _COUNTRIES if today not in holidays.country_holidays(c))
    values |= {
        "timezone": f"Etc/GMT{-offset:+d}",
        "opening_hours": [_ALWAYS],
        "holidays": {"country": country},
        "booking": {**values["booking"], **_BOOKING},
        "waiting_list": {**values["waiting_list"], "ahead_working_days": 1},
        "closures": [],
        "quotas": [],
    }
    del values["confirm_minutes"]
    folder.mkdir()
    lines = [f"{key} = {_toml(value)}\n" for key, value in values.items()]
    (folder / "zollernalbkreis.toml").write_text("".join(lines), encoding="utf-8")


def _toml(value: Any) -> str:
    """Inline, so that no table needs a heading."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
