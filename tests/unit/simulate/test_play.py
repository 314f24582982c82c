"""A small half month played through: the same each time, and nothing that the office's own rules forbid."""

import json
from collections import Counter
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from deploy.local.process import ROOT
from deploy.local.simulate.command import months_before
from deploy.local.simulate.play import Play
from services.booking.offices import read_office

Wire = dict[str, Any]
_OFFICE = ROOT / "deploy" / "offices" / "zollernalbkreis.toml"
_PERSONAL = ("name", "email", "phone", "secret", "address", "code")


def _play(seed: int = 1) -> Play:
    return Play(
        data=read_office(_OFFICE),
        residents=900,
        first=date(2026, 9, 28),
        until=datetime(2026, 10, 13, 12, 0, tzinfo=UTC),
        seed=seed,
    )


def _told(play: Play) -> list[Wire]:
    entries = [
        entry
        for part in play.parts()
        for entry in (*part.appointments, *part.messages, *part.supply, *(entry for _, entry in part.demand))
    ]
    return [json.loads(entry["body"]) for entry in entries]


@cache
def _once() -> tuple[Wire, ...]:
    return tuple(_told(_play()))


def _without_chance(events: tuple[Wire, ...] | list[Wire]) -> list[str]:
    """Ids of events and traces are new each time; a delivery's is made of its event's."""
    kept = []
    for event in events:
        data = {k: v for k, v in event["data"].items() if k not in ("caused_by", "delivery")}
        subject = "" if event["type"].startswith("notification.") else event["subject"]
        kept.append(json.dumps([event["type"], subject, event["time"], event["sequence"], data], sort_keys=True))
    return kept


def test_same_seed_tells_the_same_to_the_last_digit() -> None:
    assert _without_chance(_told(_play())) == _without_chance(_once())


def test_another_seed_tells_another_half_year() -> None:
    assert _without_chance(_told(_play(seed=2))) != _without_chance(_once())


def test_every_part_of_an_office_s_life_happens() -> None:
    types = Counter(event["type"] for event in _once())
    wanted = {"held", "requested", "confirmation_sent", "confirmed", "expired", "rescheduled", "cancelled"}
    wanted |= {"checked_in", "called", "started", "completed", "no_show", "anonymised"}

    assert {f"appointment.{step}.v1" for step in wanted} <= types.keys()
    assert {"notification.sent.v1", "notification.failed.v1", "demand.measured.v1"} <= types.keys()
    assert {"capacity.planned.v1", "free_times.measured.v1"} <= types.keys()


def test_no_desk_minute_is_two_people_s() -> None:
    open_now: dict[str, set[tuple[str, str, str]]] = {}
    for event in _once():
        if not event["type"].startswith("appointment."):
            continue
        state = event["data"]
        id = state["appointment"]
        owning = state["status"] in ("held", "requested", "confirmed", "checked_in", "called", "in_service")
        mine = _minutes(state) if owning and state["lane"] else set()
        open_now[id] = mine
        others = set().union(*(theirs for other, theirs in open_now.items() if other != id)) if mine else set()
        assert not mine & others, state


def _minutes(state: Wire) -> set[tuple[str, str, str]]:
    start, end = (datetime.fromisoformat(state[name]) for name in ("starts_at", "ends_at"))
    cells = range(int(start.timestamp()) // 300, int(end.timestamp()) // 300)
    return {(state["team"], state["lane"], str(cell)) for cell in cells}


def test_nothing_that_is_told_or_stored_names_anybody() -> None:
    play = _play()
    documents = [document for part in play.parts() for document in part.finished] + play.books.documents()

    assert documents
    assert not any(document.get("person") for document in documents)
    for event in _once():
        assert not event["data"].keys() & set(_PERSONAL), event["type"]
    assert {p for d in documents for p in d.get("contact", {})} <= {
        "language", "digest", "email_digest", "sms_consent", "has_email", "has_phone", "reminders",
    }  # fmt: skip
    assert not any((d.get("contact") or {}).get("email_digest") for d in documents)


def test_months_are_counted_back_to_the_same_day() -> None:
    assert months_before(date(2026, 11, 30), 6) == date(2026, 5, 30)
    assert months_before(date(2026, 8, 31), 6) == date(2026, 2, 28)
    assert months_before(date(2026, 1, 15), 13) == date(2024, 12, 15)
