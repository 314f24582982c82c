"""The message in the shape that a gateway wants.

A template is a tree of tables, lists and texts; `{to}` and the like are filled in last and once: no message can
change the shape, add a header, or pull in a secret by naming it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_GAP = re.compile(r"\{(to|to_digits|text|reference|encoding|secret:[a-z0-9_]+)\}")
_ANY = re.compile(r"\{[A-Za-z0-9_:]+\}")
_SECRET = "secret:"  # noqa: S105 - how a gap is named


def filled(template: Any, values: Mapping[str, str]) -> Any:
    """A copy with every gap filled; raises KeyError for one that `values` does not know."""
    match template:
        case str():
            return _GAP.sub(lambda gap: values[gap[1]], template)
        case list():
            return [filled(part, values) for part in template]
        case dict():
            return {key: filled(part, values) for key, part in template.items()}
    return template


def gaps(template: Any) -> Iterator[str]:
    """The names of all gaps, a secret's as `secret:<name>`."""
    match template:
        case str():
            yield from _GAP.findall(template)
        case list():
            for part in template:
                yield from gaps(part)
        case dict():
            yield from gaps(list(template.values()))


def unknown_gaps(template: Any) -> set[str]:
    """What looks like a gap and is none: a slip of whoever wrote the template."""
    match template:
        case str():
            return {gap for gap in _ANY.findall(template) if not _GAP.fullmatch(gap)}
        case list():
            return set().union(*map(unknown_gaps, template))
        case dict():
            return unknown_gaps(list(template.values()))
    return set()


def secrets_in(template: Any) -> set[str]:
    return {gap.removeprefix(_SECRET) for gap in gaps(template) if gap.startswith(_SECRET)}


def found(answer: Any, path: str) -> str | None:
    """What stands at `messages.0.id` of a JSON answer, as text; None where nothing, a table or a list stands."""
    for step in path.split("."):
        if isinstance(answer, dict):
            answer = answer.get(step)
        elif isinstance(answer, list) and step.isdecimal() and int(step) < len(answer):
            answer = answer[int(step)]
        else:
            return None
    if isinstance(answer, bool):
        return str(answer).lower()
    return str(answer) if isinstance(answer, str | int | float) else None
