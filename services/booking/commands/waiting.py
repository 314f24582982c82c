"""The waiting list: who waits, and who is offered what becomes free."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import islice

from services.booking.commands.booking import Booking
from services.booking.commands.holding import KeyReused
from services.booking.desks import access_for
from services.booking.domain import appointment as appointments_domain
from services.booking.domain import waiting
from services.booking.domain.actors import CITIZEN
from services.booking.domain.appointment import Appointment, Change, Offer, Party, Wish
from services.booking.domain.cells import CELL, cells_of
from services.booking.domain.conflicts import next_times
from services.booking.domain.hours import wall_moment
from services.booking.domain.office import Member, Office
from services.booking.people import Person
from services.booking.storage import AlreadyHeld, ChangedMeanwhile, Giving, SlotTaken
from shared.sealing import Unsealable

_MOST_WAITERS = 500
# Whoever opens a mail in the evening should still be able to answer.
_SHORTEST_OFFER = timedelta(hours=1)
_MOST_TIMES = 300


class WishNotPossible(Exception):
    """No time of this wish could ever be offered: too near, too far, or the first day is after the last."""


@dataclass(frozen=True, slots=True)
class WishRequest:
    office: str
    service: str
    family_name: str = field(repr=False)
    members: tuple[Member, ...]
    wish: Wish
    further_services: tuple[str, ...] = ()
    preconditions: Mapping[str, bool] = field(default_factory=dict)
    invitation: str | None = None
    access_needs: tuple[str, ...] = ()
    channel: str = "web"

    @property
    def services(self) -> tuple[str, ...]:
        return (self.service, *self.further_services)

    @property
    def text(self) -> str:
        """Equal for equal requests."""
        return f"wish|{self.office}|{self.services}|{self.family_name}|{self.members}|{self.wish}"


@dataclass(frozen=True, slots=True)
class _Time:
    """A time that could be offered; `giver` is whose freed cells still cool there."""

    starts_at: datetime
    lane: str
    giver: Appointment | None = None


@dataclass(slots=True)
class WaitingList:
    booking: Booking

    async def enter(self, request: WishRequest, *, idempotency_key: str) -> Appointment:
        """A place on the list for somebody who has no appointment; it counts once the address is proven.

        The same key again answers with the same entry; raises KeyReused for another request.
        """
        booking = self.booking
        office = booking.offices[request.office]
        services = await booking.services_for(office, request)
        booking.minutes(office, services, request.members)
        until = self._until(office, request.wish)
        id = booking.keys.appointment_id(f"wish|{idempotency_key}")
        party = Party(
            id=id,
            office=office.id,
            code=booking.keys.booking_code(id),
            service=request.service,
            further_services=request.further_services,
            team=services[0].team,
            municipalities=tuple(m.municipality for m in request.members),
            children_under_6=sum(m.under_6 for m in request.members),
            person=await booking.people.seal_first(
                id, Person(request.family_name, access_needs=request.access_needs)
            ),
            request_digest=booking.keys.digest(request.text),
            channel=request.channel,
            invitation=request.invitation.partition(".")[0] if request.invitation else None,
            emergency=services[0].emergency,
        )
        now = booking.clock.now()
        expires_at = now + timedelta(minutes=office.data.booking.hold_minutes)
        entry = appointments_domain.wish_for(party, request.wish, until=until, now=now, expires_at=expires_at)
        try:
            await booking.appointments.insert(entry)
        except AlreadyHeld:
            entry = await booking.appointments.get(id)
            if entry.request_digest != party.request_digest:
                raise KeyReused from None
        return entry

    async def join(self, id: str, wish: Wish) -> Appointment:
        """Keeps the appointment and waits for an earlier time."""

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            self._until(self.booking.offices[appointment.office], wish)
            return None if appointment.wish == wish else waiting.join(appointment, wish, now=now)

        return await self.booking.change(id, decide)

    async def leave(self, id: str) -> Appointment:
        """Waits no longer and keeps the appointment; whoever has none leaves by cancelling."""

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.wish is None and appointment.status == "confirmed":
                return None
            return waiting.leave(appointment, now=now)

        return await self.booking.change(id, decide)

    async def accept(self, id: str, starts_at: datetime) -> Appointment:
        """The offered time; accepting the same twice changes nothing. Raises NoOffer."""

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.status == "confirmed" and appointment.starts_at == starts_at:
                return None
            if appointment.offer is None or appointment.offer.starts_at != starts_at:
                raise waiting.NoOffer
            release_at = self.booking.cool_until(appointment, now)
            return waiting.accept(appointment, now=now, release_at=release_at)

        return await self.booking.change(id, decide)

    async def decline(self, id: str) -> Appointment:
        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            return waiting.end_offer(appointment, now=now, by=CITIZEN)

        return await self.booking.change(id, decide)

    async def offer_all(self) -> int:
        """One round: to each who waits, the longest first, the earliest time that suits. How many were offered."""
        offered = 0
        for office in list(self.booking.offices.values()):
            waiters = await self.booking.appointments.waiters(office.id, most=_MOST_WAITERS)
            if not waiters:
                continue
            givers = await self.booking.appointments.cooling(office.id, now=self.booking.clock.now())
            for waiter in waiters:
                # Whose desk goes by a name that cannot be read must not keep all others waiting.
                with suppress(Unsealable):
                    offered += await self._offer_next(office, waiter, givers)
        return offered

    async def _offer_next(self, office: Office, waiter: Appointment, givers: list[Appointment]) -> bool:
        rules = office.data.waiting_list
        limits = waiting.OfferRules(most=rules.most_offers, lasts=timedelta(hours=rules.offer_hours))
        now = self.booking.clock.now()
        if not waiting.is_next(waiter, now=now, zone=office.zone, rules=limits):
            return False
        services = office.services(waiter.services)
        minutes = office.minutes(*services, persons=waiter.persons, children_under_6=waiter.children_under_6)
        async for found in self._times(office, waiter, minutes, givers, now):
            latest = self._latest(office, found.starts_at)
            offer = Offer(
                team=waiter.team,
                lane=found.lane,
                starts_at=found.starts_at,
                ends_at=found.starts_at + timedelta(minutes=minutes),
                expires_at=min(now + limits.lasts, latest),
            )
            if offer.expires_at - now < _SHORTEST_OFFER or not waiting.suits(waiter, offer, zone=office.zone):
                continue
            try:
                await self._offer(waiter, offer, found.giver)
            except SlotTaken:
                continue
            except ChangedMeanwhile:
                return False
            return True
        return False

    async def _offer(self, waiter: Appointment, offer: Offer, giver: Appointment | None) -> None:
        change = waiting.offer_time(waiter, offer, now=self.booking.clock.now())
        giving: list[Giving] = []
        if giver is not None:
            giving = await self.booking.takers(waiter.office, offer.cells, but=waiter.id)
        if giving:
            after = (await self.booking.appointments.together([change], giving=giving))[0]
            self.booking.gave(giving)
        else:
            after = await self.booking.appointments.apply(change)
        self.booking.memory.put(after)

    async def _times(
        self, office: Office, waiter: Appointment, minutes: int, givers: list[Appointment], now: datetime
    ) -> AsyncIterator[_Time]:
        """Free times and those that still cool, in order."""
        assert waiter.wish is not None
        availability = self.booking.memory.availability(office.id)
        name = ""
        if office.by_surname(waiter.team):
            name = await self.booking.family_name_of(waiter)
        ranges = office.ranges(waiter.team, name)
        access = access_for(office.services(waiter.services))
        length = timedelta(minutes=minutes) // CELL
        first = wall_moment(waiter.wish.first, time(0), office.zone)
        free = next_times(
            availability, waiter.team, length=length, after=first, now=now, ranges=ranges, access=access
        )
        found = [_Time(start, lane) for start, lanes in islice(free, _MOST_TIMES) for lane in lanes[:1]]
        for giver in givers:
            for start, lanes in islice(
                next_times(
                    availability,
                    waiter.team,
                    length=length,
                    after=first,
                    now=now,
                    ranges=ranges,
                    access=access,
                    own=giver.id,
                ),
                _MOST_TIMES,
            ):
                found += [_Time(start, lane, giver) for lane in lanes if _cools(giver, waiter.team, lane, start)]
        for time_ in sorted(found, key=lambda t: (t.starts_at, t.giver is not None)):
            yield time_

    def _until(self, office: Office, wish: Wish) -> datetime:
        """The end of the last suitable day; raises WishNotPossible."""
        today = self.booking.clock.now().astimezone(office.zone).date()
        end = wall_moment(wish.last + timedelta(days=1), time(0), office.zone)
        too_far = wish.last > today + timedelta(days=office.data.waiting_list.horizon_days)
        if wish.first > wish.last or too_far or not wish.weekdays:
            raise WishNotPossible
        if self._latest(office, end - CELL) <= self.booking.clock.now() + _SHORTEST_OFFER:
            raise WishNotPossible
        return end

    def _latest(self, office: Office, starts_at: datetime) -> datetime:
        """When offers of that day end: with the day so many working days before."""
        day = starts_at.astimezone(office.zone).date()
        last = office.releases.working_days_before(day, office.data.waiting_list.ahead_working_days)
        return wall_moment(last + timedelta(days=1), time(0), office.zone)


def _cools(giver: Appointment, team: str, lane: str, starts_at: datetime) -> bool:
    """Whether the time begins in cells that `giver` has freed."""
    first = cells_of(team=team, lane=lane, starts_at=starts_at, ends_at=starts_at + CELL)
    return any(cell in first for entry in giver.cooling for cell in entry.cells)
