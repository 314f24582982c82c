"""The day as it goes: what no figure tells, since it is true for a moment only."""

import re
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from services.reporting.domain.facts.places import local_day
from shared.mongo import Database

_WAITING = ("checked_in", "called")
_SERVED = "in_service"


@dataclass(frozen=True, slots=True)
class Moment:
    """Visits that wait, and that are at a desk; `next_free` is the first day that the newest look found."""

    waiting: int
    served: int
    next_free: date | None


class Today:
    def __init__(self, database: Database, *, zone: tzinfo) -> None:
        self._appointments = database["appointments"]
        self._free_times = database["free_times"]
        self._zone = zone

    async def moment(self, office: str, *, day: date) -> Moment:
        last = await self._last_steps(office, day)
        return Moment(
            waiting=sum(last.get(step, 0) for step in _WAITING),
            served=last.get(_SERVED, 0),
            next_free=await self._next_free(office, day),
        )

    async def _last_steps(self, office: str, day: date) -> dict[str, int]:
        """Of what has to do with this day, by its last step."""
        pipeline = [
            {"$match": _of(office, day)},
            {"$group": {"_id": {"$first": {"$last": "$fact.steps"}}, "n": {"$sum": 1}}},
        ]
        return {d["_id"]: d["n"] async for d in self._appointments.aggregate(pipeline)}

    async def _next_free(self, office: str, day: date) -> date | None:
        newest = await self._free_times.find_one(_of(office, day), {"fact": 1}, sort=[("fact.hour", -1)])
        if newest is None:
            return None
        ahead = [days for service in newest["fact"]["services"] for days, _ in service[2]]
        looked = local_day(newest["fact"]["hour"], self._zone)
        return looked + timedelta(days=min(ahead)) if ahead else None


def _of(office: str, day: date) -> dict[str, object]:
    """By the index of buckets, whose keys begin so."""
    return {"buckets": {"$regex": f"^{re.escape(office.replace('|', '/'))}\\|{day.isoformat()}"}}
