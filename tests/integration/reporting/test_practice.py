"""What an office's people only practise is in no figure."""

from collections.abc import Iterator

import pytest

from services.reporting.storage import Offices
from shared.contracts import EVENTS
from shared.mongo import Database
from tests.integration.reporting.harness import Reporting
from tests.integration.reporting.stories import Wire, an_office, office_life

pytestmark = pytest.mark.anyio


async def test_practice_becomes_no_fact_and_no_office(mongodb: Database) -> None:
    reporting = Reporting(mongodb)
    await reporting.facts.ensure_indexes()
    await reporting.figures.ensure_indexes()
    events = [an_office("balingen", "Balingen"), an_office("balingen-uebung", "Balingen (Übung)")]
    real, practised = office_life(3, office="balingen"), list(_practised(office_life(4, office="balingen")))

    await reporting.hear([*events, *real])
    await reporting.refresh()
    before = await reporting.told()
    await reporting.hear(practised)
    await reporting.refresh()

    assert before
    assert await reporting.told() == before
    assert [office.id for office in await Offices(mongodb).all()] == ["balingen"]
    # Each kind that reporting knows was practised, or nothing is known of those that were not.
    heard = {kind.rsplit(".", 1)[0].split(".")[0] for kind in (event["type"] for event in practised)}
    assert heard == {"appointment", "notification", "demand", "capacity", "free_times"}
    assert {event["type"] for event in practised} <= EVENTS.keys()


def _practised(events: list[Wire]) -> Iterator[Wire]:
    """The same life under ids of its own, in the office for practice."""
    for event in events:
        yield {
            **event,
            "subject": f"{event['subject']}-p",
            "data": {**event["data"], **_of_practice(event["data"])},
        }


def _of_practice(data: Wire) -> Wire:
    ids: Wire = {name: f"{data[name]}-p" for name in ("appointment", "delivery") if name in data}
    return {**ids, "office": "balingen-uebung"}
