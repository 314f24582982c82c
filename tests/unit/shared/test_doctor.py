"""What the doctor's findings amount to, and what it makes of clocks and time zone data."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.doctor import definitions, host, mongodb
from shared.doctor.findings import Finding, Level, limits, worst


def found(*levels: Level) -> list[Finding]:
    return [Finding("check", level, "") for level in levels]


def test_what_is_wrong_weighs_more_than_what_is_not_known() -> None:
    assert worst(found(Level.OK, Level.UNKNOWN)) is Level.UNKNOWN
    assert worst(found(Level.WARNING, Level.UNKNOWN, Level.OK)) is Level.WARNING
    assert worst(found(Level.UNKNOWN, Level.CRITICAL, Level.WARNING)) is Level.CRITICAL
    assert worst([]) is Level.UNKNOWN
    assert [level.value for level in Level] == [0, 1, 2, 3]
    assert [limits(value, warning=1, critical=2) for value in (0.9, 1, 2)] == [0, 1, 2]


def test_a_broker_that_is_down_gives_no_definitions_and_the_finding_says_so() -> None:
    (one,) = definitions.examine_exported("Error: unable to perform an operation on node", wanted={})
    assert (one.level, "RabbitMQ gave none" in one.said) == (Level.UNKNOWN, True)


class Server:
    """A database whose clock is wrong."""

    def __init__(self, by: timedelta) -> None:
        self.admin = self
        self._by = by

    def command(self, _: str) -> dict[str, Any]:
        return {"localTime": datetime.now(UTC) + self._by}


@pytest.mark.parametrize(
    ("by", "level"),
    [(0, Level.OK), (1, Level.OK), (-5, Level.WARNING), (5, Level.WARNING), (60, Level.CRITICAL)],
)
def test_clocks_apart_are_seen_either_way(by: int, level: Level) -> None:
    finding = mongodb.clock(Server(timedelta(seconds=by)))  # type: ignore[arg-type]

    assert finding.level is level
    assert bool(finding.do) == (level is not Level.OK)


def test_old_time_zone_data_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoneinfo, "TZPATH", (str(tmp_path),))
    (tmp_path / "tzdata.zi").write_text("# version 2019c\n# rules follow\n")

    assert host.tzdata_version() == "2019c"
    assert host.time_zones().level is Level.WARNING
    (tmp_path / "tzdata.zi").write_text(f"# version {datetime.now(UTC).year}a\n")
    assert host.time_zones().level is Level.OK
