from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.reporting.domain import (
    AppointmentFact,
    Bucket,
    DemandFact,
    MessageFact,
    Tally,
    buckets_of,
)

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def an_appointment(*steps: tuple[str, datetime], starts_at: datetime = MONDAY) -> AppointmentFact:
    return AppointmentFact(
        office="office",
        service="eat_pickup",
        team="service_point",
        municipality="08417031",
        channel="web",
        persons=3,
        children_under_6=1,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=25),
        steps=steps,
    )


def bucket(day: str, **parts: str) -> str:
    where = {"service": "eat_pickup", "team": "service_point", "municipality": "08417031", "channel": "web"}
    return Bucket("office", day, **(parts or where)).key


def tallies(*facts: AppointmentFact | DemandFact | MessageFact) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for fact in facts:
        for entry in fact.entries(BERLIN):
            found.setdefault(entry.key, Tally()).add(entry)
    return found


def test_each_step_counts_on_its_own_day() -> None:
    friday, monday = datetime(2026, 11, 20, 9, tzinfo=UTC), datetime(2026, 11, 23, 7, tzinfo=UTC)
    found = tallies(an_appointment(("held", friday), ("requested", friday), ("confirmed", monday)))
    assert found[bucket("2026-11-20")].sums == {"held": 1, "requested": 1}
    assert found[bucket("2026-11-23")].sums["confirmed"] == 1


def test_day_turns_at_local_midnight() -> None:
    before = datetime(2026, 11, 22, 22, 59, tzinfo=UTC)
    after = before + timedelta(minutes=1)
    found = tallies(an_appointment(("held", before), ("requested", after)))
    assert found[bucket("2026-11-22")].sums == {"held": 1}
    assert found[bucket("2026-11-23")].sums == {"requested": 1}


def test_lead_days_follow_local_calendar_across_clock_change() -> None:
    late_on_saturday = datetime(2026, 10, 24, 21, 30, tzinfo=UTC)  # 23:30 in summer time
    start = datetime(2026, 10, 25, 23, 15, tzinfo=UTC)  # Monday 00:15 in winter time
    found = tallies(an_appointment(("confirmed", late_on_saturday), starts_at=start))
    assert found[bucket("2026-10-24")].lead_days == {2: 1}


def test_persons_count_once_however_often_moved() -> None:
    found = tallies(
        an_appointment(("held", MONDAY), ("confirmed", MONDAY), ("rescheduled", MONDAY), ("rescheduled", MONDAY))
    )
    assert found[bucket("2026-11-23")].sums["persons"] == 3
    assert found[bucket("2026-11-23")].sums["persons_under_6"] == 1
    assert found[bucket("2026-11-23")].sums["rescheduled"] == 2


def test_unconfirmed_appointment_books_no_minutes_or_persons() -> None:
    found = tallies(an_appointment(("held", MONDAY), ("expired", MONDAY)))
    assert found[bucket("2026-11-23")].sums == {"held": 1, "expired": 1}


def test_minutes_stand_on_day_of_visit_until_cancelled() -> None:
    visit = MONDAY + timedelta(days=7)
    booked = an_appointment(("confirmed", MONDAY), starts_at=visit)
    assert tallies(booked)[bucket("2026-11-30")].sums == {"booked_minutes": 25}
    cancelled = an_appointment(("confirmed", MONDAY), ("cancelled", MONDAY), starts_at=visit)
    assert buckets_of(cancelled, BERLIN) == [bucket("2026-11-23")]


def test_unknown_step_changes_no_figure() -> None:
    assert buckets_of(an_appointment(("teleported", MONDAY)), BERLIN) == []


def test_message_counts_by_outcome_and_channel() -> None:
    found = tallies(MessageFact(office="office", channel="sms", outcome="undeliverable", at=MONDAY))
    assert found[bucket("2026-11-23", channel="sms")].sums == {"messages_undeliverable": 1}


def test_demand_counts_out_of_area_by_municipality() -> None:
    fact = DemandFact("office", MONDAY, 7, 2, 0, (("08417079", 3),))
    found = tallies(fact)
    assert found[Bucket("office", "2026-11-23").key].sums == {"searches": 7, "searches_without_result": 2}
    assert found[bucket("2026-11-23", municipality="08417079")].sums == {"out_of_area": 3}


def test_bucket_survives_separator_in_a_name() -> None:
    odd = Bucket("a|b", "2026-11-23", channel="x|y")
    assert Bucket.from_key(odd.key) == Bucket("a/b", "2026-11-23", channel="x/y")
