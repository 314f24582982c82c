"""What is known on the way to an appointment. It travels in URLs and forms, and names nobody."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import ImmutableMultiDict

from services.booking.domain.office import Member

_SLUG = re.compile(r"[a-z0-9_-]{1,60}")
_AGS = re.compile(r"[0-9]{8}")
_TOKEN = re.compile(r"[A-Za-z0-9._=-]{1,200}")
_MOST = 20

Values = ImmutableMultiDict[str, Any]
Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Journey:
    """`homes` has one AGS per person, the lead person's first; the last `small` of them are children under 6.

    `yes` and `no` are the ids of questions, as they were answered.
    """

    lang: str
    office: str = ""
    homes: tuple[str, ...] = ()
    service: str = ""
    more: tuple[str, ...] = ()
    small: int = 0
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    invitation: str = ""
    entry: str = ""

    @classmethod
    def read(cls, values: Values, *, lang: str) -> "Journey":
        """What is not as our pages write it is left out."""
        return cls(
            lang=lang,
            office=_one(values, "office", _SLUG),
            homes=_many(values, "home", _AGS),
            service=_one(values, "service", _SLUG),
            more=_many(values, "more", _SLUG),
            small=number(values, "small", most=_MOST),
            yes=_many(values, "yes", _SLUG),
            no=_many(values, "no", _SLUG),
            invitation=_one(values, "invitation", _TOKEN),
            entry=_one(values, "entry", _TOKEN),
        )

    def but(self, **changes: Any) -> "Journey":
        return replace(self, **changes)

    @property
    def persons(self) -> int:
        return len(self.homes)

    @property
    def services(self) -> tuple[str, ...]:
        return (self.service, *self.more)

    @property
    def members(self) -> tuple[Member, ...]:
        grown = max(1, self.persons - self.small)
        return tuple(Member(home, under_6=place >= grown) for place, home in enumerate(self.homes))

    @property
    def answers(self) -> dict[str, bool]:
        return {**dict.fromkeys(self.yes, True), **dict.fromkeys(self.no, False)}

    def pairs(self, *leave_out: str) -> Pairs:
        return [(name, value) for name, value in self._all() if value and name not in leave_out]

    def url(self, path: str, *leave_out: str) -> str:
        return f"{path}?{urlencode(self.pairs(*leave_out))}"

    def _all(self) -> Iterator[tuple[str, str]]:
        yield "lang", self.lang
        yield "office", self.office
        yield from (("home", home) for home in self.homes)
        yield "service", self.service
        yield from (("more", service) for service in self.more)
        yield "small", str(self.small or "")
        yield from (("yes", id) for id in self.yes)
        yield from (("no", id) for id in self.no)
        yield "invitation", self.invitation
        yield "entry", self.entry


def number(values: Values, name: str, *, most: int) -> int:
    text = str(values.get(name, ""))
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def text(values: Values, name: str) -> str:
    """As it was typed, but for spaces around it; what is no text (an upload) counts as nothing."""
    found = values.get(name, "")
    return found.strip() if isinstance(found, str) else ""


def _one(values: Values, name: str, pattern: re.Pattern[str]) -> str:
    found = text(values, name)
    return found if pattern.fullmatch(found) else ""


def _many(values: Values, name: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    found: Sequence[Any] = values.getlist(name)[:_MOST]
    return tuple(value for value in found if isinstance(value, str) and pattern.fullmatch(value))
