"""What one appointment adds to the figures, from its first hold to its end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from services.reporting.domain.facts.places import Entry, key_of, local_day, local_hour

# Steps that are figures of their own, each on the day it happened.
_COUNTED: Mapping[str, str] = {
    "held": "held",
    "requested": "requested",
    "confirmed": "confirmed",
    "rescheduled": "rescheduled",
    "cancelled": "cancelled",
    "expired": "expired",
    "joined_waiting_list": "waiting_list_joined",
    "offered": "waiting_list_offers",
}
_CHANNELS: Mapping[str, str] = {
    "web": "booked_online",
    "helper": "booked_online",
    "phone": "booked_by_phone",
    "counter": "booked_at_counter",
}
_OVER = frozenset({"cancelled", "office_cancelled", "expired"})
_PROVEN = frozenset({"confirmed", "joined_waiting_list"})
_OF_THE_DAY = frozenset({"checked_in", "called", "in_service", "completed", "no_show"})
_SOON_DAYS = 14
_PROMPT = timedelta(minutes=60)
# At least so far ahead of the start, the earliest first.
_NOTICES = ((timedelta(hours=48), "48h"), (timedelta(hours=24), "24h"), (timedelta(microseconds=1), "late"))


class Step(NamedTuple):
    """`by` is `citizen`, `staff` or `system`."""

    step: str
    at: datetime
    by: str = "citizen"


@dataclass(frozen=True, slots=True)
class AppointmentFact:
    """`municipality` is the lead person's, `steps` are in order. Only newer events tell what has a default."""

    office: str
    service: str
    team: str
    municipality: str
    channel: str
    persons: int
    children_under_6: int
    starts_at: datetime
    ends_at: datetime
    steps: tuple[Step, ...]
    language: str = ""
    emergency: bool = False
    accepted_at: tuple[datetime, ...] = ()
    waiting_minutes: int | None = None
    handling_minutes: int | None = None

    def entries(self, zone: tzinfo) -> Iterator[Entry]:
        for step in self.steps:
            if figure := _COUNTED.get(step.step):
                yield self._one(figure, step.at, zone)
        yield from self._proofs(zone)
        yield from self._offers(zone)
        yield from self._day(zone)
        confirmed = self._first("confirmed")
        if confirmed is not None:
            yield from self._booking(confirmed.at, zone)
            yield from self._outcome(zone)

    def _proofs(self, zone: tzinfo) -> Iterator[Entry]:
        requested = self._first("requested")
        if requested is None:
            return
        yield self._one("asked_to_confirm", requested.at, zone)
        proven = next((step for step in self.steps if step.step in _PROVEN), None)
        if proven is not None and proven.at - requested.at <= _PROMPT:
            yield self._one("confirmed_within_60", requested.at, zone)

    def _offers(self, zone: tzinfo) -> Iterator[Entry]:
        for at in self.accepted_at:
            yield self._one("waiting_list_accepted", at, zone)
        for step in self.steps:
            if step.step == "offer_ended":
                ended = "unanswered" if step.by == "system" else "declined"
                yield self._one(f"waiting_list_{ended}", step.at, zone)

    def _booking(self, confirmed_at: datetime, zone: tzinfo) -> Iterator[Entry]:
        confirmed, visit = local_day(confirmed_at, zone), local_day(self.starts_at, zone)
        key, lead_days = self._on(confirmed_at, zone), max(0, (visit - confirmed).days)
        yield Entry(key, "persons", self.persons)
        yield Entry(key, "persons_under_6", self.children_under_6)
        yield Entry(key, "lead_days", lead_days)
        if lead_days <= _SOON_DAYS:
            yield Entry(key, "within_14_days", 1)
        if self.persons > 1:
            yield Entry(key, "groups", 1)
        if self.emergency:
            yield Entry(key, "emergencies", 1)
        if figure := _CHANNELS.get(self.channel):
            yield Entry(key, figure, 1)

    def _outcome(self, zone: tzinfo) -> Iterator[Entry]:
        """Of what was booked: cancelled, or what the day brought."""
        ended = self._ended()
        if ended is not None:
            yield from self._cancellation(ended, zone)
            return
        key = self._on(self.starts_at, zone)
        minutes = int((self.ends_at - self.starts_at).total_seconds()) // 60
        yield Entry(key, "booked_minutes", minutes)
        yield Entry(key, "due", 1)
        last = self._last_of_the_day()
        if last is not None:
            yield Entry(key, "no_shows" if last.step == "no_show" else "kept", 1)

    def _cancellation(self, ended: Step, zone: tzinfo) -> Iterator[Entry]:
        notice = self.starts_at - ended.at
        when = next((name for least, name in _NOTICES if notice >= least), "after")
        if ended.step == "office_cancelled":
            yield self._one("cancelled_by_office", ended.at, zone)
            yield self._one(f"office_cancelled_{when}", ended.at, zone)
        elif ended.step == "cancelled":
            by = "citizen" if ended.by == "citizen" else "staff"
            yield self._one(f"cancelled_by_{by}", ended.at, zone)
            # Nobody can cancel what has begun; clocks that differ by a moment can make it look so.
            yield self._one("cancelled_late" if when == "after" else f"cancelled_{when}", ended.at, zone)

    def _day(self, zone: tzinfo) -> Iterator[Entry]:
        """Of whoever was there, booked or not."""
        checked_in, last = self._last("checked_in"), self._last_of_the_day()
        if checked_in is None or last is None:
            return
        arrival = self._at(checked_in.at, zone)
        yield Entry(arrival, "arrivals", 1)
        if self.waiting_minutes is not None:
            yield Entry(arrival, "waiting_minutes", self.waiting_minutes)
        if self._first("confirmed") is None and self._ended() is None:
            yield self._one("walk_ins", self.starts_at, zone)
        if last.step == "completed":
            yield self._one("served", self.starts_at, zone)
            yield from self._handling(zone)

    def _handling(self, zone: tzinfo) -> Iterator[Entry]:
        started = self._last("in_service")
        if started is not None and self.handling_minutes is not None:
            yield Entry(self._at(started.at, zone), "handling_minutes", self.handling_minutes)
            yield Entry(self._on(self.starts_at, zone), "used_minutes", self.handling_minutes)

    def _ended(self) -> Step | None:
        """The step by which it was cancelled or ran out, unless that was taken back."""
        last = next((s for s in reversed(self.steps) if s.step in _OVER or s.step == "restored"), None)
        return last if last is not None and last.step in _OVER else None

    def _last_of_the_day(self) -> Step | None:
        return next((step for step in reversed(self.steps) if step.step in _OF_THE_DAY), None)

    def _first(self, name: str) -> Step | None:
        return next((step for step in self.steps if step.step == name), None)

    def _last(self, name: str) -> Step | None:
        return next((step for step in reversed(self.steps) if step.step == name), None)

    def _one(self, figure: str, at: datetime, zone: tzinfo) -> Entry:
        return Entry(self._on(at, zone), figure, 1)

    def _on(self, at: datetime, zone: tzinfo) -> str:
        day = local_day(at, zone)
        return key_of(self.office, day, self.service, self.team, self.municipality, self.channel, self.language)

    def _at(self, at: datetime, zone: tzinfo) -> str:
        hour = local_hour(at, zone)
        return key_of(self.office, local_day(at, zone), self.service, self.team, hour=hour)
