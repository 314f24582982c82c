"""A document that a newer version wrote is read by this one: both serve while one replaces the other."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from services.booking.domain.appointment import Call, CallAct, Cooling, Offer, Wish
from services.booking.storage.documents import to_appointment, to_document
from tests.builders import MONDAY, a_confirmed


def with_news(value: Any) -> Any:
    """A field that nobody knows yet, in every document inside and in the whole."""
    if isinstance(value, dict):
        return {**{key: with_news(inside) for key, inside in value.items()}, "of_the_next_version": 1}
    return [with_news(one) for one in value] if isinstance(value, list | tuple) else value


def test_fields_that_nobody_knows_yet_change_nothing_wherever_they_stand() -> None:
    later = MONDAY + timedelta(hours=2)
    cells = ("service_point|counter_1|20261207T0800Z",)
    appointment = replace(
        a_confirmed(),
        cooling=(Cooling(cells, later),),
        wish=Wish(first=date(2026, 12, 1), last=date(2026, 12, 9)),
        offer=Offer(team="service_point", lane="counter_1", starts_at=MONDAY, ends_at=later, expires_at=later),
        call=Call("confirmation", "not_sent", MONDAY, later, acts=(CallAct("taken", MONDAY, "ada"),)),
    )
    document = {**to_document(appointment), "_id": appointment.id}
    assert document["call"]["acts"]
    assert to_appointment(with_news(document)) == appointment
