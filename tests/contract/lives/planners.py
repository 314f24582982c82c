"""Leads: the office's data, closures, absences, re-planning. One after the other, each on the newest version."""

from datetime import datetime, timedelta

from tests.contract.lives.desk import book
from tests.contract.lives.world import OFFICE, Body, World

_O = "/v1/staff/offices/{office}"


def edit_the_office(world: World) -> None:
    call = world.call
    lead: Body = {"token": world.tokens["lead"], "office": OFFICE}
    office = call(f"GET {_O}", **lead)
    changed = {**office["data"], "phone": f"+49 7433 92-{office['version']}"}
    edited = {"version": office["version"], "data": changed}
    assert call(f"POST {_O}/preview", **lead, json=edited) == call(f"GET {_O}/conflicts", **lead)
    assert call(f"PUT {_O}", **lead, json=edited)["version"] == office["version"] + 1
    call(f"PUT {_O}", **lead, json=edited, expected=409)


def close_and_replan(world: World) -> None:
    """A desk closes for a while; who had booked it keeps the time at another desk."""
    call = world.call
    lead: Body = {"token": world.tokens["lead"], "office": OFFICE}
    booked = book(world, world.later(), service="eat_pickup", lane="counter_3")
    starts_at = datetime.fromisoformat(booked["starts_at"]).astimezone(world.zone).replace(tzinfo=None)
    span = {"from": starts_at.isoformat(), "until": (starts_at + timedelta(minutes=5)).isoformat()}
    closure = {**span, "team": "service_point", "lane": "counter_3", "reason": {"de": "Wasserschaden"}}
    foreseen = call(f"POST {_O}/closures/preview", **lead, json=closure)
    assert booked["id"] in {one["id"] for one in foreseen}
    assert call(f"POST {_O}/closures", **lead, json=closure)["conflicts"] == foreseen
    replanned = call(f"POST {_O}/replan", **lead, json={"appointments": [booked["id"]], "how": "move"})
    assert [(one["id"], one["outcome"]) for one in replanned] == [(booked["id"], "kept")]


def be_away(world: World, *, room: int) -> None:
    call = world.call
    lead: Body = {"token": world.tokens["lead"], "office": OFFICE}
    day: Body = {"team": "caseworkers", "lane": f"room_{room}", "from": world.day(9), "until": world.day(10)}
    call(f"POST {_O}/absences/preview", **lead, json=day)
    call(f"POST {_O}/absences", **lead, json=day)


def close_at_once(world: World, *, room: int) -> None:
    call = world.call
    lead: Body = {"token": world.tokens["lead"], "office": OFFICE}
    until = datetime.now(world.zone) + timedelta(minutes=2)
    now: Body = {"team": "caseworkers", "until": until.isoformat()}
    call(f"POST {_O}/absent-now", **lead, json={**now, "lane": f"room_{room}"})
    call(f"POST {_O}/close-now", **lead, json=now)
