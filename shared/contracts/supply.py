"""Exchange `offices`: what an office has to offer, day by day and hour by hour. It tells of no person."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.contracts.event import Data, Event


class PlannedTeam(Data):
    """Desk minutes of a team's desks, and how many of them citizens can book themselves."""

    team: str
    minutes: int = Field(ge=0)
    online_minutes: int = Field(default=0, ge=0)


class Capacity(Data):
    """One local day of the office as it is planned now: closures, public holidays and absences are left out."""

    office: str
    day: date
    teams: tuple[PlannedTeam, ...]


class FreeService(Data):
    """Days from today to the first time that one person can book online; None where nothing is free.

    One number for each range of surnames that leads to other desks, else one; in no order that tells whose.
    """

    service: str
    team: str
    days: tuple[int | None, ...]


class FreeTimes(Data):
    """What was free within the hour that begins at `hour`, of the services that anybody can book online."""

    office: str
    hour: AwareDatetime
    services: tuple[FreeService, ...]


class CapacityPlanned(Event):
    """A day's plan, told ahead and anew whenever it changes until the day is over."""

    exchange: ClassVar[str] = "offices"
    type: Literal["capacity.planned.v1"] = "capacity.planned.v1"
    data: Capacity


class FreeTimesMeasured(Event):
    """Once in each hour, by whichever process looked first."""

    exchange: ClassVar[str] = "offices"
    type: Literal["free_times.measured.v1"] = "free_times.measured.v1"
    data: FreeTimes
