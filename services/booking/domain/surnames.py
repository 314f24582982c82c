"""Which caseworkers a family name leads to: letters A to Z as the office collates, and ranges of them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from anyascii import anyascii
from pydantic import Field

from shared.contracts.event import Data

# DIN 5007-1 sorts ä as a (dictionaries), DIN 5007-2 as ae (lists of names).
_EXPANDED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "AE", "Ö": "OE", "Ü": "UE"})
_BETWEEN_WORDS = re.compile(r"[\s\-\u00ad\u2010-\u2015\u2212/]+")
_NO_LETTER = re.compile("[^A-Z]+")
_LETTERS = r"^[A-Z]{1,20}$"


class Collation(Data):
    """How the office sorts names; `ignored_prefixes` such as "von" count only as whole leading words."""

    umlauts: Literal["base", "expanded"] = "base"
    ignored_prefixes: tuple[str, ...] = ()


class SurnameRange(Data):
    """Names from `from` to `to`, both included by their beginnings: "D" to "GQ" holds Dahl and Gqeba.

    `label` is what stands at the door. The rule holds from `valid_from` until the day before `valid_until`.
    """

    team: str
    lanes: tuple[str, ...] = Field(min_length=1)
    from_: str = Field(alias="from", pattern=_LETTERS)
    to: str = Field(pattern=_LETTERS)
    label: str = ""
    valid_from: date | None = None
    valid_until: date | None = None

    @property
    def shown(self) -> str:
        return self.label or (self.from_ if self.from_ == self.to else f"{self.from_}–{self.to}")

    def holds(self, folded: str) -> bool:
        return self.from_ <= folded and folded[: len(self.to)] <= self.to


def fold(name: str, collation: Collation) -> str:
    """A family name as A to Z: `Müller-Lüdenscheidt` → `MULLERLUDENSCHEIDT`, `von der Tann` → `TANN`.

    A name that no letter can be made of sorts last, as "Z".
    """
    words = [word for part in _BETWEEN_WORDS.split(name) if (word := _letters(part, collation))]
    ignored = {_letters(prefix, collation) for prefix in collation.ignored_prefixes}
    while len(words) > 1 and words[0] in ignored:
        del words[0]
    return "".join(words) or "Z"


def _letters(text: str, collation: Collation) -> str:
    text = unicodedata.normalize("NFC", text)
    if collation.umlauts == "expanded":
        text = text.translate(_EXPANDED)
    return _NO_LETTER.sub("", anyascii(text).upper())


def after(prefix: str) -> str | None:
    """The first beginning behind all names with `prefix`: GQ → GR, C → D, GZ → H; None behind Z."""
    kept = prefix.rstrip("Z")
    return kept[:-1] + chr(ord(kept[-1]) + 1) if kept else None


@dataclass(frozen=True, slots=True)
class Fault:
    """From `day` on (None: always) `owners` have names that begin with `prefix`: nobody, or two."""

    prefix: str
    owners: tuple[SurnameRange, ...]
    day: date | None
    # The range whose end or beginning is to be looked at.
    at: SurnameRange | None


def faults(ranges: Iterable[SurnameRange]) -> Iterator[Fault]:
    """The first gap or overlap of each period; the ranges are one team's."""
    ranges = list(ranges)
    for day in _turns(ranges):
        valid = [rule for rule in ranges if is_valid(rule.valid_from, rule.valid_until, day or date.min)]
        if fault := _first_fault(sorted(valid, key=lambda rule: rule.from_), day):
            yield fault


def _turns(ranges: list[SurnameRange]) -> list[date | None]:
    """The days on which the rules change, and None for before the first where rules hold from ever."""
    days: set[date] = {rule.valid_from for rule in ranges if rule.valid_from}
    days |= {rule.valid_until for rule in ranges if rule.valid_until}
    from_ever: list[date | None] = [None] if not ranges or any(rule.valid_from is None for rule in ranges) else []
    return [*from_ever, *sorted(days)]


def _first_fault(valid: list[SurnameRange], day: date | None) -> Fault | None:
    """`valid` by their beginnings: each has to begin where the one before ends."""
    wanted: str | None = "A"
    before: SurnameRange | None = None
    for rule in valid:
        if wanted is None or rule.from_ < wanted:
            return Fault(rule.from_, (before, rule) if before else (rule,), day, rule)
        if rule.from_ > wanted:
            return Fault(wanted, (), day, before or rule)
        before, wanted = rule, after(rule.to)
    return Fault(wanted, (), day, before) if wanted is not None else None


def is_valid(valid_from: date | None, valid_until: date | None, day: date) -> bool:
    """Half open: `valid_until` is the first day that no longer belongs to it."""
    return (valid_from is None or valid_from <= day) and (valid_until is None or day < valid_until)
