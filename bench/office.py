"""An office large enough that no client of a measurement has to wait for a free desk."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from deploy.local.process import ROOT
from services.booking.domain.office import Office

OFFICE_FILE = ROOT / "deploy" / "offices" / "zollernalbkreis.toml"
OFFICE, SERVICE, TEAM = "zollernalbkreis", "eat_pickup", "service_point"
MUNICIPALITY = "08417031"
LANES = tuple(f"desk_{number}" for number in range(40))
# Visits take 15 minutes, on a grid of 10.
_STEP = timedelta(minutes=20)
_NEXT_TEAM = '[[teams]]\nid = "caseworkers"'
# What a measurement looks for must not depend on the minute and the name.
_WHOLE_DAYS = {'release = "random"': 'release = "at_once"', 'routing = "surname"': 'routing = "pool"'}
_NARROWING = re.compile(r"^\[\[(quotas|surname_ranges)\]\]\n(.+\n)+", re.MULTILINE)


def write_large_office(folder: Path, *, of: Path = OFFICE_FILE) -> Path:
    """The delivered office, its first team with 40 more desks, every day free as a whole; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    desks = "".join(f'[[teams.lanes]]\nid = "{lane}"\nchannel = "web"\n\n' for lane in LANES)
    text = _NARROWING.sub("", of.read_text(encoding="utf-8"))
    for old, new in ((_NEXT_TEAM, desks + _NEXT_TEAM), *_WHOLE_DAYS.items()):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / OFFICE_FILE.name).write_text(text, encoding="utf-8")
    return folder


def write_more_offices(folder: Path, number: int) -> list[str]:
    """Beside the large office `number - 1` alike; the ids of all."""
    text = (folder / OFFICE_FILE.name).read_text(encoding="utf-8")
    ids = [OFFICE, *(f"{OFFICE}_{n}" for n in range(2, number + 1))]
    for id in ids[1:]:
        other = text.replace(f'id = "{OFFICE}"', f'id = "{id}"', 1)
        assert other != text
        (folder / f"{id}.toml").write_text(other, encoding="utf-8")
    return ids


def times(office: Office) -> list[datetime]:
    """Every bookable time that does not overlap the one before, from tomorrow to the horizon."""
    now = datetime.now(UTC)
    days = office.last_bookable_day(now) - office.first_bookable_day(now)
    # The outer days are left out: midnight may pass while the bench runs.
    found = (office.first_bookable_day(now) + timedelta(days=n) for n in range(1, days.days))
    return [time for day in found for time in _times_on(office, day)]


def _times_on(office: Office, day: date) -> Iterator[datetime]:
    for opens, closes in office.open_spans(day):
        time = opens
        while time + _STEP <= closes:
            yield time.astimezone(UTC)
            time += _STEP
