"""What the machine can do, and how it asks the service and then the model."""

import asyncio
import copy
import itertools
from collections.abc import Awaitable, Callable, Coroutine
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from tests.integration.machine import compare, town
from tests.integration.machine.day import Whole
from tests.integration.machine.town import CELL, HERE, local_day
from tests.integration.machine.visit import Impossible, Told, Visit
from tests.integration.machine.world import World

# Always the same choices, whatever the state is: what they mean is decided by the state.
number = st.integers(0, 999)
service = st.sampled_from(sorted(town.SERVICES))
name = st.sampled_from(["Adam", "Bauer", "Meier", "Zorn"])
group = st.sampled_from([(1, 0), (1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)])
address = st.sampled_from(["a@example.org", "b@example.org"])
instead = st.sampled_from([None, None, "keep", "move", "another_person"])
CORRECTED = {"Adam": "Adams", "Bauer": "Baur", "Meier": "Meyer", "Zorn": "Zorn Bauer"}

Act = Callable[[Whole, Told], None]


# What can be done, by name, and how often compared with the others.
ACTS: dict[str, st.SearchStrategy[Any]] = {}
OFTEN = {
    "book_online": 5,
    "book": 3,
    "wait": 4,
    "offer": 3,
    "answer_offer": 3,
    "enter_waiting_list": 2,
    "cancel": 2,
    "resize": 3,
    "come": 4,
    "contact": 3,
    "hold": 2,
    "restore": 2,
}


def can(**arguments: st.SearchStrategy[Any]) -> Callable[[Any], Any]:
    """One thing to do. Rules of their own would be switched off in most runs: this way all are in each."""

    def known(method: Any) -> Any:
        name = method.__name__
        ACTS[name] = st.tuples(st.just(name), st.fixed_dictionaries(arguments))
        return method

    return known


def anything() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.sampled_from([name for name in ACTS for _ in range(OFTEN.get(name, 1))]).flatmap(ACTS.__getitem__)


class Acts(RuleBasedStateMachine):
    world: ClassVar[World]
    loop: ClassVar[asyncio.AbstractEventLoop]

    def __init__(self) -> None:
        super().__init__()
        self.model = Whole()
        self.documents: list[Any] = []
        self.place = 0
        # What was asked for by each key.
        self.asked: dict[int, dict[str, Any]] = {}
        self.sound = False

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    # How a rule works: the command, then what the model says to its answer

    def tick(self) -> None:
        self.sound = False
        self.model.now += timedelta(milliseconds=10)
        self.world.desk.clock.stands_at = self.model.now

    def do(self, command: Awaitable[Any], act: Act) -> Told:
        told: Told = self.run(self.world.ask(command))
        self.look()
        act(self.model, told)
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
        free = self.model.starts(service, name, length, staff=staff) if number % (2 if staff else 4) else []
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

    def a_group(self, number: int, group: tuple[int, int]) -> tuple[tuple[str, ...], int]:
        persons, kids = group
        places = (HERE,) * persons
        if number % 31 == 1:
            places = (*places, town.ELSEWHERE)
        if number % 37 == 1:
            places = (HERE,) * (town.MOST_PERSONS + 1)
        return places, kids
