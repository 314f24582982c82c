"""What in an office's data is well formed and still cannot be meant, each as "key = value: what is wrong"."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

from services.booking.domain import surnames
from services.booking.domain.misfits import numbered
from services.booking.domain.rules import WEEKDAYS, Channel, OfficeData
from services.booking.domain.surnames import SurnameRange
from services.booking.domain.visits import goes_with
from shared.contracts import offices

_MODES = ("open", "invitation", "walk_in")
_CHANNELS = get_args(Channel)
_PLAIN = re.compile("[A-Za-z0-9_-]{1,60}")
_LONGEST_MESSAGE_TEXT = 1000
_FIRST_YEAR, _LAST_YEAR = 1970, 9998


def contradictions(data: OfficeData) -> Iterator[str]:
    for check in _CHECKS:
        yield from check(data)


def _repeated_ids(data: OfficeData) -> Iterator[str]:
    for kind, ids in _ids(data):
        yield from (f"{kind}.id = {id!r}: given twice" for id in sorted({id for id in ids if ids.count(id) > 1}))


def _ids(data: OfficeData) -> Iterable[tuple[str, list[str]]]:
    return (
        ("services", [s.id for s in data.services]),
        ("services.preconditions", [f"{s.id}/{p.id}" for s in data.services for p in s.preconditions]),
        ("teams", [t.id for t in data.teams]),
        ("teams.lanes", [f"{t.id}/{lane.id}" for t in data.teams for lane in t.lanes]),
        ("municipalities", [m.ags for m in data.municipalities]),
        ("authorities", [a.id for a in data.authorities]),
        ("helpers", [h.id for h in data.helpers]),
    )


def _time_zone(data: OfficeData) -> Iterator[str]:
    try:
        ZoneInfo(data.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        yield f"timezone = {data.timezone!r}: there is no such time zone"


def _holidays(data: OfficeData) -> Iterator[str]:
    rule = data.holidays
    try:
        holidays.country_holidays(rule.country, subdiv=rule.subdivision)
    except NotImplementedError:
        yield f"holidays = {rule.country!r}, {rule.subdivision!r}: no public holidays are known for this place"


def _services(data: OfficeData) -> Iterator[str]:
    teams = {team.id for team in data.teams}
    for service in data.services:
        key = f"services.{service.id}"
        if service.team not in teams:
            yield f"{key}.team = {service.team!r}: no such team"
        if service.mode not in _MODES:
            yield f"{key}.mode = {service.mode!r}: not one of {', '.join(_MODES)}"
        if service.max_persons < 1:
            yield f"{key}.max_persons = {service.max_persons!r}: nobody could come"
        yield from _german(f"{key}.name", service.name)
        for asked in service.preconditions:
            yield from _german(f"{key}.preconditions.{asked.id}.question", asked.question)


def _german(key: str, text: offices.Text) -> Iterator[str]:
    if "de" not in text:
        yield f"{key} = {text!r}: the German text is missing"


def _messages(data: OfficeData) -> Iterator[str]:
    """Who asks for a text in a message that there is none of would wait for it in vain."""
    services = {service.id for service in data.services}
    for place, given in enumerate(data.messages.texts):
        key = f"messages.texts.{numbered(place)}"
        yield from _german(f"{key}.text", given.text)
        if given.place not in offices.MESSAGE_PLACES:
            yield f"{key}.place = {given.place!r}: not one of {', '.join(offices.MESSAGE_PLACES)}"
        if given.purpose is not None and given.purpose not in offices.MESSAGE_PURPOSES:
            yield f"{key}.purpose = {given.purpose!r}: not one of {', '.join(offices.MESSAGE_PURPOSES)}"
        if given.service is not None and given.service not in services:
            yield f"{key}.service = {given.service!r}: no such service"
        yield from _plain(f"{key}.text", given.text)


def _plain(key: str, text: offices.Text) -> Iterator[str]:
    for language, said in text.items():
        if not said.strip() or len(said) > _LONGEST_MESSAGE_TEXT:
            yield f"{key}.{language}: must have 1 to {_LONGEST_MESSAGE_TEXT} signs"
        if any(unicodedata.category(sign) in ("Cc", "Co") and sign != "\n" for sign in said):
            yield f"{key}.{language}: must not have control signs"


def _languages(data: OfficeData) -> Iterator[str]:
    """Of every text, wherever it stands: the name of a language, and of all else, is of plain signs."""
    yield from (f"{path}: may have letters, digits, '_' and '-' only" for path in _odd_keys(data.model_dump(), ""))


def _odd_keys(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            there = f"{path}.{key}".removeprefix(".")
            if not _PLAIN.fullmatch(key):
                yield repr(there)
            yield from _odd_keys(inner, there)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _odd_keys(inner, path)


def _combinations(data: OfficeData) -> Iterator[str]:
    services = {service.id: service for service in data.services}
    for service in data.services:
        for id in service.combines_with:
            key = f"services.{service.id}.combines_with = {id!r}"
            if id == service.id or id not in services:
                yield f"{key}: no such other service"
            elif services[id].team != service.team:
                yield f"{key}: it belongs to another team ({services[id].team})"
            elif service.id not in services[id].combines_with:
                yield f"{key}: one-sided, {id} does not name {service.id}"
            elif not goes_with(service, services[id]):
                yield f"{key}: its mode or its times (emergency) are others"


def _authorities(data: OfficeData) -> Iterator[str]:
    authorities = {authority.id for authority in data.authorities}
    for place in data.municipalities:
        if place.authority not in authorities:
            yield f"municipalities.{place.ags}.authority = {place.authority!r}: no such authority"
    if sum(authority.own for authority in data.authorities) != 1:
        yield "authorities.own: exactly one authority must be this office"


def _lanes(data: OfficeData) -> Iterator[str]:
    """Team and lane ids become part of a cell's name."""
    for team in data.teams:
        lanes = {lane.id for lane in team.lanes}
        for id in (team.id, *(lane.id for lane in team.lanes)):
            if "|" in id or not id:
                yield f"teams.id = {id!r}: may not be empty nor contain '|'"
        for lane in team.lanes:
            if lane.channel not in _CHANNELS:
                yield f"teams.lanes.{lane.id}.channel = {lane.channel!r}: not one of {', '.join(_CHANNELS)}"
            for deputy in lane.deputies:
                if deputy not in lanes or deputy == lane.id:
                    yield f"teams.lanes.{lane.id}.deputies = {deputy!r}: no other lane of {team.id}"


def _hours(data: OfficeData) -> Iterator[str]:
    for kind, rules in (("opening_hours", data.opening_hours), ("quotas", data.quotas)):
        for rule in rules:
            yield from _weekly(kind, rule.weekdays, rule.from_, rule.until)
            yield from _validity(kind, rule.valid_from, rule.valid_until)
            yield from _place(data, kind, rule.team, rule.lane)
    for hours in data.opening_hours:
        if hours.every_weeks > 1 and hours.valid_from is None:
            yield f"opening_hours.every_weeks = {hours.every_weeks}: needs valid_from, whose week is the first"


def _weekly(kind: str, weekdays: tuple[str, ...], from_: str, until: str) -> Iterator[str]:
    for day in sorted(set(weekdays) - set(WEEKDAYS)):
        yield f"{kind}.weekdays = {day!r}: not one of {', '.join(WEEKDAYS)}"
    bad = [(key, text) for key, text in (("from", from_), ("until", until)) if not _is_wall_time(text)]
    yield from (f"{kind}.{key} = {text!r}: not a time as 08:00, in steps of 5 minutes" for key, text in bad)
    if not bad and not from_ < until:
        yield f"{kind}.until = {until!r}: not after {from_!r}"


def _is_wall_time(text: str) -> bool:
    try:
        return len(text) == 5 and time.fromisoformat(text).minute % 5 == 0
    except ValueError:
        return False


def _spans(data: OfficeData) -> Iterator[str]:
    for closure in data.closures:
        yield from _span("closures", closure.from_, closure.until)
        yield from _place(data, "closures", closure.team, closure.lane)
    for absence in data.absences:
        yield from _span("absences", absence.from_, absence.until)
        yield from _place(data, "absences", absence.team, absence.lane)


def _span(kind: str, from_: date, until: date) -> Iterator[str]:
    yield from _years(kind, {"from": from_, "until": until})
    if not _sortable(from_) < _sortable(until):
        yield f"{kind}.until = {until.isoformat()!r}: not after {from_.isoformat()!r}"


def _sortable(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time(0))


def _years(kind: str, days: Mapping[str, date | None]) -> Iterator[str]:
    """The first and last years there are cannot be told in every time zone."""
    for key, day in days.items():
        if day and not _FIRST_YEAR <= day.year <= _LAST_YEAR:
            yield f"{kind}.{key} = {day.isoformat()!r}: not between the years {_FIRST_YEAR} and {_LAST_YEAR}"


def _validity(kind: str, valid_from: date | None, valid_until: date | None) -> Iterator[str]:
    yield from _years(kind, {"valid_from": valid_from, "valid_until": valid_until})
    if valid_from and valid_until and not valid_from < valid_until:
        yield f"{kind}.valid_until = {valid_until.isoformat()!r}: not after {valid_from.isoformat()!r}"


def _place(data: OfficeData, kind: str, team: str | None, lane: str | None) -> Iterator[str]:
    lanes = {t.id: {one.id for one in t.lanes} for t in data.teams}
    if team is not None and team not in lanes:
        yield f"{kind}.team = {team!r}: no such team"
    elif lane is not None and lane not in lanes.get(team or "", ()):
        yield f"{kind}.lane = {lane!r}: no such lane of team {team!r}"


def _surnames(data: OfficeData) -> Iterator[str]:
    teams = {team.id: team for team in data.teams}
    for rule in data.surname_ranges:
        key = f"surname_ranges.{rule.shown}"
        if rule.team not in teams or teams[rule.team].routing != "surname":
            yield f"{key}.team = {rule.team!r}: no team whose routing is by surname"
            continue
        for lane in set(rule.lanes) - {lane.id for lane in teams[rule.team].lanes}:
            yield f"{key}.lanes = {lane!r}: no such lane of {rule.team}"
        if not rule.holds(rule.from_):
            yield f"{key}.to = {rule.to!r}: before its beginning {rule.from_!r}"
        yield from _validity(key, rule.valid_from, rule.valid_until)
    for team in data.teams:
        if team.routing == "surname":
            yield from _gaps(team.id, [rule for rule in data.surname_ranges if rule.team == team.id])


def _gaps(team: str, rules: list[SurnameRange]) -> Iterator[str]:
    for fault in surnames.faults(rules):
        since = f", from {fault.day.isoformat()} on" if fault.day else ""
        if fault.at is None:
            yield f"surname_ranges.team = {team!r}: nobody has names that begin with {fault.prefix!r}{since}"
        elif fault.owners:
            names = " and ".join(owner.shown for owner in fault.owners)
            yield (
                f"surname_ranges.{fault.at.shown}.from = {fault.at.from_!r}: "
                f"names that begin with {fault.prefix!r} belong to {names}{since}"
            )
        else:
            yield (
                f"surname_ranges.{fault.at.shown}.to = {fault.at.to!r}: "
                f"nobody has names that begin with {fault.prefix!r}{since}"
            )


_CHECKS: tuple[Callable[[OfficeData], Iterator[str]], ...] = (
    _repeated_ids,
    _time_zone,
    _holidays,
    _services,
    _messages,
    _languages,
    _combinations,
    _authorities,
    _lanes,
    _hours,
    _spans,
    _surnames,
)
