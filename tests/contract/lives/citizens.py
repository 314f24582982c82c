"""Citizens: from looking for a time to having everything erased."""

from typing import Any

from tests.contract.lives.desk import book
from tests.contract.lives.world import FIRST_CONTACT, OFFICE, Body, World, members, new_key, wanted
from tests.waiting import eventually

_A = "/v1/appointments/{id}"
# To what the services ask first.
ANSWERS = {"pin_letter": True}


def look_around(world: World) -> None:
    call = world.call
    for operation in ("GET /health/live", "GET /health/ready", "GET /metrics", "GET /v1/offices", "GET /v1/proof"):
        call(operation)
    call("POST /v1/proof/mail", json={"office": OFFICE, "email": "somebody@example.org"})
    call("GET /v1/offices/{office}", office=OFFICE)
    call("GET /v1/offices/{office}/services", office=OFFICE)
    call("POST /v1/offices/{office}/assignment", office=OFFICE, json=wanted("cond_change"))
    params = {"service": "eat_pickup", "persons": 2}
    assert call("GET /v1/offices/{office}/availability", office=OFFICE, params=params)["days"]
    assert call("POST /v1/offices/{office}/availability", office=OFFICE, json=wanted("cond_change"))["days"]


def whole_life(world: World) -> None:
    """Holds, confirms, changes all that can be changed, waits for better, cancels, returns, and is erased."""
    call = world.call
    wish: Body = {"first": world.day(1), "last": world.day(10)}
    held = hold(world)
    own: Body = {"token": held["token"], "id": held["id"]}
    email = f"{held['id'][:12]}@example.org"
    assert call(f"POST {_A}/extend", **own)["expires_at"] > held["expires_at"]
    _confirm(world, held, email=email)
    assert call(f"GET {_A}", **own)["status"] == "confirmed"
    call(f"POST {_A}/reschedule", **own, json={"starts_at": world.later()})
    assert call(f"PUT {_A}/members", **own, json={"members": members(3)})["persons"] == 3
    call(f"PUT {_A}/name", **own, json={"family_name": "Özturk"})
    # The weekday of none of the days that are left, so that nothing is offered.
    assert call(f"PUT {_A}/wish", **own, json={**wish, "first": world.day(10)})["waits"]
    assert not call(f"DELETE {_A}/wish", **own)["waits"]
    assert call(f"GET {_A}/calendar.ics", **own).startswith(b"BEGIN:VCALENDAR")
    sms = {"wanted": True, "phone": "0151 12345678"}
    assert call(f"PUT {_A}/sms", **own, json=sms) == {"sms": True, "reminders": True}
    assert not call(f"PUT {_A}/sms", **own, json={"wanted": False})["sms"]
    assert not call(f"PUT {_A}/reminders", **own, json={"wanted": False})["reminders"]
    assert call(f"PUT {_A}/language", **own, json={"language": "tr"})["status"] == "confirmed"
    call("POST /v1/links", json={"email": email})
    assert call(f"GET {_A}/export", **own)["person"]["family_name"] == "Özturk"
    call(f"POST {_A}/cancel", **own)
    assert call(f"POST {_A}/restore", **own)["status"] == "confirmed"
    call(f"DELETE {_A}", **own, expected=409)
    call(f"DELETE {_A}", **own, params={"cancel": "true"})
    call(f"GET {_A}/export", **own, expected=410)


def come_to_the_office(world: World) -> None:
    """Two who have appointments today say by themselves that they are here."""
    by_link, by_code = (book(world, world.soon(), service="eat_pickup") for _ in range(2))
    token = world.keys.secret("token", by_link["id"])
    there = world.call(f"POST {_A}/check-in", token=token, id=by_link["id"])
    assert there["status"] == "checked_in"
    code = {"code": by_code["code"].lower()}
    there = world.call("POST /v1/offices/{office}/check-in", office=OFFICE, json=code)
    assert there == {"status": "checked_in"}


def waiting_life(world: World, *, accepts: bool) -> None:
    """Waits without an appointment, on days that no other life books."""
    wish = {"first": world.day(12), "last": world.day(13)}
    body = {"office": OFFICE, **wanted(preconditions=ANSWERS), "wish": wish}
    entry = world.call("POST /v1/waiting-list", key=new_key(), json=body)
    own: Body = {"token": entry["token"], "id": entry["id"]}
    _confirm(world, entry, email=f"{entry['id'][:12]}@example.org")
    offer = eventually(lambda: _offer(world, own), within=60, what="an offer")
    if accepts:
        accepted = world.call(f"POST {_A}/offer/accept", **own, json={"starts_at": offer["starts_at"]})
        assert (accepted["status"], accepted["starts_at"]) == ("confirmed", offer["starts_at"])
    else:
        assert world.call(f"POST {_A}/offer/decline", **own)["status"] == "waiting"
        world.call(f"POST {_A}/offer/decline", **own, expected=409)


def invited_life(world: World) -> None:
    """Staff invite; whoever has the invitation books once; another one is taken back before it is used."""
    call = world.call
    lead: Body = {"token": world.tokens["lead"], "office": OFFICE}
    invitations = "/v1/staff/offices/{office}/invitations"
    body = {"service": "settlement", "expires_at": world.far()}
    used = call(f"POST {invitations}", **lead, json={**body, "family_name": "Öztürk"})
    revoked = call(f"POST {invitations}", **lead, json={**body, "email": "invited@example.org"})
    assert {used["id"], revoked["id"]} <= {i["id"] for i in call(f"GET {invitations}", **lead)}
    call(f"DELETE {invitations}/{{id}}", **lead, id=revoked["id"])
    booked = hold(world, "settlement", invitation=used["token"])
    assert booked["status"] == "held"
    again: Body = {"office": OFFICE, **wanted("settlement"), "starts_at": world.later()}
    call("POST /v1/appointments", key=new_key(), json={**again, "invitation": used["token"]}, expected=409)
    call("POST /v1/appointments", key=new_key(), json={**again, "invitation": revoked["token"]}, expected=403)


def hold(world: World, service: str = "eat_pickup", **more: Any) -> Body:
    body = {"office": OFFICE, **wanted(service, preconditions=ANSWERS), "starts_at": world.later(), **more}
    held: Body = world.call("POST /v1/appointments", key=new_key(), json=body)
    return held


def _confirm(world: World, held: Body, *, email: str) -> None:
    contact = {"email": email, "given_name": "Ayşe", "language": "de"}
    world.call(f"PUT {_A}/contact", token=held["token"], id=held["id"], json=contact)
    secret = world.keys.secret("confirm", held["id"], FIRST_CONTACT)
    confirmed = world.call(f"POST {_A}/confirm", id=held["id"], json={"secret": secret})
    assert confirmed["status"] in ("confirmed", "waiting")


def _offer(world: World, own: Body) -> Body | None:
    offer: Body | None = world.call(f"GET {_A}", **own)["offer"]
    return offer
