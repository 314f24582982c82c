"""Between an office's data and the fields of a form: out for showing, back in for saving."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData

from services.booking.domain.rules import WEEKDAYS
from services.booking.web.languages import NAMES
from services.booking.web.staff.faults import NotReadable
from services.booking.web.staff.setup.fields import Field, Section

Data = dict[str, Any]
_NEW = "new"


@dataclass(frozen=True, slots=True)
class Control:
    """A field with its name in the form and what stands in it."""

    name: str
    field: Field
    value: Any


@dataclass(frozen=True, slots=True)
class Row:
    """One table of a list; the new one has no number."""

    place: str
    controls: tuple[Control, ...]


def controls(section: Section, data: Data) -> list[Control]:
    return [_control("f", field, data) for field in section.fields]


def rows(section: Section, data: Data) -> list[Row]:
    """Those that there are, and an empty one."""
    if not section.rows:
        return []
    tables = [*(_get(data, section.rows) or []), {}]
    places = [*map(str, range(len(tables) - 1)), _NEW]
    return [
        Row(place, tuple(_control(f"r.{place}", field, table) for field in section.row_fields))
        for place, table in zip(places, tables, strict=True)
    ]


def taken(section: Section, data: Data, sent: FormData) -> Data:
    """The data with what was sent. Raises NotReadable."""
    data = copy.deepcopy(data)
    for field in section.fields:
        _take(data, f"f.{field.path}", field, sent)
    if section.rows:
        number = len(_get(data, section.rows) or [])
        kept = [_row(section, str(place), data, sent) for place in range(number) if not _is_gone(place, sent)]
        new = [_row(section, _NEW, data, sent)] if _is_new(section, sent) else []
        _put(data, section.rows, [*kept, *new])
    return data


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf with its path; lists of tables by their ids, else by their places."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from flat(one, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for place, one in enumerate(value, start=1):
            yield from flat(one, f"{path}.{one.get('id', place)}")
    else:
        yield path, ", ".join(map(str, value)) if isinstance(value, list) else _shown(value)


def differences(before: Data, after: Data) -> list[tuple[str, str, str]]:
    """Path, and what stands there before and after; empty where nothing stands."""
    old, new = dict(flat(before)), dict(flat(after))
    paths = list(dict.fromkeys([*old, *new]))
    return [(path, old.get(path, ""), new.get(path, "")) for path in paths if old.get(path) != new.get(path)]


def _shown(value: Any) -> str:
    return {True: "ja", False: "nein"}[value] if isinstance(value, bool) else str(value)


def _control(prefix: str, field: Field, data: Data) -> Control:
    if field.kind == "where":
        team, lane = data.get("team"), data.get("lane")
        return Control(f"{prefix}.{field.path}", field, f"{team}/{lane}" if lane else team or "")
    return Control(f"{prefix}.{field.path}", field, _get(data, field.path))


def _row(section: Section, place: str, data: Data, sent: FormData) -> Data:
    """As it was, with what the page edits: what else stands there stays."""
    table: Data = {} if place == _NEW else copy.deepcopy(_get(data, section.rows)[int(place)])
    for field in section.row_fields:
        name = f"r.{place}.{field.path}"
        if field.kind == "where":
            team, _, lane = str(sent.get(name, "")).partition("/")
            _put(table, "team", team or None)
            _put(table, "lane", lane or None)
        else:
            _take(table, name, field, sent)
    return table


def _take(data: Data, name: str, field: Field, sent: FormData) -> None:
    """Languages that the pages do not offer stay as they are."""
    value, old = _read(name, field, sent), _get(data, field.path)
    if field.kind in ("texts", "lists") and isinstance(old, Mapping):
        value = {**value, **{tag: text for tag, text in old.items() if tag not in NAMES}}
    _put(data, field.path, value)


def _is_gone(place: int, sent: FormData) -> bool:
    return f"r.{place}.delete" in sent


def _is_new(section: Section, sent: FormData) -> bool:
    """Whether anything was typed into the empty row that must not be empty."""
    needed = [field for field in section.row_fields if field.needed]
    return any(_has_text(f"r.{_NEW}.{field.path}", field, sent) for field in needed)


def _has_text(name: str, field: Field, sent: FormData) -> bool:
    names = [f"{name}.{tag}" for tag in NAMES] if field.kind in ("texts", "lists") else [name]
    return any(str(value).strip() for one in names for value in sent.getlist(one))


def _read(name: str, field: Field, sent: FormData) -> Any:
    """None where nothing was typed. Raises NotReadable."""
    value: Any
    match field.kind:
        case "bool":
            value = name in sent
        case "days":
            value = [day for day in WEEKDAYS if day in sent.getlist(name)]
        case "texts":
            value = {tag: text for tag in NAMES if (text := _text(sent, f"{name}.{tag}"))}
        case "lists":
            lines = {tag: _text(sent, f"{name}.{tag}").splitlines() for tag in NAMES}
            value = {tag: [one.strip() for one in many if one.strip()] for tag, many in lines.items() if any(many)}
        case "names":
            value = [one for one in _text(sent, name).replace(",", " ").split() if one]
        case "int":
            value = _number(field, _text(sent, name))
        case _:
            value = _text(sent, name) or None
    if field.needed and value in (None, {}, []):
        raise NotReadable(f"{field.label}: Bitte ausfüllen.")
    return value


def _text(sent: FormData, name: str) -> str:
    return str(sent.get(name, "")).replace("\r\n", "\n").strip()


def _number(field: Field, text: str) -> int | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise NotReadable(f"{field.label}: Das ist keine ganze Zahl.") from None


def _get(data: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(data, list):
            data = data[int(step)] if int(step) < len(data) else None
        else:
            data = data.get(step) if isinstance(data, Mapping) else None
    return data


def _put(data: Any, path: str, value: Any) -> None:
    """What is empty is left away, and so is a table that held nothing else."""
    first, _, rest = path.partition(".")
    if isinstance(data, list):
        _put(data[int(first)], rest, value)
    elif rest:
        there = data.setdefault(first, {})
        _put(there, rest, value)
        if there == {}:
            del data[first]
    elif value in (None, {}) or (value == [] and first not in data):
        data.pop(first, None)
    else:
        data[first] = value
