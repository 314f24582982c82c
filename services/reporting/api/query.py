"""The parameters of a report, and the faults they may have."""

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterable
from datetime import date
from typing import Annotated, Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, create_model, field_validator

from services.reporting.api.formats import Format
from services.reporting.domain import BY_NAME, Figure, Group
from services.reporting.domain.periods import Period
from services.reporting.reports import Key
from services.reporting.storage import Interval, Query

LONGEST_RANGE_DAYS = 1100
MOST_ROWS = 10_000
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIRST, _LAST = date(2000, 1, 1), date(2200, 1, 1)
_TOTAL = "total"
# A day is asked for by `from` and `to`.
FILTERS = tuple(group for group in Group if group is not Group.DAY)


def wrong(parameter: str, message: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("query", parameter), "msg": message, "type": "value_error"}])


def iso_date(value: object) -> object:
    if isinstance(value, str) and not _ISO_DATE.fullmatch(value):
        raise ValueError("must be a date as 2026-11-30")
    return value


def _in_range(value: date) -> date:
    if not _FIRST <= value <= _LAST:
        raise ValueError(f"must lie between {_FIRST} and {_LAST}")
    return value


IsoDate = Annotated[date, BeforeValidator(iso_date), Field(json_schema_extra={"format": "date"})]


def listed(names: Iterable[str]) -> str:
    """The pattern of a comma separated choice of `names`."""
    either = "|".join(names)
    return f"^(({either})(,({either}))*)?$"


def chosen(value: str, names: Collection[str]) -> tuple[str, ...]:
    """The names in a comma separated list; raises ValueError where one is unknown or empty."""
    found = tuple(value.split(",")) if value else ()
    if any(name not in names for name in found):
        raise ValueError(f"may name, comma separated: {', '.join(names)}")
    return found


class RangeQuery(BaseModel):
    """What every report needs."""

    model_config = ConfigDict(extra="forbid")

    from_: IsoDate = Field(alias="from", description="First day, inclusive.")
    to: IsoDate = Field(
        description=f"First day that is no longer included; at most {LONGEST_RANGE_DAYS} days after `from`."
    )

    @field_validator("from_", "to")
    @classmethod
    def _sensible(cls, value: date) -> date:
        return _in_range(value)

    @field_validator("to")
    @classmethod
    def _after_from(cls, to: date, info: ValidationInfo) -> date:
        since = info.data.get("from_")
        if since and to <= since:
            raise ValueError("must be later than from, since the day it names is not included")
        if since and (to - since).days > LONGEST_RANGE_DAYS:
            raise ValueError(f"must be at most {LONGEST_RANGE_DAYS} days after from")
        return to

    @property
    def period(self) -> Period:
        return Period(self.from_, self.to)


class ReportQuery(RangeQuery):
    interval: str = Field(
        default=_TOTAL,
        pattern=f"^({'|'.join(Interval)}|{_TOTAL})$",
        description="Cuts the range into calendar periods: `day` is each one's first day, weeks begin on Monday. "
        "At both ends only days of the range count.",
    )
    group_by: str = Field(
        default="",
        max_length=200,
        description="Comma separated: "
        + ", ".join(Group)
        + ". Without it, one row for the whole range or for each interval.",
        json_schema_extra={"pattern": listed(Group)},
    )
    figures: str = Field(
        default="",
        max_length=4000,
        description="Only these, comma separated, in this order; all where it is missing.",
        json_schema_extra={"pattern": listed(BY_NAME)},
    )
    compare: str | None = Field(
        default=None,
        pattern="^previous$",
        description="`previous` puts beside each figure a column `<figure>_previous` with the period before: as "
        "many months where the range is whole months, else as many days. With `interval=total` only.",
    )
    format: Format | None = Field(default=None, description="In place of the Accept header.")
    limit: int = Field(default=MOST_ROWS, ge=1, le=MOST_ROWS, description="Most rows of one answer.")
    cursor: str | None = Field(
        default=None,
        max_length=1000,
        description="Where to go on: taken from the Link header of the answer before.",
    )

    @field_validator("group_by")
    @classmethod
    def _known_groups(cls, value: str) -> str:
        chosen(value, tuple(Group))
        return value

    @field_validator("figures")
    @classmethod
    def _known_figures(cls, value: str) -> str:
        chosen(value, BY_NAME)
        return value

    @field_validator("compare")
    @classmethod
    def _whole_only(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and info.data.get("interval") != _TOTAL:
            raise ValueError("goes with interval=total only")
        if value and Group.DAY in info.data.get("group_by", "").split(","):
            raise ValueError("does not go with group_by=day, since the days differ")
        return value

    @property
    def query(self) -> Query:
        names = {*self.group_by.split(","), *(() if self.interval == _TOTAL else (Group.DAY,))}
        given = {group: getattr(self, group.value) for group in FILTERS}
        return Query(
            since=self.from_,
            until=self.to,
            groups=tuple(group for group in Group if group in names),
            office=given.pop(Group.OFFICE),
            where={group: (value,) for group, value in given.items() if value is not None},
            interval=Interval.DAY if self.interval == _TOTAL else Interval(self.interval),
        )

    def chosen(self, allowed: tuple[Figure, ...]) -> tuple[Figure, ...]:
        names = chosen(self.figures, BY_NAME)
        return tuple(BY_NAME[name] for name in dict.fromkeys(names)) or allowed

    def after(self) -> Key | None:
        return None if self.cursor is None else key_from(self.cursor)


def _filter(group: Group) -> Any:
    return (str | None, Field(default=None, min_length=1, max_length=100, description=f"Only this {group}."))


FIGURES_QUERY: Any = create_model(
    "FiguresQuery", __base__=ReportQuery, **{group.value: _filter(group) for group in FILTERS}
)


def cursor_of(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, ensure_ascii=False).encode()).decode()


def key_from(cursor: str) -> Key:
    try:
        key = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        key = None
    if not isinstance(key, list) or not all(part is None or isinstance(part, str) for part in key):
        raise wrong("cursor", "is none that a Link header gave")
    return tuple(key)
