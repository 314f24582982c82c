"""What reporting hears. Each event becomes a fact; one that is not newer than the fact changes nothing."""

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from services.reporting.domain import (
    AppointmentFact,
    CapacityFact,
    DemandFact,
    Found,
    FreeTimesFact,
    MessageFact,
    Planned,
    Step,
)
from services.reporting.storage import Facts, Offices
from shared.contracts import (
    EVENTS,
    AppointmentState,
    Capacity,
    CapacityPlanned,
    Demand,
    DemandMeasured,
    FreeService,
    FreeTimes,
    FreeTimesMeasured,
    NotificationDelivered,
    NotificationExpired,
    NotificationFailed,
    NotificationSent,
    NotificationSuperseded,
    NotificationUndeliverable,
    OfficePublished,
)
from shared.contracts.appointments import AppointmentEvent
from shared.contracts.offices import is_training
from shared.messaging import Handlers

REBUILD = "reporting.rebuild"
# Whatever happens to an appointment comes with its whole state.
_APPOINTMENT_EVENTS = [event for event in EVENTS.values() if issubclass(event, AppointmentEvent)]
NotificationEvent = (
    NotificationSent
    | NotificationDelivered
    | NotificationFailed
    | NotificationUndeliverable
    | NotificationExpired
    | NotificationSuperseded
)


def handlers(*, facts: Facts, offices: Offices) -> Handlers:
    on = Handlers()

    @on("reporting.appointments", *_APPOINTMENT_EVENTS)
    async def record_appointment(event: AppointmentEvent) -> None:
        fact = appointment_fact(event.data)
        await facts.apply(fact, id=event.data.appointment, sequence=event.sequence)

    @on("reporting.appointments", DemandMeasured)
    async def record_demand(event: DemandMeasured) -> None:
        await facts.apply(demand_fact(event.data), id=event.subject, sequence=event.sequence)

    @on(
        "reporting.notifications",
        NotificationSent,
        NotificationDelivered,
        NotificationFailed,
        NotificationUndeliverable,
        NotificationExpired,
        NotificationSuperseded,
    )
    async def record_message(event: NotificationEvent) -> None:
        await facts.apply(message_fact(event), id=event.data.delivery, sequence=event.sequence)

    @on("reporting.offices", OfficePublished)
    async def record_office(event: OfficePublished) -> None:
        office = event.data.model_dump(mode="json", by_alias=True)
        await offices.apply(office, id=event.data.id, sequence=event.sequence)

    @on("reporting.offices", CapacityPlanned)
    async def record_capacity(event: CapacityPlanned) -> None:
        await facts.apply(capacity_fact(event.data), id=event.subject, sequence=event.sequence)

    @on("reporting.offices", FreeTimesMeasured)
    async def record_free_times(event: FreeTimesMeasured) -> None:
        await facts.apply(free_times_fact(event.data), id=event.subject, sequence=event.sequence)

    on.by_queue = {
        queue: {type: _of_real_offices(handle) for type, handle in by_type.items()}
        for queue, by_type in on.by_queue.items()
    }
    return on


def _of_real_offices(handle: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
    """What is only practised becomes no fact: no figure has to leave it out, and none can forget to."""

    @wraps(handle)
    async def heard(event: Any) -> None:
        office = event.data.id if isinstance(event, OfficePublished) else event.data.office
        if not is_training(office):
            await handle(event)

    return heard


def rebuild_handlers(*, facts: Facts, offices: Offices) -> Handlers:
    """The same for what is told again while a database is rebuilt: one queue for all of it."""
    again = Handlers()
    heard = handlers(facts=facts, offices=offices).by_queue.values()
    again.by_queue = {REBUILD: {type: handler for by_type in heard for type, handler in by_type.items()}}
    return again


def appointment_fact(state: AppointmentState) -> AppointmentFact:
    return AppointmentFact(
        office=state.office,
        service=state.service,
        team=state.team,
        municipality=state.municipalities[0] if state.municipalities else "",
        channel=state.channel,
        persons=state.persons,
        children_under_6=state.children_under_6,
        starts_at=state.starts_at,
        ends_at=state.ends_at,
        steps=tuple(Step(step.step, step.at, step.by) for step in state.steps),
        language=state.language or "",
        emergency=state.emergency,
        accepted_at=state.accepted_at,
        waiting_minutes=state.waiting_minutes,
        handling_minutes=state.handling_minutes,
    )


def demand_fact(demand: Demand) -> DemandFact:
    return DemandFact(
        office=demand.office,
        minute=demand.minute,
        searches=demand.searches,
        searches_without_result=demand.searches_without_result,
        slot_taken=demand.slot_taken,
        out_of_area=tuple(sorted(demand.out_of_area.items())),
        proofs_asked=demand.proofs_asked,
        proofs_failed=demand.proofs_failed,
        refused=demand.refused,
        many_holds=demand.many_holds,
        quick_rebookings=demand.quick_rebookings,
    )


def capacity_fact(capacity: Capacity) -> CapacityFact:
    teams = (Planned(team.team, team.minutes, team.online_minutes) for team in capacity.teams)
    return CapacityFact(office=capacity.office, day=capacity.day.isoformat(), teams=tuple(teams))


def free_times_fact(free: FreeTimes) -> FreeTimesFact:
    return FreeTimesFact(office=free.office, hour=free.hour, services=tuple(map(_found, free.services)))


def _found(service: FreeService) -> Found:
    often = Counter(days for days in service.days if days is not None)
    return Found(service.service, service.team, tuple(sorted(often.items())), service.days.count(None))


def message_fact(event: NotificationEvent) -> MessageFact:
    """The outcome stands in the event's type: `notification.sent.v1`."""
    outcome, state = event.type.split(".")[1], event.data
    went_out = outcome in ("sent", "delivered")
    return MessageFact(
        office=state.office,
        channel=state.channel,
        outcome=outcome,
        at=state.sent_at if went_out and state.sent_at else event.time,
        purpose=state.purpose,
        due_at=state.due_at,
        delivered_at=state.delivered_at,
    )
