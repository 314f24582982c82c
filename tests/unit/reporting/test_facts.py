from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.reporting.domain import (
    BY_NAME,
    FIGURES,
    AppointmentFact,
    Bucket,
    CapacityFact,
    DemandFact,
    Fact,
    Found,
    FreeTimesFact,
    MessageFact,
    Planned,
    Ratio,
    Step,
    Sum,
    Tally,
    buckets_of,
    merged,
)

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def an_appointment(
    *steps: tuple[str, datetime] | Step, starts_at: datetime = MONDAY, **told: Any
) -> AppointmentFact:
    values: dict[str, Any] = {
        "office": "office",
        "service": "eat_pickup",
        "team": "service_point",
        "municipality": "08417031",
        "channel": "web",
        "persons": 3,
        "children_under_6": 1,
        "ends_at": starts_at + timedelta(minutes=25),
    }
    return AppointmentFact(**{**values, **told}, starts_at=starts_at, steps=tuple(Step(*step) for step in steps))


def bucket(day: str, **parts: str) -> str:
    where = {"service": "eat_pickup", "team": "service_point", "municipality": "08417031", "channel": "web"}
    return Bucket("office", day, **(parts or where)).key


def at_hour(hour: str, day: str = "2026-11-23") -> str:
    return bucket(day, service="eat_pickup", team="service_point", hour=hour)


def tallies(*facts: Fact) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for fact in facts:
        for entry in fact.entries(BERLIN):
            found.setdefault(entry.key, Tally()).add(entry)
    return found


def total(*facts: Fact) -> Tally:
    return merged(tallies(*facts).values())


def test_each_step_counts_on_its_own_day() -> None:
    friday, monday = datetime(2026, 11, 20, 9, tzinfo=UTC), datetime(2026, 11, 23, 7, tzinfo=UTC)
    found = tallies(an_appointment(("held", friday), ("requested", friday), ("confirmed", monday)))
    assert found[bucket("2026-11-20")].sums == {"held": 1, "requested": 1, "asked_to_confirm": 1}
    assert found[bucket("2026-11-23")].sums["confirmed"] == 1


def test_day_turns_at_local_midnight() -> None:
    before = datetime(2026, 11, 22, 22, 59, tzinfo=UTC)
    after = before + timedelta(minutes=1)
    found = tallies(an_appointment(("held", before), ("requested", after)))
    assert found[bucket("2026-11-22")].sums == {"held": 1}
    assert found[bucket("2026-11-23")].sums == {"requested": 1, "asked_to_confirm": 1}


def test_lead_days_follow_local_calendar_across_clock_change() -> None:
    late_on_saturday = datetime(2026, 10, 24, 21, 30, tzinfo=UTC)  # 23:30 in summer time
    start = datetime(2026, 10, 25, 23, 15, tzinfo=UTC)  # Monday 00:15 in winter time
    found = tallies(an_appointment(("confirmed", late_on_saturday), starts_at=start))
    assert found[bucket("2026-10-24")].histograms["lead_days"] == {2: 1}


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
    assert tallies(booked)[bucket("2026-11-30")].sums == {"booked_minutes": 25, "due": 1}
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


def test_key_of_an_old_bucket_is_as_it_was() -> None:
    """It is stored, and names what came before language, hour and purpose."""
    assert Bucket("o", "2026-11-23", channel="sms").key == "o|2026-11-23||||sms"
    assert Bucket.from_key("o|2026-11-23||||sms") == Bucket("o", "2026-11-23", channel="sms")


def test_fact_stored_before_steps_had_an_author_still_loads() -> None:
    assert Step("held", MONDAY).by == "citizen"


@pytest.mark.parametrize(
    ("ahead", "when"),
    [
        (timedelta(hours=48), "48h"),
        (timedelta(hours=47, minutes=59), "24h"),
        (timedelta(hours=24), "24h"),
        (timedelta(hours=23, minutes=59), "late"),
        (timedelta(0), "after"),
        (-timedelta(minutes=5), "after"),
    ],
)
def test_cancellation_counts_by_whom_and_how_late(ahead: timedelta, when: str) -> None:
    booked = ("confirmed", MONDAY - timedelta(days=9))
    by_office = total(an_appointment(booked, Step("office_cancelled", MONDAY - ahead, "staff"))).sums
    assert (by_office["cancelled_by_office"], by_office[f"office_cancelled_{when}"]) == (1, 1)
    assert by_office["cancelled_by_staff"] == by_office["cancelled_by_citizen"] == 0
    asked = total(an_appointment(booked, Step("cancelled", MONDAY - ahead, "staff"))).sums
    late = "late" if when == "after" else when
    assert (asked["cancelled_by_staff"], asked[f"cancelled_{late}"]) == (1, 1)
    assert asked["cancelled_by_citizen"] == asked["due"] == 0


def test_cancellation_taken_back_is_nobodys() -> None:
    steps = [("confirmed", MONDAY), ("cancelled", MONDAY), ("restored", MONDAY)]
    found = total(an_appointment(*steps)).sums
    assert (found["cancelled"], found["cancelled_by_citizen"], found["due"]) == (1, 0, 1)


def test_hold_that_was_cancelled_was_no_booking() -> None:
    found = total(an_appointment(("held", MONDAY), ("cancelled", MONDAY))).sums
    assert found == {"held": 1, "cancelled": 1}


def test_kept_and_no_show_are_of_booked_appointments() -> None:
    booked, came = ("confirmed", MONDAY), ("checked_in", MONDAY)
    kept = total(an_appointment(booked, came)).sums
    assert (kept["kept"], kept["no_shows"], kept["arrivals"], kept["walk_ins"]) == (1, 0, 1, 0)
    called_in_vain = total(an_appointment(booked, came, ("called", MONDAY), ("no_show", MONDAY))).sums
    assert (called_in_vain["kept"], called_in_vain["no_shows"], called_in_vain["arrivals"]) == (0, 1, 1)
    ticket = total(an_appointment(came)).sums
    assert ticket == {"arrivals": 1, "walk_ins": 1}


def test_waiting_and_handling_stand_at_their_hours() -> None:
    steps = [
        ("confirmed", MONDAY - timedelta(days=3)),
        ("checked_in", MONDAY - timedelta(minutes=10)),
        ("called", MONDAY),
        ("in_service", MONDAY + timedelta(minutes=1)),
        ("completed", MONDAY + timedelta(minutes=21)),
    ]
    found = tallies(an_appointment(*steps, waiting_minutes=10, handling_minutes=20))
    assert found[at_hour("09")].histograms == {"waiting_minutes": {10: 1}}
    assert found[at_hour("10")].histograms == {"handling_minutes": {20: 1}}
    assert found[bucket("2026-11-23")].sums["used_minutes"] == 20
    assert found[bucket("2026-11-23")].sums["served"] == 1


def test_confirmation_after_an_hour_is_not_prompt() -> None:
    def prompt(minutes: int) -> int:
        later = MONDAY + timedelta(minutes=minutes)
        return total(an_appointment(("requested", MONDAY), ("confirmed", later))).sums["confirmed_within_60"]

    assert (prompt(60), prompt(61)) == (1, 0)


def test_offer_is_accepted_declined_or_not_answered() -> None:
    steps = [
        Step("offered", MONDAY, "system"),
        Step("offer_ended", MONDAY, "system"),
        Step("offered", MONDAY, "system"),
        Step("offer_ended", MONDAY, "citizen"),
        Step("offered", MONDAY, "system"),
        Step("confirmed", MONDAY),
    ]
    found = total(an_appointment(("joined_waiting_list", MONDAY), *steps, accepted_at=(MONDAY,)))
    assert found.sums["waiting_list_joined"] == 1
    assert found.sums["waiting_list_offers"] == 3
    for name in ("accepted", "declined", "unanswered"):
        assert found.sums[f"waiting_list_{name}"] == 1
    assert found.value(BY_NAME["waiting_list_accepted_share"]) == 33.3


@pytest.mark.parametrize(
    ("channel", "figure"),
    [("web", "online"), ("helper", "online"), ("phone", "by_phone"), ("counter", "at_counter")],
)
def test_bookings_are_online_by_phone_or_at_the_counter(channel: str, figure: str) -> None:
    found = total(an_appointment(("confirmed", MONDAY), channel=channel)).sums
    assert {name for name in found if name.startswith("booked_") and name != "booked_minutes"} == {
        f"booked_{figure}"
    }


def test_delivered_message_was_sent_as_well() -> None:
    at = MONDAY + timedelta(seconds=90)
    found = tallies(
        MessageFact("office", "sms", "delivered", at, "reminder", MONDAY, delivered_at=at + timedelta(days=1))
    )
    sent = found[bucket("2026-11-23", channel="sms", purpose="reminder")]
    assert (sent.sums, sent.histograms) == ({"messages_sent": 1}, {"message_seconds": {90: 1}})
    assert found[bucket("2026-11-24", channel="sms", purpose="reminder")].sums == {"messages_delivered": 1}


def test_plan_stands_on_its_day_by_team() -> None:
    found = tallies(CapacityFact("office", "2026-12-03", (Planned("one", 300, 200), Planned("two", 0, 0))))
    assert found == {
        bucket("2026-12-03", team="one"): Tally(found[bucket("2026-12-03", team="one")].sums),
    }
    assert found[bucket("2026-12-03", team="one")].sums == {"planned_minutes": 300, "planned_online_minutes": 200}


def test_look_at_free_times_counts_what_was_found_and_what_not() -> None:
    found = total(FreeTimesFact("office", MONDAY, (Found("a", "t", ((3, 2), (9, 1)), 1), Found("b", "t", (), 2))))
    assert found.sums == {"free_time_looks": 6, "free_time_looks_in_vain": 3}
    assert found.histograms == {"next_free_days": {3: 2, 9: 1}}
    assert found.value(BY_NAME["nothing_free_share"]) == 50.0


def test_share_is_of_sums_and_rounded_half_up() -> None:
    """Of 1 in 1 and 0 in 7 it is 12.5 % together, and not the 50 % between 100 and 0."""
    one, seven = Tally(), Tally()
    one.sums.update(no_shows=1)
    seven.sums.update(kept=7)
    rate = BY_NAME["no_show_rate"]
    assert merged([one, seven]).value(rate) == 12.5
    for kept, wanted in ((15, 6.3), (1999, 0.1), (2000, 0.0)):
        tally = Tally()
        tally.sums.update(no_shows=1, kept=kept)
        assert tally.value(rate) == wanted
    assert Tally().value(rate) is None


def test_catalogue_names_what_is_counted() -> None:
    names = [figure.name for figure in FIGURES]
    assert len(names) == len(set(names))
    for figure in FIGURES:
        if isinstance(figure.kind, Ratio):
            parts = (BY_NAME[name] for name in (*figure.kind.of, *figure.kind.to))
            assert all(isinstance(part.kind, Sum) for part in parts)
