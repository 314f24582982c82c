"""Staff at the counter: the day, and booking for callers."""

from typing import Any

from tests.contract.lives.world import OFFICE, Body, World, members, new_key, wanted

_A = "/v1/staff/appointments/{id}"
_O = "/v1/staff/offices/{office}"
_L = "/v1/staff/call-list"


def serve_everybody(world: World) -> None:
    """One comes with an appointment and is served, one without, and one does not come when called."""
    call = world.call
    desk: Body = {"token": world.tokens["service_point"]}
    booked = book(world, world.soon(), service="eat_pickup")
    assert call(f"POST {_A}/check-in", **desk, id=booked["id"], json={})["status"] == "checked_in"

    own: Body = {**desk, "id": _ticket(world)["id"]}
    called = call(f"POST {_A}/call", **own, json={"lane": "counter_1"})
    assert call(f"POST {_A}/undo", **own, json={"version": called["version"]})["status"] == "checked_in"
    call(f"POST {_A}/call", **own, json={"lane": "counter_1"})
    call(f"POST {_A}/start", **own, json={})
    assert call(f"POST {_A}/complete", **own, json={})["handling_minutes"] == 0

    own = {**desk, "id": _ticket(world)["id"]}
    for _ in range(3):
        call(f"POST {_A}/no-show", **own, json={}, expected=409)
        call(f"POST {_A}/call", **own, json={"lane": "counter_2"})
    assert call(f"POST {_A}/no-show", **own, json={})["status"] == "no_show"

    assert call(f"GET {_O}/day", **desk, office=OFFICE)["entries"]
    assert call(f"GET {_O}/day.pdf", **desk, office=OFFICE).startswith(b"%PDF")


def pause_and_go_on(world: World) -> None:
    """One after the other: a team has one pause at a time."""
    team: Body = {"token": world.tokens["service_point"], "office": OFFICE, "json": {"team": "caseworkers"}}
    world.call(f"POST {_O}/pause", **team)
    world.call(f"POST {_O}/pause", **team, expected=409)
    world.call(f"POST {_O}/resume", **team)


def look_after_a_caller(world: World) -> None:
    """Books for somebody without an address and changes everything that staff can change."""
    call = world.call
    booked = book(world, world.later(), service="eat_pickup")
    own: Body = {"token": world.tokens["caseworker"], "id": booked["id"]}
    there: Body = {"token": world.tokens["caseworker"], "office": OFFICE}
    assert call(f"GET {_A}/slip.pdf", **own).startswith(b"%PDF")
    found = call(f"GET {_O}/appointments", **there, params={"code": booked["code"]})
    assert [one["family_name"] for one in found] == ["Öztürk"]
    call(f"POST {_A}/reschedule", **own, json={"starts_at": world.later()})
    call(f"POST {_A}/desk", **own, json={"lane": "counter_4"})
    call(f"POST {_A}/name", **own, json={"family_name": "Yılmaz"})
    call(f"POST {_A}/members", **own, json={"members": members(2)})
    call(f"POST {_A}/reviewed", **own)
    seen = call(f"GET {_A}", **own)
    assert (seen["lane"], seen["family_name"]) == ("counter_4", "Yılmaz")
    call(f"POST {_A}/follow-up", **own, key=new_key(), json={"starts_at": world.far()})
    cancelled = call(f"POST {_A}/cancel", **own, json={"asked_by_citizen": False, "reason": "other"})
    assert cancelled["status"] == "office_cancelled"


def phone_somebody(world: World) -> None:
    """The office cancels, and phones whom it cannot write to."""
    call = world.call
    own: Body = {"token": world.tokens["caseworker"]}
    phone = {"phone": "07433 921311", "language": "tr"}
    booked = book(world, world.later(), service="eat_pickup", contact=phone, another_person=True)
    own["id"] = booked["id"]
    call(f"POST {_A}/messages", **own, key=new_key(), json={"purpose": "confirmation"}, expected=409)
    call(f"POST {_A}/cancel", **own, json={"asked_by_citizen": False, "reason": "other"})
    found = call(f"GET {_L}", token=own["token"])
    assert [one["phone"] for one in found if one["id"] == booked["id"]] == ["+497433921311"]
    assert call(f"POST {_L}/{{id}}/take", **own)["state"] == "taken"
    assert call(f"POST {_L}/{{id}}/not-reached", **own)["tries"] == 1
    assert call(f"POST {_L}/{{id}}/done", **own)["state"] == "done"
    assert call(f"POST {_L}/{{id}}/undo", **own)["state"] == "open"


def write_once_more(world: World) -> None:
    """Somebody says that nothing has arrived."""
    contact = {"email": f"{new_key()[:12]}@example.org"}
    booked = book(world, world.later(), service="eat_pickup", contact=contact)
    own: Body = {"token": world.tokens["caseworker"], "id": booked["id"]}
    assert world.call(f"GET {_A}/messages", **own)["possible"] == ["confirmation", "reminder"]
    wish = {"purpose": "confirmation", "reason": "not_arrived"}
    world.call(f"POST {_A}/messages", **own, key=new_key(), json=wish)
    world.call(f"POST {_A}/messages", **own, key=new_key(), json={**wish, "purpose": "offer"}, expected=409)


def book(world: World, starts_at: str, *, service: str, **more: Any) -> Body:
    body = {**wanted(service), "starts_at": starts_at, **more}
    booked: Body = world.call(
        f"POST {_O}/appointments",
        token=world.tokens["service_point"],
        key=new_key(),
        office=OFFICE,
        json=body,
    )
    return booked


def _ticket(world: World) -> Body:
    ticket: Body = world.call(
        f"POST {_O}/tickets",
        token=world.tokens["service_point"],
        key=new_key(),
        office=OFFICE,
        json=wanted("eat_pickup"),
    )
    return ticket
