"""One appointment as files tell it, and what may stand in each field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, StringConstraints, ValidationError

from services.booking.api.schemas import Ags, Email, Incoming, Language, PersonName, Phone, Slug
from services.booking.people import UNREADABLE

# As the columns of a CSV file are called; the first five must be there.
COLUMNS = (
    "key",
    "starts_at",
    "service",
    "family_name",
    "municipalities",
    "given_name",
    "email",
    "phone",
    "language",
    "lane",
)
REQUIRED = COLUMNS[:5]


def _nothing_for_empty(value: Any) -> Any:
    return value or None


def _split(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


def _moment(text: str) -> str:
    if len(text) <= len("2026-12-07"):
        raise ValueError("a day with its time is meant, as 2026-12-07 09:30")
    datetime.fromisoformat(text)
    return text


Optional = BeforeValidator(_nothing_for_empty)
Municipalities = Annotated[
    tuple[Annotated[Ags, StringConstraints()], ...],
    BeforeValidator(_split),
    AfterValidator(lambda found: found if 1 <= len(found) <= 20 else _refuse("1 to 20 municipalities are meant")),
]


def _refuse(why: str) -> Any:
    raise ValueError(why)


class Row(Incoming):
    """`key` is the other system's own id: the same key is the same appointment, however often it comes.

    `municipalities` has one AGS per person, the lead person's first.
    """

    key: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,150}$")]
    starts_at: Annotated[str, AfterValidator(_moment)]
    service: Slug
    family_name: PersonName
    municipalities: Municipalities
    given_name: Annotated[PersonName | None, Optional] = None
    email: Annotated[Email | None, Optional] = None
    phone: Annotated[Phone | None, Optional] = None
    language: Annotated[Language, BeforeValidator(lambda value: value or "de")] = "de"
    lane: Annotated[Slug | None, Optional] = None

    def moment(self, zone: ZoneInfo) -> datetime:
        """Without an offset the office's wall time is meant."""
        moment = datetime.fromisoformat(self.starts_at)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def is_unreadable(row: Row) -> bool:
    """Of an export, whose person no key has opened."""
    return row.family_name == UNREADABLE.family_name


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line cannot be taken; nothing of what stands in it."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


@dataclass(slots=True)
class Read:
    """What a file says, by line; and what in it cannot be read."""

    rows: dict[int, Row] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def add(self, line: int, values: Mapping[str, Any]) -> None:
        try:
            row = Row.model_validate(values)
        except ValidationError as error:
            told = [
                f"{'.'.join(map(str, one['loc'][:1]))}: {one['msg']}" for one in error.errors(include_input=False)
            ]
            self.faults.append(Fault(line, "; ".join(told)))
            return
        if is_unreadable(row):
            self.faults.append(Fault(line, "family_name: no key opened it when this was exported; write it here"))
        else:
            self.rows[line] = row
