"""What citizens do: hold, confirm, move, cancel, wait for another time."""

from collections.abc import Awaitable
from typing import Any

from hypothesis import strategies as st

from tests.integration.machine import compare
from tests.integration.machine.acts import (
    CORRECTED,
    Act,
    Acts,
    address,
    can,
    group,
    instead,
    name,
    number,
    service,
)
from tests.integration.machine.town import LANES
from tests.integration.machine.visit import Visit
from tests.integration.machine.world import STAFF


class Citizens(Acts):
    @can(number=number, service=service, name=name, group=group)
    def hold(self, number: int, service: str, name: str, group: tuple[int, int]) -> None:
        self.tick()
        place = self.new()
        places, kids = self.a_group(number, group)
        start = self.a_start(number, service, name, len(places), kids, staff=False)
        self._hold(place, {"service": service, "name": name, "start": start, "places": places, "kids": kids})

    def _hold(self, place: int, values: dict[str, Any]) -> None:
        id = self.world.id_of(place)
        self.asked[place] = values
        self.do(self.world.hold(place, **values), lambda model, told: model.hold(told, id=id, **values))

    @can(number=number)
    def hold_again(self, number: int) -> None:
        """The same request, sent twice."""
        if self.asked:
            self.tick()
            place = sorted(self.asked)[number % len(self.asked)]
            self._hold(place, self.asked[place])

    @can(number=number)
    def extend(self, number: int) -> None:
        if visit := self.pick(number, "held"):
            self.tick()
            id = visit.id
            self.do(self.world.desk.booking.extend(id), lambda model, told: model.extend(told, id=id))

    @can(number=number, address=address, given=st.sampled_from([None, "Ayse"]))
    def contact(self, number: int, address: str, given: str | None) -> None:
        if visit := self.pick(number, "held", "requested"):
            self.tick()
            self._contact(visit.id, (address, given))

    def _contact(self, id: str, contact: tuple[str, str | None]) -> None:
        self.do(
            self.world.contact(id, contact),
            lambda model, told: model.contact(told, id=id, contact=contact, address=contact[0]),
        )

    @can(number=number)
    def message_sent(self, number: int) -> None:
        if visit := self.pick(number, "requested"):
            self.tick()
            id = visit.id
            self.do(self.world.message_sent(id), lambda model, told: model.message_sent(told, id=id))

    @can(number=number, instead=instead)
    def confirm(self, number: int, instead: str | None) -> None:
        if visit := self.pick(number, "requested"):
            self.tick()
            self._confirm(visit.id, right=number % 16 != 3, instead=instead)

    @can(number=number)
    def confirm_too_late(self, number: int) -> None:
        """Nobody has swept yet, and still it has run out."""
        late = [visit for visit in self.model.visits.values() if visit.status == "requested" and visit.expires]
        if late:
            visit = late[number % len(late)]
            assert visit.expires
            self.model.now = max(self.model.now, visit.expires)
            self.tick()
            self._confirm(visit.id)

    def _confirm(self, id: str, *, right: bool = True, instead: str | None = None) -> None:
        self.do(
            self.world.confirm(id, right=right, instead=instead),
            lambda model, told: model.confirm(told, id=id, right=right, instead=instead),
        )

    @can(number=number, service=service, name=name, group=group, address=address)
    def book_online(self, number: int, service: str, name: str, group: tuple[int, int], address: str) -> None:
        """Hold, contact and confirmation in a row: most visits go this way."""
        self.hold(number, service, name, group)
        if (visit := self.model.visits.get(self.world.id_of(self.place))) and visit.status == "held":
            compare.compare(self.model, self.documents)
            self._contact(visit.id, (address, None))
            compare.compare(self.model, self.documents)
            self._confirm(visit.id)

    @can(number=number, staff=st.booleans(), lane=st.sampled_from([None, *LANES]))
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

    @can(number=number, lane=st.sampled_from(sorted(LANES)))
    def assign(self, number: int, lane: str) -> None:
        if visit := self.pick(number, "confirmed", "checked_in"):
            self.tick()
            id = visit.id
            command = self.world.counter.assign(id, lane, by=STAFF[0])
            self.do(command, lambda model, told: model.assign(told, id=id, lane=lane))

    @can(number=number, who=st.sampled_from(["citizen", "citizen", "staff", "office"]))
    def cancel(self, number: int, who: str) -> None:
        if not (visit := self.pick(number, "held", "requested", "waiting", "confirmed", "checked_in")):
            return
        self.tick()
        id = visit.id
        if who == "office":
            self._office_cancels(visit)
        elif who == "staff":
            command = self.world.counter.cancel(id, by=STAFF[0])
            self.do(command, lambda model, told: model.cancel(told, id=id, staff=True))
        else:
            self.do(self.world.desk.booking.cancel(id), lambda model, told: model.cancel(told, id=id))

    def _office_cancels(self, visit: Visit) -> None:
        id = visit.id
        command = self.world.counter.office_cancel(id, by=STAFF[0], reason="closure")
        self.do(command, lambda model, told: model.office_cancel(told, id=id))

    @can(number=number)
    def restore(self, number: int) -> None:
        if visit := self.pick(number, "cancelled"):
            self.tick()
            id = visit.id
            self.do(self.world.desk.booking.restore(id), lambda model, told: model.restore(told, id=id))

    @can(number=number, group=group)
    def resize(self, number: int, group: tuple[int, int]) -> None:
        if visit := self.pick(number, "confirmed"):
            self.tick()
            id = visit.id
            places, kids = self.a_group(number, group)
            self.do(
                self.world.resize(id, places, kids),
                lambda model, told: model.resize(told, id=id, places=places, kids=kids),
            )

    @can(number=number, staff=st.booleans(), small=st.booleans())
    def correct(self, number: int, staff: bool, small: bool) -> None:
        if visit := self.pick(number, "confirmed", "waiting"):
            self.tick()
            id, first = visit.id, visit.first_name or visit.name
            new = CORRECTED.get(first, first) if small else "Quitte"
            self.do(
                self.world.correct(id, new, STAFF[0] if staff else None),
                lambda model, told: model.correct(told, id=id, name=new, small=small, staff=staff),
            )

    @can(number=number, sms=st.booleans(), wanted=st.booleans())
    def want(self, number: int, sms: bool, wanted: bool) -> None:
        """SMS are wanted or not any more, or reminders."""
        if visit := self.pick(number, "confirmed", "waiting"):
            self.tick()
            id = visit.id
            self.do(
                self.world.want(id, sms=sms, wanted=wanted),
                lambda model, told: model.want(told, id=id, sms=sms, wanted=wanted),
            )

    # The waiting list

    @can(number=number, service=service, name=name, address=address)
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

    @can(number=number)
    def join_waiting_list(self, number: int) -> None:
        if visit := self.pick(number, "confirmed"):
            self.tick()
            id, wish = visit.id, self.a_wish(number)
            self.do(self.world.join(id, wish), lambda model, told: model.join(told, id=id, wish=wish))

    @can(number=number)
    def leave_waiting_list(self, number: int) -> None:
        if visit := self.pick(number, "confirmed"):
            self.tick()
            id = visit.id
            self.do(self.world.waiting.leave(id), lambda model, told: model.leave(told, id=id))

    @can()
    def offer(self) -> None:
        self.tick()
        had = {visit.id for visit in self.model.visits.values() if visit.offer}
        self.run(self.world.waiting.offer_all())
        self.look()
        offers = {d["_id"]: d["offer"] for d in self.documents if "offer" in d and d["_id"] not in had}
        self.model.offers(
            {id: (o["lane"], o["starts_at"], o["ends_at"], o["expires_at"]) for id, o in offers.items()}
        )

    @can(number=number)
    def decline_and_wait(self, number: int) -> None:
        """Whoever said no today hears of no other time today."""
        self.offer()
        if any(visit.offer for visit in self.model.visits.values()):
            compare.compare(self.model, self.documents)
            self.answer_offer(number, accept=False)
            compare.compare(self.model, self.documents)
            self.offer()

    def _offered(self, number: int) -> Visit | None:
        found = [visit for visit in self.model.visits.values() if visit.offer]
        return found[number % len(found)] if found else self.pick(number, "waiting", "confirmed")

    @can(number=number, accept=st.booleans())
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
