"""Any order of commands, many at once, with a clock that the machine moves: the plain model tells what may be.

Seen to fail, each with the rule that noticed it: see the list at the end of this text.
"""

import ast
import asyncio
import copy
import itertools
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from deploy.local.stack import Stack
from services.booking.memory import Memory
from tests.integration.machine import compare, town
from tests.integration.machine.day import Whole
from tests.integration.machine.town import CELL, HERE, HOURS, LANES, ROOMS, ZONE, Closed, local_day
from tests.integration.machine.visit import Impossible, Told, Visit
from tests.integration.machine.world import STAFF, World, a_world, told_of

# More for long runs.
EXAMPLES = int(os.environ.get("AMTSTERMIN_MACHINE_EXAMPLES", "25"))
STEPS = 40
# What fails may be made shorter, which takes minutes.
PHASES = [Phase.generate, Phase.shrink] if os.environ.get("AMTSTERMIN_MACHINE_SHRINK") else [Phase.generate]

# Always the same choices, whatever the state is: what they mean is decided by the state.
number = st.integers(0, 999)
service = st.sampled_from(sorted(town.SERVICES))
name = st.sampled_from(["Adam", "Bauer", "Meier", "Zorn"])
group = st.sampled_from([(1, 0), (1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)])
address = st.sampled_from(["a@example.org", "b@example.org"])
instead = st.sampled_from([None, None, "keep", "move", "another_person"])
CORRECTED = {"Adam": "Adams", "Bauer": "Baur", "Meier": "Meyer", "Zorn": "Zorn Bauer"}

Act = Callable[[Whole, Told], None]
_WITHIN_S = 1.0


class Machine(RuleBasedStateMachine):
    world: ClassVar[World]
    loop: ClassVar[asyncio.AbstractEventLoop]

    def __init__(self) -> None:
        super().__init__()
        self.model = Whole()
        self.documents: list[Any] = []
        self.place = 0
        self.sound = False

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    @initialize()
    def begin(self) -> None:
        self.run(self.world.begin())
        self.run(self.memory_agrees(within=10))

    # How a rule works: the command, then what the model says to its answer

    def tick(self) -> None:
        self.sound = False
        self.model.now += timedelta(milliseconds=10)
        self.world.desk.clock.stands_at = self.model.now

    def do(self, command: Awaitable[Any], act: Act) -> Told:
        told: Told = self.run(self.world.ask(command))
        self.look()
        try:
            act(self.model, told)
        except Impossible:
            print("DEBUG", told, [(v.id[:4], v.service, v.name, v.status, v.lane, v.starts.strftime("%d %H%M"), v.ends.strftime("%H%M"), v.told, v.version) for v in self.model.visits.values()])
            print('DEBUG', [(d['_id'][:4], d['version'], d['status'], d.get('cells')) for d in self.documents])
            raise
        return told

    def look(self) -> None:
        self.documents = self.run(self.world.documents())
        compare.settle(self.model, self.documents)

    def at_once(self, *pairs: tuple[Awaitable[Any], Act]) -> None:
        """Their answers, and what is stored then, have to be those of some order of the commands."""
        answers = self.run(self.world.together(*(command for command, _ in pairs)))
        self.look()
        told = [(answer, act) for answer, (_, act) in zip(answers, pairs, strict=True)]
        # Whoever gave up because others were quicker has changed nothing.
        told = [(answer, act) for answer, act in told if answer.refused != "ChangedMeanwhile"]
        faults = []
        for order in itertools.permutations(told):
            model = copy.deepcopy(self.model)
            try:
                for answer, act in order:
                    act(model, answer)
                compare.compare(model, self.documents)
            except Impossible as fault:
                faults.append(str(fault))
            else:
                self.model = model
                return
        raise Impossible(f"no order of the commands gives {answers}: {faults}")

    def new(self) -> int:
        self.place += 1
        return self.place

    def pick(self, number: int, *statuses: str) -> Visit | None:
        """Mostly one of those for which the command is meant, at times any."""
        found = list(self.model.visits.values())
        meant = [visit for visit in found if visit.status in statuses]
        if meant and number % 8:
            found = meant
        return found[number % len(found)] if found else None

    def a_start(self, number: int, service: str, name: str, places: int, kids: int, *, staff: bool) -> datetime:
        """Mostly a free time, at times a taken, a closed or an impossible one."""
        length = timedelta(minutes=town.minutes(service, (HERE,) * places, kids))
        free = self.model.starts(service, name, length, staff=staff) if number % 4 else []
        if free:
            return free[number % len(free)]
        visits = [visit.starts for visit in self.model.visits.values() if visit.lane]
        if visits and number % 8:
            return visits[number % len(visits)]
        day = local_day(self.model.now) + timedelta(days=number % 8)
        return town.midnight(day) + timedelta(hours=8) + (number % 26) * CELL

    def a_wish(self, number: int) -> tuple[date, date, str]:
        first = local_day(self.model.now) + timedelta(days=number % 3)
        part = "any" if number % 5 else "afternoon"
        return first, first + timedelta(days=number % 7), part

    # Citizens

    @rule(number=number, service=service, name=name, group=group)
    def hold(self, number: int, service: str, name: str, group: tuple[int, int]) -> None:
        self.tick()
        place = self.new() if number % 9 or not self.place else self.place
        id = self.world.id_of(place)
        if (known := self.model.visits.get(id)) or number % 9 == 0:
            self.hold_again(known)
            return
        places, kids = self.a_group(number, group)
        start = self.a_start(number, service, name, len(places), kids, staff=False)
        act: Act = lambda model, told: model.hold(  # noqa: E731
            told, id=id, service=service, name=name, start=start, places=places, kids=kids
        )
        self.do(self.world.hold(place, service, name, start, places, kids), act)

    def a_group(self, number: int, group: tuple[int, int]) -> tuple[tuple[str, ...], int]:
        persons, kids = group
        places = (HERE,) * persons
        if number % 31 == 1:
            places = (*places, town.ELSEWHERE)
        if number % 37 == 1:
            places = (HERE,) * (town.MOST_PERSONS + 1)
        return places, kids

    def hold_again(self, visit: Visit | None) -> None:
        """The same request once more changes nothing: left to the tests of the API."""

    @rule(number=number, service=service, name=name, many=st.integers(2, 8))
    def many_hold_one_time(self, number: int, service: str, name: str, many: int) -> None:
        self.tick()
        start = self.a_start(number | 1, service, name, 1, 0, staff=False)
        places = [self.new() for _ in range(many)]
        before = self.model
        answers = self.run(
            self.world.together(*(self.world.hold(p, service, name, start, (HERE,), 0) for p in places))
        )
        self.look()
        # Who wins is no matter of order: first who was given a desk, then who was refused.
        for answer, place in sorted(zip(answers, places, strict=True), key=lambda pair: pair[0].refused):
            before.hold(
                answer,
                id=self.world.id_of(place),
                service=service,
                name=name,
                start=start,
                places=(HERE,),
                kids=0,
            )

    @rule(number=number, address=address, given=st.sampled_from([None, "Ayse"]))
    def contact(self, number: int, address: str, given: str | None) -> None:
        if visit := self.pick(number, "held", "requested"):
            self.tick()
            self._contact(visit.id, (address, given))

    def _contact(self, id: str, contact: tuple[str, str | None]) -> None:
        self.do(
            self.world.contact(id, contact),
            lambda model, told: model.contact(told, id=id, contact=contact, address=contact[0]),
        )

    @rule(number=number)
    def message_sent(self, number: int) -> None:
        if visit := self.pick(number, "requested"):
            self.tick()
            id = visit.id
            self.do(self.world.message_sent(id), lambda model, told: model.message_sent(told, id=id))

    @rule(number=number, instead=instead)
    def confirm(self, number: int, instead: str | None) -> None:
        if visit := self.pick(number, "requested"):
            self.tick()
            self._confirm(visit.id, right=number % 16 != 3, instead=instead)

    def _confirm(self, id: str, *, right: bool = True, instead: str | None = None) -> None:
        self.do(
            self.world.confirm(id, right=right, instead=instead),
            lambda model, told: model.confirm(told, id=id, right=right, instead=instead),
        )

    @rule(number=number, service=service, name=name, group=group, address=address)
    def book_online(self, number: int, service: str, name: str, group: tuple[int, int], address: str) -> None:
        """Hold, contact and confirmation in a row: most visits go this way."""
        self.hold(number if number % 9 else number + 1, service, name, group)
        if (visit := self.model.visits.get(self.world.id_of(self.place))) and visit.status == "held":
            compare.compare(self.model, self.documents)
            self._contact(visit.id, (address, None))
            compare.compare(self.model, self.documents)
            self._confirm(visit.id)

    @rule(number=number, staff=st.booleans(), lane=st.sampled_from([None, *LANES]))
    def move(self, number: int, staff: bool, lane: str | None) -> None:
        if not (visit := self.pick(number, "confirmed")):
            return
        self.tick()
        id = visit.id
        lane = lane if staff and lane and LANES[lane] == visit.team else None
        start = self.a_start(number, visit.service, visit.name, len(visit.places), visit.kids, staff=staff)
        command: Awaitable[Any]
        if staff:
            command = self.world.counter.move(id, start, by=STAFF[0], lane=lane)
        else:
            command = self.world.desk.booking.reschedule(id, start)
        act: Act = lambda model, told: model.move(told, id=id, start=start, staff=staff, lane=lane)  # noqa: E731
        self.do(command, act)

    @rule(number=number, lane=st.sampled_from(sorted(LANES)))
    def assign(self, number: int, lane: str) -> None:
        if visit := self.pick(number, "confirmed", "checked_in"):
            self.tick()
            id = visit.id
            command = self.world.counter.assign(id, lane, by=STAFF[0])
            self.do(command, lambda model, told: model.assign(told, id=id, lane=lane))

    @rule(number=number, who=st.sampled_from(["citizen", "citizen", "staff", "office"]))
    def cancel(self, number: int, who: str) -> None:
        if not (visit := self.pick(number, "held", "requested", "waiting", "confirmed", "checked_in")):
            return
        self.tick()
        id = visit.id
        if who == "office":
            command = self.world.counter.office_cancel(id, by=STAFF[0], reason="closure")
            self.do(command, lambda model, told: model.office_cancel(told, id=id))
        elif who == "staff":
            command = self.world.counter.cancel(id, by=STAFF[0])
            self.do(command, lambda model, told: model.cancel(told, id=id, staff=True))
        else:
            self.do(self.world.desk.booking.cancel(id), lambda model, told: model.cancel(told, id=id))

    @rule(number=number)
    def restore(self, number: int) -> None:
        if visit := self.pick(number, "cancelled"):
            self.tick()
            id = visit.id
            self.do(self.world.desk.booking.restore(id), lambda model, told: model.restore(told, id=id))

    @rule(number=number, group=group)
    def resize(self, number: int, group: tuple[int, int]) -> None:
        if visit := self.pick(number, "confirmed"):
            self.tick()
            id = visit.id
            places, kids = self.a_group(number, group)
            self.do(
                self.world.resize(id, places, kids),
                lambda model, told: model.resize(told, id=id, places=places, kids=kids),
            )

    @rule(number=number, staff=st.booleans(), small=st.booleans())
    def correct(self, number: int, staff: bool, small: bool) -> None:
        if visit := self.pick(number, "confirmed", "waiting"):
            self.tick()
            id, first = visit.id, visit.first_name or visit.name
            new = CORRECTED.get(first, first) if small else "Quitte"
            self.do(
                self.world.correct(id, new, STAFF[0] if staff else None),
                lambda model, told: model.correct(told, id=id, name=new, small=small, staff=staff),
            )

    # The waiting list

    @rule(number=number, service=service, name=name, address=address)
    def enter_waiting_list(self, number: int, service: str, name: str, address: str) -> None:
        self.tick()
        place, wish = self.new(), self.a_wish(number)
        id = self.world.id_of(place, "wish|")
        act: Act = lambda model, told: model.enter(told, id=id, service=service, name=name, wish=wish)  # noqa: E731
        self.do(self.world.enter(place, service, name, wish), act)
        if id in self.model.visits and number % 4:
            compare.compare(self.model, self.documents)
            self._contact(id, (address, None))
            compare.compare(self.model, self.documents)
            self._confirm(id)

    @rule(number=number)
    def join_waiting_list(self, number: int) -> None:
        if visit := self.pick(number, "confirmed"):
            self.tick()
            id, wish = visit.id, self.a_wish(number)
            self.do(self.world.join(id, wish), lambda model, told: model.join(told, id=id, wish=wish))

    @rule(number=number)
    def leave_waiting_list(self, number: int) -> None:
        if visit := self.pick(number, "confirmed"):
            self.tick()
            id = visit.id
            self.do(self.world.waiting.leave(id), lambda model, told: model.leave(told, id=id))

    @rule()
    def offer(self) -> None:
        self.tick()
        had = {visit.id for visit in self.model.visits.values() if visit.offer}
        self.run(self.world.waiting.offer_all())
        self.look()
        offers = {d["_id"]: d["offer"] for d in self.documents if "offer" in d and d["_id"] not in had}
        self.model.offers(
            {id: (o["lane"], o["starts_at"], o["ends_at"], o["expires_at"]) for id, o in offers.items()}
        )

    def _offered(self, number: int) -> Visit | None:
        found = [visit for visit in self.model.visits.values() if visit.offer]
        return found[number % len(found)] if found else self.pick(number, "waiting", "confirmed")

    @rule(number=number, accept=st.booleans())
    def answer_offer(self, number: int, accept: bool) -> None:
        if not (visit := self._offered(number)):
            return
        self.tick()
        id, start = visit.id, visit.offer[1] if visit.offer else visit.starts
        if accept:
            command = self.world.waiting.accept(id, start)
            self.do(command, lambda model, told: model.accept(told, id=id, start=start))
        else:
            self.do(self.world.waiting.decline(id), lambda model, told: model.decline(told, id=id))

    # Staff

    @rule(
        number=number,
        service=service,
        name=name,
        group=group,
        lane=st.sampled_from([None, None, *sorted(LANES)]),
        address=st.sampled_from([None, "a@example.org", "b@example.org"]),
    )
    def book(
        self, number: int, service: str, name: str, group: tuple[int, int], lane: str | None, address: str | None
    ) -> None:
        self.tick()
        place = self.new()
        places, kids = self.a_group(number, group)
        lane = lane if lane and LANES[lane] == town.SERVICES[service][0] else None
        cooling = sorted(start for visit in self.model.visits.values() for _, start in visit.cooling)
        start = self.a_start(number, service, name, len(places), kids, staff=True)
        if cooling and number % 3 == 0:
            start = cooling[number % len(cooling)]
        values = {"service": service, "name": name, "start": start, "places": places, "kids": kids}
        id = self.world.id_of(place, "counter|")
        self.do(
            self.world.book(place, **values, lane=lane, address=address),
            lambda model, told: model.book(told, id=id, **values, lane=lane, address=address),
        )

    @rule(service=service, name=name)
    def ticket(self, service: str, name: str) -> None:
        self.tick()
        place = self.new()
        id = self.world.id_of(place, "ticket|")
        self.do(
            self.world.ticket(place, service, name),
            lambda model, told: model.ticket(told, id=id, service=service, name=name),
        )

    @rule(number=number, step=st.integers(0, 6), by=st.sampled_from(STAFF))
    def the_day(self, number: int, step: int, by: Any) -> None:
        """One step of the day with one of those who come today, if there are any."""
        today = local_day(self.model.now)
        found = [visit for visit in self.model.visits.values() if local_day(visit.starts) == today]
        visit = found[number % len(found)] if found and number % 8 else self.pick(number)
        if visit:
            self.tick()
            self._day_step(visit, step, by)

    def _day_step(self, visit: Visit, step: int, by: Any) -> None:
        id, day = visit.id, self.world.day
        next_step = {"confirmed": 0, "checked_in": 1, "called": 2, "in_service": 3}
        step = next_step.get(visit.status, step) if step == 6 else step
        pairs: list[tuple[Callable[[], Awaitable[Any]], Act]] = [
            (lambda: day.check_in(id), lambda model, told: model.check_in(told, id=id)),
            (lambda: day.call(id, by=by, lane="counter_1"), lambda model, told: model.call(told, id=id, by=by.id)),
            (lambda: day.start(id, by=by), lambda model, told: model.start(told, id=id, by=by.id)),
            (lambda: day.complete(id, by=by), lambda model, told: model.complete(told, id=id)),
            (lambda: day.no_show(id, by=by), lambda model, told: model.no_show(told, id=id)),
            (lambda: self.world.undo(id), lambda model, told: model.undo(told, id=id)),
        ]
        command, act = pairs[step % 6]
        self.do(command(), act)

    # The office

    @rule(hours=st.integers(0, len(HOURS) - 1))
    def change_hours(self, hours: int) -> None:
        self._change_office({"opening_hours": HOURS[hours]}, {"hours": HOURS[hours]})

    @rule(number=number, lane=st.sampled_from([None, *sorted(LANES)]), how=st.sampled_from(["", "move", "cancel"]))
    def close(self, number: int, lane: str | None, how: str) -> None:
        span = self._span(number)
        narrow = {"team": LANES[lane], "lane": lane} if lane else {}
        closures = [*self.model.opening.closures, Closed(*span, lane)][-3:]
        stored = [
            *self.world.office.data.model_dump(by_alias=True)["closures"],
            {"from": _local(span[0]), "until": _local(span[1]), "reason": {"de": "zu"}, **narrow},
        ][-3:]
        self._change_office({"closures": stored}, {"closures": closures})
        if how:
            self._replan(how)

    @rule(number=number, lane=st.sampled_from(sorted(LANES)), how=st.sampled_from(["", "move", "cancel"]))
    def lane_absent(self, number: int, lane: str, how: str) -> None:
        span = self._span(number)
        absences = [*self.model.opening.absences, Closed(*span, lane)][-3:]
        stored = [
            *self.world.office.data.model_dump(by_alias=True)["absences"],
            {"from": _local(span[0]), "until": _local(span[1]), "team": LANES[lane], "lane": lane},
        ][-3:]
        self._change_office({"absences": stored}, {"absences": absences})
        if how:
            self._replan(how)

    def _span(self, number: int) -> tuple[datetime, datetime]:
        """A day or two, or a part of a morning, from now on."""
        day = town.midnight(local_day(self.model.now) + timedelta(days=number % 5))
        if number % 3 == 0:
            return day, town.midnight(local_day(day) + timedelta(days=1 + number % 2))
        local = datetime.combine(local_day(day), datetime.min.time(), ZONE) + timedelta(hours=8, minutes=number % 50)
        return local.astimezone(town.START.tzinfo), (local + timedelta(minutes=20)).astimezone(town.START.tzinfo)

    def _change_office(self, stored: dict[str, Any], known: dict[str, Any]) -> None:
        """The conflict list as it is shown before is the one there is afterwards."""
        self.tick()
        shown = self.run(self.world.preview(**stored))
        expected = self.model.conflicts(self.model.proposed(**known))
        if shown != expected:
            raise Impossible(f"the preview shows {shown}, in conflict are {expected}")
        self.run(self.world.change_office(**stored))
        self.model.change_opening(**known)
        self.look()

    def _replan(self, how: str) -> None:
        compare.compare(self.model, self.documents)
        ids = self.model.conflicts()
        for replanned in self.run(self.world.replan(sorted(ids), how)):
            told = told_of(replanned)
            self.model.replan(told, id=told.id, how=how)
        self.look()

    # Time

    @rule(
        ahead=st.sampled_from(
            ["1 minute", "11 minutes", "25 minutes", "61 minutes", "5 hours", "25 hours", "next visit", "next visit"]
        ),
        sweep=st.booleans(),
        fresh=st.booleans(),
    )
    def wait(self, ahead: str, sweep: bool, fresh: bool) -> None:
        coming = [visit.starts for visit in self.model.visits.values() if visit.lane and visit.status == "confirmed"]
        coming = [start for start in coming if start > self.model.now]
        if ahead != "next visit":
            count, unit = ahead.split()
            self.model.now += timedelta(**{unit if unit.endswith("s") else f"{unit}s": int(count)})
        elif coming:
            self.model.now = min(coming) - timedelta(minutes=2)
        self.tick()
        if fresh:
            self.run(self._until_fresh())
        if sweep:
            self.sweep()

    async def _until_fresh(self) -> None:
        """Only then may memory refuse a time."""
        async with asyncio.timeout(10):
            while not self.world.desk.booking.memory.fresh:  # noqa: ASYNC110 (it has no event)
                await asyncio.sleep(0.01)

    @rule()
    def sweep(self) -> None:
        self.tick()
        self.run(self.world.sweep())
        self.look()
        self.model.swept()

    @rule(number=number, cancel=st.booleans())
    def erase(self, number: int, cancel: bool) -> None:
        if visit := self.pick(number, "confirmed", "cancelled", "expired", "requested"):
            self.tick()
            id = visit.id
            command = self.world.desk.erasing.erase(id, cancel=cancel)
            self.do(command, lambda model, told: model.erase(told, id=id, cancel=cancel))

    @rule()
    def retention(self) -> None:
        self.tick()
        self.run(self.world.desk.erasing.sweep(now=self.model.now))
        self.look()
        self.model.retention()

    # Many at once

    @rule(number=number, other=st.sampled_from(["cancel", "cancel", "confirm", "erase"]))
    def confirm_at_once_with(self, number: int, other: str) -> None:
        if visit := self.pick(number, "requested"):
            self.tick()
            self.at_once(self._one(visit, "confirm"), self._one(visit, other))

    @rule(
        number=number,
        one=st.sampled_from(["accept", "decline"]),
        other=st.sampled_from(["cancel", "decline", "accept", "leave"]),
    )
    def answer_at_once_with(self, number: int, one: str, other: str) -> None:
        if visit := self._offered(number):
            self.tick()
            self.at_once(self._one(visit, one), self._one(visit, other))

    @rule(
        number=number,
        one=st.sampled_from(["cancel", "move", "check_in", "staff_cancel"]),
        other=st.sampled_from(["cancel", "move", "staff_move", "erase", "office_cancel", "check_in", "restore"]),
    )
    def two_about_one(self, number: int, one: str, other: str) -> None:
        if visit := self.pick(number, "confirmed"):
            self.tick()
            self.at_once(self._one(visit, one, number), self._one(visit, other, number + 1))

    @rule(number=number)
    def two_call_the_same_person(self, number: int) -> None:
        visit = self.pick(number, "checked_in")
        if visit:
            self.tick()
            self.at_once(*(self._one(visit, f"call_{who}") for who in (0, 1)))

    @rule(number=number, many=st.integers(2, 4))
    def many_move_to_one_time(self, number: int, many: int) -> None:
        movers = [visit for visit in self.model.visits.values() if visit.status == "confirmed"][:many]
        if len({visit.team for visit in movers}) == 1:
            self.tick()
            one = movers[0]
            start = self.a_start(number | 1, one.service, one.name, len(one.places), one.kids, staff=False)
            self.at_once(*(self._move_to(visit, start) for visit in movers))

    def _move_to(self, visit: Visit, start: datetime, *, staff: bool = False) -> tuple[Awaitable[Any], Act]:
        id = visit.id
        if staff:
            command = self.world.counter.move(id, start, by=STAFF[0])
            return command, lambda model, told: model.move(told, id=id, start=start, staff=True)
        command = self.world.desk.booking.reschedule(id, start)
        return command, lambda model, told: model.move(told, id=id, start=start)

    def _one(self, visit: Visit, what: str, number: int = 1) -> tuple[Awaitable[Any], Act]:
        id, world, booking = visit.id, self.world, self.world.desk.booking
        start = visit.offer[1] if visit.offer else visit.starts
        if what in ("move", "staff_move"):
            staff = what == "staff_move"
            start = self.a_start(number | 1, visit.service, visit.name, len(visit.places), visit.kids, staff=staff)
            return self._move_to(visit, start, staff=staff)
        if what.startswith("call_"):
            by = STAFF[int(what[-1])]
            command = world.day.call(id, by=by, lane="counter_1")
            return command, lambda model, told: model.call(told, id=id, by=by.id or "")
        pairs: dict[str, tuple[Callable[[], Awaitable[Any]], Act]] = {
            "confirm": (lambda: world.confirm(id), lambda model, told: model.confirm(told, id=id)),
            "cancel": (lambda: booking.cancel(id), lambda model, told: model.cancel(told, id=id)),
            "restore": (lambda: booking.restore(id), lambda model, told: model.restore(told, id=id)),
            "check_in": (lambda: world.day.check_in(id), lambda model, told: model.check_in(told, id=id)),
            "accept": (
                lambda: world.waiting.accept(id, start),
                lambda model, told: model.accept(told, id=id, start=start),
            ),
            "decline": (lambda: world.waiting.decline(id), lambda model, told: model.decline(told, id=id)),
            "leave": (lambda: world.waiting.leave(id), lambda model, told: model.leave(told, id=id)),
            "erase": (
                lambda: world.desk.erasing.erase(id, cancel=True),
                lambda model, told: model.erase(told, id=id, cancel=True),
            ),
            "staff_cancel": (
                lambda: world.counter.cancel(id, by=STAFF[0]),
                lambda model, told: model.cancel(told, id=id, staff=True),
            ),
            "office_cancel": (
                lambda: world.counter.office_cancel(id, by=STAFF[0], reason="closure"),
                lambda model, told: model.office_cancel(told, id=id),
            ),
        }
        command_of, act = pairs[what]
        return command_of(), act

    # What always holds

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        documents = self.run(self.world.documents())
        if twice := compare.owned_twice(documents):
            raise Impossible(f"owned by two: {twice}")
        compare.compare(self.model, documents)
        listed, expected = self.run(self.world.conflicts()), self.model.conflicts()
        if listed != expected:
            raise Impossible(f"on the conflict list are {listed}, in conflict are {expected}")
        self.run(self.memory_agrees(within=_WITHIN_S))
        self.sound = True

    async def memory_agrees(self, *, within: float) -> None:
        """What this process has written it knows at once, the other one hears it in time."""
        documents = await self.world.documents()
        taken = {compare.cell(text) for document in documents for text in document.get("cells", [])}
        if faults := list(self._disagreements(self.world.desk.booking.memory, taken)):
            await asyncio.sleep(within)
            faults = list(self._disagreements(self.world.desk.booking.memory, taken))
            if faults:
                raise Impossible(f"memory is wrong about {faults[:5]}")
        try:
            async with asyncio.timeout(within):
                while any(self._disagreements(self.world.elsewhere, taken)):
                    await asyncio.sleep(0.002)
        except TimeoutError:
            faults = list(self._disagreements(self.world.elsewhere, taken))
            raise Impossible(f"the other process is wrong about {faults[:5]}") from None

    def _disagreements(self, memory: Memory, taken: set[tuple[str, datetime]]) -> Iterator[tuple[str, datetime, bool]]:
        model = self.model
        today = local_day(model.now)
        for staff in (False, True):
            for day in range(town.STAFF_HORIZON + 1):
                cells = {
                    (lane, cell)
                    for lane in LANES
                    for cell in model.opening.cells(lane, today + timedelta(days=day))
                    if cell > model.now
                }
                for team in (town.COUNTER, ROOMS):
                    for cell in {cell for lane, cell in cells if LANES[lane] == team}:
                        expected = {
                            lane
                            for lane, of in LANES.items()
                            if of == team
                            and (lane, cell) not in taken
                            and model.opening.may_book(lane, cell, staff=staff, now=model.now)
                        }
                        found = self.world.free_lanes(memory, team, cell, staff=staff)
                        if set(found) != expected:
                            yield team, cell, staff

    def teardown(self) -> None:
        if not self.sound:
            return
        documents = self.run(self.world.documents())
        found: Counter[tuple[str, str, str]] = Counter()
        for day, service, figure, amount in self.world.figures(documents):
            if figure == "lead_days":
                found[day, service, f"lead_days={amount}"] += 1
            else:
                found[day, service, figure] += amount
        if +found != compare.figures(self.model):
            raise Impossible(f"figures differ: {found} {compare.figures(self.model)}")


def _local(moment: datetime) -> datetime:
    """As the office's file writes it."""
    return moment.astimezone(ZONE).replace(tzinfo=None)


def test_every_order_of_commands_keeps_the_promises(servers: Stack) -> None:
    loop = asyncio.new_event_loop()
    stack = AsyncExitStack()
    try:
        Machine.loop = loop
        Machine.world = loop.run_until_complete(stack.enter_async_context(a_world(servers)))
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            Machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                derandomize=True,
                deadline=None,
                database=None,
                phases=PHASES,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        loop.run_until_complete(stack.aclose())
        loop.close()


@pytest.mark.parametrize("module", ["town", "visit", "model", "day", "compare"])
def test_the_model_shares_no_code_with_the_service(module: str) -> None:
    tree = ast.parse((Path(__file__).parent / f"{module}.py").read_text())
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    ours = [name for name in imported if name.split(".")[0] in ("services", "shared", "deploy", "tests", "bench")]
    assert all(name.startswith("tests.integration.machine.") for name in ours)
    assert not any(name.endswith((".world", ".test_machine")) for name in ours)
