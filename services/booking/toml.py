"""An office as TOML, as its file is written: what is exported is read back as the same office."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from services.booking.domain.rules import OfficeData

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_INLINE = 100


def office_as_toml(data: OfficeData) -> str:
    """What is left away in the file stays away, where the data say no more than the rule without it."""
    values = data.model_dump(by_alias=True, exclude_defaults=True, exclude={"confirm_minutes"})
    return "\n".join(_table(_ordered(values), ())).strip() + "\n"


def plain(data: OfficeData) -> dict[str, Any]:
    """As JSON would say it: what pages and the API edit."""
    return data.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"confirm_minutes"})


def _ordered(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values before tables: what follows a table's head belongs to it."""
    return dict(sorted(values.items(), key=lambda item: _is_table(item[1]) or _is_tables(item[1])))


def _table(values: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    for key, value in _ordered(values).items():
        there = (*path, key)
        if value is None:
            continue
        if _is_table(value):
            yield from ("", f"[{_name(there)}]")
            yield from _table(value, there)
        elif _is_tables(value):
            for one in value:
                yield from ("", f"[[{_name(there)}]]")
                yield from _table(one, there)
        else:
            yield f"{_key(key)} = {_value(value)}"


def _is_table(value: Any) -> bool:
    """Short ones stand on one line."""
    return isinstance(value, Mapping) and not (_is_flat(value) and len(_value(value)) <= _LONGEST_INLINE)


def _is_tables(value: Any) -> bool:
    return (
        isinstance(value, Sequence) and not isinstance(value, str) and any(isinstance(v, Mapping) for v in value)
    )


def _is_flat(value: Mapping[str, Any]) -> bool:
    return not any(isinstance(one, Mapping) or _is_tables(one) for one in value.values())


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case str():
            return _string(value)
        case Mapping():
            pairs = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items() if one is not None)
            return f"{{ {pairs} }}" if pairs else "{}"
        case Sequence():
            return f"[{', '.join(map(_value, value))}]"
    raise TypeError(f"no TOML for {type(value).__name__}")


def _string(text: str) -> str:
    """JSON's escapes are TOML's; only DEL is allowed there and not here."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _name(path: tuple[str, ...]) -> str:
    return ".".join(map(_key, path))
