"""Figures against a plain recount, for any life of an appointment; on a real database in tests/integration."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.reporting.domain import Bucket, Tally, merged
from services.reporting.handlers import (
    appointment_fact,
    capacity_fact,
    demand_fact,
    free_times_fact,
    message_fact,
)
from shared.contracts import (
    CapacityPlanned,
    DemandMeasured,
    FreeTimesMeasured,
    NotificationSent,
    parse_event,
)
from shared.contracts.appointments import AppointmentEvent
from shared.contracts.notifications import NotificationEvent
from tests.integration.reporting.stories import Wire, a_message, an_appointment, body, office_life, recount
from tests.recount import Place, Values, tells

BERLIN = ZoneInfo("Europe/Berlin")
# The clock changes in the night to 25 October.
_MOMENTS = st.datetimes(datetime(2026, 10, 23), datetime(2026, 10, 28), timezones=st.just(UTC))  # noqa: DTZ001
_STEPS = st.sampled_from(
    [
        "held",
        "requested",
        "confirmation_sent",
        "confirmed",
        "confirmed!",
        "rescheduled",
        "rescheduled!",
        "cancelled",
        "cancelled:staff",
        "office_cancelled:staff",
        "restored",
        "expired:system",
        "joined_waiting_list",
        "offered:system",
        "offer_ended",
        "offer_ended:system",
        "checked_in",
        "called:staff",
        "in_service:staff",
        "completed:staff",
        "no_show:staff",
        "anonymised:system",
    ]
)
_LIVES = st.builds(
    lambda steps, at, takes, ahead, **told: an_appointment(
        "a", *steps, at=at, step_takes=takes, starts_at=at + ahead, **told
    ),
    st.lists(_STEPS, min_size=1, max_size=9),
    _MOMENTS,
    st.timedeltas(timedelta(seconds=1), timedelta(days=1)),
    st.timedeltas(timedelta(days=-1), timedelta(days=40)),
    persons=st.integers(1, 4),
    channel=st.sampled_from(["web", "helper", "phone", "counter"]),
    language=st.sampled_from([None, "de", "uk"]),
    emergency=st.booleans(),
    waiting_minutes=st.none() | st.integers(0, 90),
    handling_minutes=st.none() | st.integers(0, 90),
)
_MESSAGES = st.builds(
    lambda outcome, at, late: a_message("m", outcome, at=at, due_at=(at - late).isoformat()),
    st.sampled_from(["sent", "delivered", "failed", "undeliverable", "superseded", "expired"]),
    _MOMENTS,
    st.timedeltas(timedelta(seconds=-9), timedelta(days=2)),
)


def told(*events: Wire) -> dict[Place, Values]:
    """What reporting makes of the newest events, one of each subject, without a database."""
    tallies: dict[str, Tally] = {}
    for event in events:
        for entry in _fact(parse_event(body(event))).entries(BERLIN):
            tallies.setdefault(entry.key, Tally()).add(entry)
    return {_place(key): values for key, tally in tallies.items() if (values := _values(tally))}


def _fact(event: Any) -> Any:
    match event:
        case AppointmentEvent():
            return appointment_fact(event.data)
        case NotificationEvent():
            assert not isinstance(event, NotificationSent) or event.data.sent_at
            return message_fact(event)  # type: ignore[arg-type]
        case DemandMeasured():
            return demand_fact(event.data)
        case CapacityPlanned():
            return capacity_fact(event.data)
        case FreeTimesMeasured():
            return free_times_fact(event.data)
    raise AssertionError(event)


def _place(key: str) -> Place:
    bucket = Bucket.from_key(key)
    return tuple(part or None for part in (bucket.day, bucket.office, *bucket[2:]))


def _values(tally: Tally) -> Values:
    return {name: value for name, value in tally.values().items() if value is not None and tells(name, value)}


@given(life=_LIVES)
def test_whatever_happens_to_an_appointment_counts_as_defined(life: list[Wire]) -> None:
    assert told(life[-1]) == recount(life)


@given(message=_MESSAGES)
def test_whatever_becomes_of_a_message_counts_as_defined(message: Wire) -> None:
    assert told(message) == recount([message])


@given(seed=st.integers(0, 10_000), kept=st.sets(st.integers(0, 9)))
def test_parts_add_up_to_the_whole_wherever_it_is_cut(seed: int, kept: set[int]) -> None:
    """Sums and histograms of any two parts together are those of all."""
    newest = {event["subject"]: event for event in office_life(seed, appointments=12)}
    parts: list[list[Tally]] = [[], []]
    for number, event in enumerate(newest.values()):
        tally = Tally()
        for entry in _fact(parse_event(body(event))).entries(BERLIN):
            tally.add(entry)
        parts[number % 10 in kept].append(tally)
    halves = [merged(part) for part in parts]
    assert merged(halves) == merged([*parts[1], *parts[0]])
    assert merged(halves).values() == merged([*parts[0], *parts[1]]).values()
