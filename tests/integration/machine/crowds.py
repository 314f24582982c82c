"""Several who want something at the same moment."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from tests.integration.machine.acts import Act, can, name, number, service
from tests.integration.machine.staff import Staff
from tests.integration.machine.town import HERE
from tests.integration.machine.visit import Visit
from tests.integration.machine.world import STAFF


class Crowds(Staff):
    @can(number=number, service=service, name=name, many=st.integers(2, 8))
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

    @can(number=number, other=st.sampled_from(["extend", "cancel", "erase"]))
    def extend_at_once_with(self, number: int, other: str) -> None:
        if visit := self.pick(number, "held"):
            self.tick()
            self.at_once(self._one(visit, "extend"), self._one(visit, other))

    @can(number=number, other=st.sampled_from(["cancel", "cancel", "confirm", "erase"]))
    def confirm_at_once_with(self, number: int, other: str) -> None:
        if visit := self.pick(number, "requested"):
            self.tick()
            self.at_once(self._one(visit, "confirm"), self._one(visit, other))

    @can(
        number=number,
        one=st.sampled_from(["accept", "decline"]),
        other=st.sampled_from(["cancel", "decline", "accept", "leave"]),
    )
    def answer_at_once_with(self, number: int, one: str, other: str) -> None:
        if visit := self._offered(number):
            self.tick()
            self.at_once(self._one(visit, one), self._one(visit, other))

    @can(
        number=number,
        one=st.sampled_from(["cancel", "move", "check_in", "staff_cancel"]),
        other=st.sampled_from(["cancel", "move", "staff_move", "erase", "office_cancel", "check_in", "restore"]),
    )
    def two_about_one(self, number: int, one: str, other: str) -> None:
        if visit := self.pick(number, "confirmed"):
            self.tick()
            self.at_once(self._one(visit, one, number), self._one(visit, other, number + 1))

    @can(number=number)
    def two_call_the_same_person(self, number: int) -> None:
        visit = self.pick(number, "checked_in")
        if visit:
            self.tick()
            self.at_once(*(self._one(visit, f"call_{who}") for who in (0, 1)))

    @can(number=number, many=st.integers(2, 4))
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
            "extend": (lambda: booking.extend(id), lambda model, told: model.extend(told, id=id)),
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
