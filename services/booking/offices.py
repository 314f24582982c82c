"""Office files: read, checked, and told to the others. Errors name file, key and value."""

import hashlib
import tomllib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from services.booking.domain.office import WEEKDAYS, Office, OfficeData
from services.booking.storage import ChangedMeanwhile, Publications
from shared import contracts
from shared.contracts import OfficePublished, new_event
from shared.observability import get_logger

log = get_logger()


class BrokenOffice(Exception):
    """An office file that cannot be used; the text names file, key and value."""


def load_offices(folder: Path) -> dict[str, Office]:
    """Every `*.toml` in `folder` by office id; raises BrokenOffice."""
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise BrokenOffice(f"{folder}: no office file (*.toml) here; set BOOKING_OFFICES to the folder")
    return {office.id: office for office in map(load_office, files)}


def load_office(file: Path) -> Office:
    try:
        data = OfficeData.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrokenOffice(f"{file}: not valid TOML: {error}") from None
    except ValidationError as error:
        raise BrokenOffice("\n".join(_readable(file, error))) from None
    faults = [f"{file}: {fault}" for fault in contradictions(data)]
    if faults:
        raise BrokenOffice("\n".join(faults))
    return Office(data)


def _readable(file: Path, error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        key = ".".join(map(str, fault["loc"]))
        yield f"{file}: {key} = {fault['input']!r:.80}: {fault['msg']}"


def contradictions(data: OfficeData) -> Iterator[str]:
    """What is well formed and still cannot be meant, as "key = value: what is wrong"."""
    teams = {team.id for team in data.teams}
    authorities = {authority.id for authority in data.authorities}
    for kind, ids in _ids(data):
        yield from (f"{kind}.id = {id!r}: given twice" for id in sorted(_repeated(ids)))
    for service in data.services:
        if service.team not in teams:
            yield f"services.{service.id}.team = {service.team!r}: no such team"
        if "de" not in service.name:
            yield f"services.{service.id}.name = {service.name!r}: the German name is missing"
    for place in data.municipalities:
        if place.authority not in authorities:
            yield f"municipalities.{place.ags}.authority = {place.authority!r}: no such authority"
    if sum(authority.own for authority in data.authorities) != 1:
        yield "authorities.own: exactly one authority must be this office"
    yield from _bad_hours(data)
    yield from _bad_names(data)


def _bad_hours(data: OfficeData) -> Iterator[str]:
    for hours in data.opening_hours:
        for day in sorted(set(hours.weekdays) - set(WEEKDAYS)):
            yield f"opening_hours.weekdays = {day!r}: not one of {', '.join(WEEKDAYS)}"
        if not hours.from_ < hours.until:
            yield f"opening_hours.until = {hours.until!r}: not after {hours.from_!r}"


def _ids(data: OfficeData) -> Iterable[tuple[str, list[str]]]:
    return (
        ("services", [s.id for s in data.services]),
        ("teams", [t.id for t in data.teams]),
        ("teams.lanes", [f"{t.id}/{lane.id}" for t in data.teams for lane in t.lanes]),
        ("municipalities", [m.ags for m in data.municipalities]),
        ("authorities", [a.id for a in data.authorities]),
    )


def _bad_names(data: OfficeData) -> Iterator[str]:
    """Team and lane ids become part of a cell's name."""
    for team in data.teams:
        for id in (team.id, *(lane.id for lane in team.lanes)):
            if "|" in id or not id:
                yield f"teams.id = {id!r}: may not be empty nor contain '|'"


def _repeated(ids: list[str]) -> set[str]:
    return {id for id in ids if ids.count(id) > 1}


async def publish_offices(offices: Iterable[Office], *, publications: Publications, now: datetime) -> None:
    """Tells every office that is new or changed. Two processes that start at once tell it once."""
    for office in offices:
        told = contracts.Office.model_validate(
            {**office.data.model_dump(by_alias=True), "confirm_minutes": office.data.booking.confirm_minutes}
        )
        digest = hashlib.sha256(told.model_dump_json().encode()).hexdigest()

        def make(version: int, told: contracts.Office = told) -> OfficePublished:
            return new_event(OfficePublished, subject=told.id, sequence=version, data=told, time=now)

        try:
            if await publications.publish_office(make, id=office.id, digest=digest):
                log.info("office_published", office=office.id)
        except ChangedMeanwhile:
            log.info("office_published_elsewhere", office=office.id)
