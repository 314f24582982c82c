"""What in an office's data is not of the form it must have, for whoever wrote the file: where, and what to do."""

import difflib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from services.booking.domain.rules import HELPER_ID, OfficeData
from shared.contracts.offices import COLOUR

# What tells one entry of a list from the others, the best first.
_OWN_NAMES: Final = ("id", "ags", "label", "name")
_NAMES: Final = (*_OWN_NAMES, "valid_from", "from")
PATTERNS: Final = {
    COLOUR: "must be a colour as #0b5563",
    HELPER_ID: "may have small letters, digits, '_' and '-' only",
    r"^[0-9a-f]{64}$": "must be 64 digits of 0 to 9 and a to f, as the command that makes a helper prints them",
    r"^https://": "must be an address that begins with https://",
    r"^[A-Z]{1,20}$": "must be capital letters from A to Z, without umlauts",
    r"^([01]\d|2[0-3]):[0-5]\d$": "must be a time as 08:00",
    r"^$|^([01]\d|2[0-3]):[0-5]\d$": 'must be a time as 08:00, or "" for never',
}
_WORDS: Final[dict[str, str]] = {
    "missing": "is missing: add it",
    "string_type": "must be text, in quotes",
    "int_type": "must be a whole number, without quotes",
    "int_parsing": "must be a whole number, without quotes",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false, without quotes",
    "bool_parsing": "must be true or false, without quotes",
    "date_type": "must be a day as 2026-12-24, without quotes",
    "date_parsing": "must be a day as 2026-12-24, without quotes",
    "date_from_datetime_parsing": "must be a day as 2026-12-24, without quotes",
    "date_from_datetime_inexact": "must be a day as 2026-12-24, without a time",
    "tuple_type": 'must be a list: ["a", "b"], or tables that begin with [[…]] each',
    "dict_type": 'must be texts by language, as {{ de = "…", en = "…" }}',
    "model_type": "must be a table: put its keys below a line [...], or between {{ and }}",
    "model_attributes_type": "must be a table: put its keys below a line [...], or between {{ and }}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "multiple_of": "must be a multiple of {multiple_of}",
    "too_short": "must have {min_length} or more entries",
    "too_long": "must have at most {max_length} entries",
    "value_error": "{error}",
}


def misfits(error: ValidationError, values: Mapping[str, Any]) -> Iterator[str]:
    """Of `values`, which OfficeData refused with `error`: each as "key = value: what is wrong"."""
    for fault in error.errors():
        value = "" if fault["type"] == "missing" else f" = {fault['input']!r:.80}"
        yield f"{_place(fault['loc'], values)}{value}: {_words(fault)}"


def numbered(place: int) -> str:
    """As people count: the first one is 1."""
    number = place + 1
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number not in (11, 12, 13) else 0, "th")
    return f"({number}{ending})"


def _entry(elements: Sequence[Any], place: int) -> str:
    """By what it has and no other of the list, else by its number."""
    for key in _NAMES:
        names = [_plain(one.get(key)) if isinstance(one, Mapping) else None for one in elements]
        name = names[place] if place < len(names) else None
        if name and Counter(names)[name] == 1:
            return name if key in _OWN_NAMES else f"({key} {name})"
    return numbered(place)


def _plain(value: Any) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("de")
    return str(value) if isinstance(value, str | date) else None


def _place(path: Sequence[int | str], values: Any) -> str:
    parts = []
    for part in path:
        parts.append(_entry(values, part) if isinstance(part, int) and _is_list(values) else str(part))
        values = _within(values, part)
    return ".".join(parts)


def _is_list(values: Any) -> bool:
    return isinstance(values, list | tuple)


def _within(values: Any, part: int | str) -> Any:
    try:
        return values[part]
    except (KeyError, IndexError, TypeError):
        return None


def _words(fault: ErrorDetails) -> str:
    kind, given = fault["type"], fault.get("ctx", {})
    if special := _SPECIAL.get(kind):
        return special(fault)
    return _WORDS[kind].format(**given) if kind in _WORDS else fault["msg"]


def _unknown(fault: ErrorDetails) -> str:
    key, known = str(fault["loc"][-1]), _keys_at(fault["loc"][:-1])
    if meant := _nearest(key, known):
        return f"`{key}` is not known here; did you mean `{meant}`?"
    if key in _fields(OfficeData):
        return f"`{key}` belongs above the first line [...] of the file; here it is part of the table above it"
    return f"`{key}` is not known here: take it away; known are {', '.join(sorted(known))}"


def _one_of(fault: ErrorDetails) -> str:
    expected: str = fault["ctx"]["expected"]
    meant = _nearest(str(fault["input"]), [one.strip("'") for one in expected.replace(" or ", ", ").split(", ")])
    return f"must be one of {expected}" + (f"; did you mean {meant!r}?" if meant else "")


def _pattern(fault: ErrorDetails) -> str:
    pattern: str = fault["ctx"]["pattern"]
    return PATTERNS.get(pattern, f"must have the form {pattern}")


_SPECIAL: Final[Mapping[str, Callable[[ErrorDetails], str]]] = {
    "extra_forbidden": _unknown,
    "literal_error": _one_of,
    "string_pattern_mismatch": _pattern,
}


def _nearest(word: str, known: Collection[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, known, n=1)), None)


def _keys_at(path: Sequence[int | str]) -> list[str]:
    """What a file may say at this place."""
    model: type[BaseModel] = OfficeData
    for part in path:
        inner = None if isinstance(part, int) else _fields(model).get(part)
        model = next(_models(inner), model) if inner else model
    return list(_fields(model))


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
