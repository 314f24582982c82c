"""The projections: at rest the figures are a plain recount, whatever came how often and in what order."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from services.reporting.handlers import handlers
from services.reporting.refresher import Refresher
from services.reporting.storage import Facts, Figures, Lease, Offices
from shared.lifecycle import running
from tests.integration.reporting.stories import (
    BERLIN,
    START,
    Counts,
    Wire,
    a_message,
    a_minute,
    an_appointment,
    body,
    recount,
)
from tests.recount import GROUPS, Place, worked_out
from tests.simulation.fakes.messaging import FakePublisher, SimulatedConsumers, as_publisher
from tests.simulation.fakes.rabbitmq import Message
from tests.simulation.process import Process
from tests.simulation.simulation import Simulation
from tests.simulation.world import Violation

_LEASE = timedelta(seconds=5)
_FACTS = ("appointments", "messages", "demand", "capacity", "free_times")
_LIVES = (
    ("held",),
    ("held", "expired"),
    ("held", "requested", "confirmation_sent", "confirmed"),
    ("held", "requested", "confirmed", "cancelled"),
    ("held", "requested", "confirmed", "rescheduled", "rescheduled"),
    ("held", "requested", "confirmed", "rescheduled", "cancelled"),
)


class Projections(Simulation):
    """Up to three processes of reporting, each with its refresher; one at a time writes figures."""

    kind: ClassVar[str] = "projections"
    queues: ClassVar[tuple[str, ...]] = ("reporting.appointments", "reporting.notifications", "reporting.offices")
    labels: ClassVar[tuple[str, ...]] = (
        "appointments.bulk_write",
        "messages.bulk_write",
        "appointments.find",
        "appointments.update_one",
        "figures.bulk_write",
        "leases.find_one_and_update",
        "ack",
    )

    async def main(self, process: Process) -> None:
        database = self.server.database(process)
        publisher = FakePublisher(process, self.broker)
        changed = asyncio.Event()
        facts = Facts(database, zone=BERLIN, changed=changed)
        refresher = Refresher(
            facts=facts,
            figures=Figures(database),
            lease=Lease(database["leases"], name="refresher", length=_LEASE),
            zone=BERLIN,
            changed=changed,
        )
        consumers = SimulatedConsumers(
            process=process,
            broker=self.broker,
            publisher=as_publisher(publisher),
            handlers=handlers(facts=facts, offices=Offices(database)),
            prefetch=self.world.chance.choice((1, 5, 250)),
        )
        self.connections[process] = [publisher, consumers]
        async with running(refresher, publisher, consumers):
            await process.stopping.wait()

    def feed(self) -> None:
        chance = self.world.chance
        self.events: list[Wire] = []
        for number in range(1, chance.randrange(2, 6)):
            self._tell(
                an_appointment(
                    f"a{number}",
                    *chance.choice(_LIVES),
                    at=START + timedelta(hours=chance.randrange(48)),
                    step_takes=timedelta(minutes=chance.choice((1, 700))),
                    persons=chance.randrange(1, 4),
                    municipalities=[chance.choice(("08417031", "08417002"))],
                )
            )
            if chance.random() < 0.6:
                self._tell(self._outcomes(f"m{number}"))
        if chance.random() < 0.5:
            counts = sorted(chance.randrange(9) for _ in range(3))
            self._tell(
                [
                    a_minute(START, sequence=n, searches=c, out_of_area={"08417079": c})
                    for n, c in enumerate(counts, 1)
                ]
            )

    def _outcomes(self, id: str) -> list[Wire]:
        chance = self.world.chance
        outcomes = chance.choice((("sent",), ("superseded",), ("failed", "undeliverable")))
        return [
            a_message(
                id,
                outcome,
                at=START + timedelta(hours=20 * n),
                sequence=n,
                channel=chance.choice(("email", "sms")),
            )
            for n, outcome in enumerate(outcomes, 1)
        ]

    def _tell(self, events: list[Wire]) -> None:
        chance = self.world.chance
        moment = 0.5 + 4 * chance.random()
        for told in events:
            self.events.append(told)
            exchange = "notifications" if told["type"].startswith("notification") else "appointments"
            self.world.at(moment, self.broker.put, Message(told["id"], exchange, told["type"], body(told)))
            moment += chance.choice((0, 0.3, 3)) * chance.random()
        self.fed_until = max(self.fed_until, moment)

    def written(self, collection: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        if before is None or after is None:
            return
        if collection in _FACTS and after["sequence"] < before["sequence"]:
            self.world.fail(
                f"{collection} {after['_id']}: {after['sequence']} took the place of {before['sequence']}"
            )
        if collection == "figures" and after["fence"] < before["fence"]:
            self.world.fail(f"figures {after['_id']}: fence {after['fence']} wrote over {before['fence']}")

    def published(self, message: Message) -> None:
        """Reporting tells nobody anything."""

    def moving(self) -> str | None:
        store = self.server.store
        dirty = sorted(d["_id"] for kind in _FACTS for d in store.documents(kind).values() if "dirty_since" in d)
        return f"{dirty} wait for their figures" if dirty else None

    def verify(self) -> None:
        told, wanted = self._told(), recount(self.events)
        for place in sorted(told.keys() | wanted.keys(), key=str):
            if told.get(place) != wanted.get(place):
                raise Violation(f"{place} says {told.get(place)}, and a recount gives {wanted.get(place)}")

    def _told(self) -> dict[Place, Counts]:
        """Straight from the stored figures."""
        figures: dict[Place, Counts] = {}
        for document in self.server.store.documents("figures").values():
            place = tuple(document[name] or None for name in GROUPS)
            counts = Counter[str](document["sums"])
            values = defaultdict[str, list[int]](list)
            for each in document["values"]:
                values[each["h"]] += [each["v"]] * each["n"]
            if told := worked_out(counts, values):
                figures[place] = told
        return figures
