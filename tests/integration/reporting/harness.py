"""Reporting without HTTP and RabbitMQ around it, on a real MongoDB."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from services.reporting.domain import Group
from services.reporting.handlers import handlers
from services.reporting.refresher import Refresher
from services.reporting.storage import Facts, Figures, Lease, Offices, Query, Row
from shared.contracts import parse_event
from shared.mongo import Database
from tests.integration.reporting.stories import BERLIN, Counts, Wire, body
from tests.recount import Place, tells

EVER = Query(since=date(2026, 1, 1), until=date(2028, 1, 1), groups=tuple(Group))
_LEASE = timedelta(seconds=30)


@dataclass
class Reporting:
    """One process of the service, without HTTP and RabbitMQ around it."""

    database: Database
    lease_length: timedelta = _LEASE
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.facts = Facts(self.database, zone=BERLIN, changed=self.changed)
        self.figures = Figures(self.database)
        self.lease = Lease(self.database["leases"], name="refresher", length=self.lease_length)
        self.refresher = self.refresher_of(self.facts, self.figures)
        self._on = handlers(facts=self.facts, offices=Offices(self.database)).by_queue

    def refresher_of(self, facts: Facts, figures: Figures) -> Refresher:
        return Refresher(facts=facts, figures=figures, lease=self.lease, zone=BERLIN, changed=self.changed)

    async def hear(self, events: Iterable[Wire]) -> None:
        await asyncio.gather(*(self._handle(event) for event in events))

    async def _handle(self, event: Wire) -> None:
        handler = next(on[event["type"]] for on in self._on.values() if event["type"] in on)
        await handler(parse_event(body(event)))

    async def refresh(self) -> None:
        """Until nothing is dirty; the first call only finds out who holds the lease."""
        await self.refresher.refresh()
        while await self.refresher.refresh():
            pass

    async def told(self) -> dict[Place, Counts]:
        return told_of(await self.figures.rows(EVER))


def told_of(rows: Iterable[Row]) -> dict[Place, Counts]:
    return {
        row.groups: {name: n for name, n in row.values.items() if n is not None and tells(name, n)} for row in rows
    }
