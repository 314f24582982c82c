"""Hours, closures and absences over HTTP: seen before they are saved, and everybody is re-planned in order."""

import json
import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from deploy.local.stack import Stack
from services.booking.domain.rules import OfficeData
from shared.contracts import EntryRequest
from tests.integration.office_harness import OTHER_OFFICE, A, AtWork, Colleague, O, a_client, an_office_at_work
from tests.sealed import opened_entry

pytestmark = pytest.mark.anyio
WATER: dict[str, Any] = {"reason": {"de": "Wasserschaden"}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


def local(work: AtWork, wall: str, *, days: int = 0) -> str:
    return work.at(wall, days=days).astimezone(work.day.tzinfo).replace(tzinfo=None).isoformat()


def closure(work: AtWork, start: str, end: str, *, days: int = 1, **more: Any) -> dict[str, Any]:
    return {"from": local(work, start, days=days), "until": local(work, end, days=days), **WATER, **more}


async def start_of(by: Colleague, appointment: Any) -> datetime:
    found = await by.get(f"{A}/{appointment['id']}")
    return datetime.fromisoformat(found["appointment"]["starts_at"])


async def test_whom_a_closure_concerns_is_seen_before(work: AtWork) -> None:
    lead = await work.colleague("lead")
    inside, after = await work.booked(lead, "10:00", days=1), await work.booked(lead, "11:00", days=1)
    before = await lead.get(O)

    foreseen = await lead.post(f"{O}/closures/preview", closure(work, "09:00", "11:00"))

    assert [(one["id"], one["code"], one["why"]) for one in foreseen] == [(inside["id"], inside["code"], "closed")]
    assert await lead.get(O) == before
    assert await lead.get(f"{O}/conflicts") == []
    saved = await lead.post(f"{O}/closures", closure(work, "09:00", "11:00"))
    assert (saved["version"], saved["conflicts"]) == (before["version"] + 1, foreseen)
    assert await start_of(lead, inside) == work.at("10:00", days=1)
    assert await start_of(lead, after) == work.at("11:00", days=1)
    refused = work.wanted("10:00", days=1)
    assert await lead.refused(f"{O}/appointments", refused) == (422, "start-not-bookable")


async def test_those_in_conflict_move_in_their_order(work: AtWork) -> None:
    lead = await work.colleague("lead")
    second, first = await work.booked(lead, "10:10", days=1), await work.booked(lead, "10:00", days=1)
    alone = closure(work, "09:30", "10:30")
    saved = await lead.post(f"{O}/closures", alone)

    ids = [one["id"] for one in saved["conflicts"]]
    done = await lead.post(f"{O}/replan", {"appointments": [second["id"], first["id"]], "how": "move"})

    assert ids == [first["id"], second["id"]]
    assert [(one["id"], one["outcome"]) for one in done] == [(first["id"], "moved"), (second["id"], "moved")]
    moved = [await start_of(lead, one) for one in (first, second)]
    assert moved == sorted(moved)
    assert moved[0] == work.at("10:30", days=1)
    assert await lead.get(f"{O}/conflicts") == []
    assert await work.recorded(first["id"]) == ["appointment.booked", "appointment.replanned_moved", "person.seen"]


async def test_whoever_is_cancelled_gets_proposals(work: AtWork) -> None:
    lead = await work.colleague("lead")
    booked = await work.booked(lead, "10:00", days=1)
    await lead.post(f"{O}/closures", closure(work, "09:00", "12:30"))

    (done,) = await lead.post(f"{O}/replan", {"appointments": [booked["id"]], "how": "cancel"})

    assert (done["outcome"], len(done["proposals"])) == ("cancelled", 3)
    first = datetime.fromisoformat(done["proposals"][0])
    assert first > work.at("12:30", days=1)
    free = work.wanted("08:00") | {"starts_at": done["proposals"][0]}
    assert (await lead.post(f"{O}/appointments", free))["status"] == "confirmed"
    seen = await lead.get(f"{A}/{booked['id']}")
    assert (seen["appointment"]["status"], seen["appointment"]["reason"]) == ("office_cancelled", "closure")


async def test_only_conflicts_are_replanned(work: AtWork) -> None:
    """A list from before may name somebody who has moved meanwhile."""
    lead = await work.colleague("lead")
    booked = await work.booked(lead, "10:00", days=1)

    assert await lead.post(f"{O}/replan", {"appointments": [booked["id"]], "how": "cancel"}) == []
    assert await start_of(lead, booked) == work.at("10:00", days=1)


async def test_closing_now_tells_those_of_today(work: AtWork) -> None:
    lead = await work.colleague("lead")
    today, tomorrow = await work.booked(lead, "10:00"), await work.booked(lead, "10:00", days=1)
    work.it_is("09:00")

    done = await lead.post(f"{O}/close-now", {})

    assert [(one["id"], one["outcome"]) for one in done["replanned"]] == [(today["id"], "cancelled")]
    assert await start_of(lead, tomorrow) == work.at("10:00", days=1)
    assert await lead.refused(f"{O}/appointments", work.wanted("11:00")) == (422, "start-not-bookable")
    assert "office.closed_now" in await work.recorded()


async def test_closing_now_may_move_to_later_today(work: AtWork) -> None:
    lead = await work.colleague("lead")
    booked = await work.booked(lead, "09:30")
    work.it_is("09:00")

    until = work.at("11:00").isoformat()
    done = await lead.post(f"{O}/close-now", {"until": until, "team": "service_point", "how": "move"})

    assert [(one["id"], one["outcome"]) for one in done["replanned"]] == [(booked["id"], "moved")]
    # Citizens may come on the next day at the earliest, and nobody asked this one.
    assert await start_of(lead, booked) >= work.at("11:00")


async def test_a_deputy_takes_over_at_the_same_time(work: AtWork) -> None:
    lead = await work.colleague("lead")
    booked = await work.booked(lead, "10:00", service="cond_change")
    other = await work.booked(lead, "10:00", service="cond_change", family_name="Adler")
    assert (await lead.get(f"{A}/{booked['id']}"))["lane"] == "room_7"
    work.it_is("09:00")

    done = await lead.post(f"{O}/absent-now", {"team": "caseworkers", "lane": "room_7"})

    assert [(one["id"], one["outcome"], one["lane"]) for one in done["replanned"]] == [
        (booked["id"], "kept", "room_8")
    ]
    assert await start_of(lead, booked) == work.at("10:00")
    assert (await lead.get(f"{A}/{other['id']}"))["lane"] == "room_1"


async def test_an_absence_brings_new_bookings_to_the_deputy(work: AtWork) -> None:
    lead = await work.colleague("lead")
    day = {"from": work.at("00:00", days=1).astimezone(work.day.tzinfo).date().isoformat()}
    away = {"team": "caseworkers", "lane": "room_7", **day, "until": local(work, "12:00", days=1)}
    await lead.post(f"{O}/absences", away)

    booked = await work.booked(lead, "10:00", days=1, service="cond_change")

    assert (await lead.get(f"{A}/{booked['id']}"))["lane"] == "room_8"


async def test_an_old_version_of_the_office_is_refused(work: AtWork) -> None:
    lead, admin = await work.colleague("lead"), await work.colleague("admin")
    office = await lead.get(O)
    office["data"]["phone"] = "+49 7433 1"

    saved = await admin("PUT", O, json=office)
    assert saved.status_code == 200
    assert await lead.refused(O, office, method="PUT") == (409, "changed-meanwhile")
    assert (await lead.get(O))["version"] == office["version"] + 1
    OfficeData.model_validate((await lead.get(O))["data"])


async def test_what_cannot_be_is_refused_and_told(work: AtWork) -> None:
    lead = await work.colleague("lead")
    office = await lead.get(O)
    bad_data = {**office, "data": {**office["data"], "timezone": "Europe/Balingen"}}
    backwards = closure(work, "11:00", "09:00")
    nowhere = closure(work, "09:00", "11:00", team="service_point", lane="counter_99")
    nobody = {"team": "caseworkers", "lane": "room_99"}
    past = {"until": work.at("08:00").isoformat()}

    assert await lead.refused(O, bad_data, method="PUT") == (422, "office-broken")
    assert await lead.refused(f"{O}/preview", bad_data) == (422, "office-broken")
    for what in ("closures", "closures/preview"):
        assert await lead.refused(f"{O}/{what}", backwards) == (422, "office-broken")
        assert await lead.refused(f"{O}/{what}", nowhere) == (422, "office-broken")
        offset = {**backwards, "until": work.at("11:00", days=2).isoformat()}
        assert (await lead.refused(f"{O}/{what}", offset))[0] == 422
        told = {**closure(work, "09:00", "11:00"), "reason": {"d\x00": "x"}}
        assert (await lead.refused(f"{O}/{what}", told))[0] == 422
    assert await lead.refused(f"{O}/absences", {**nobody, **some_days(work)}) == (422, "office-broken")
    assert await lead.refused(f"{O}/absent-now", nobody) == (422, "office-broken")
    assert await lead.refused(f"{O}/close-now", past) == (422, "ends-already")
    gone = {"team": "service_point", "lane": "counter_1", **past}
    assert await lead.refused(f"{O}/absent-now", gone) == (422, "ends-already")
    assert await lead.refused(f"{O}/close-now", {"team": "nobody"}) == (422, "office-broken")
    assert (await lead.get(O))["version"] == office["version"]


def some_days(work: AtWork) -> dict[str, str]:
    return {"from": local(work, "09:00", days=1), "until": local(work, "10:00", days=1)}


async def test_another_office_is_not_planned_from_here(work: AtWork) -> None:
    lead = await work.colleague("lead", office=OTHER_OFFICE)

    refused = {"closures": closure(work, "09:00", "11:00"), "close-now": {}}
    for what, body in refused.items():
        assert await lead.refused(f"{O}/{what}", body) == (404, "not-here"), what
    there = f"/v1/staff/offices/{OTHER_OFFICE}"
    assert (await lead.post(f"{there}/closures", closure(work, "09:00", "11:00")))["version"] == 2
    mine = await work.colleague("lead")
    assert (await mine.get(O))["version"] == 1


async def test_an_appointment_of_another_office_is_not_replanned(work: AtWork) -> None:
    mine, theirs = await work.colleague("lead"), await work.colleague("lead", office=OTHER_OFFICE)
    booked = await work.booked(mine, "10:00", days=1)
    await mine.post(f"{O}/closures", closure(work, "09:00", "11:00"))

    body = {"appointments": [booked["id"]], "how": "cancel"}
    assert await theirs.post(f"/v1/staff/offices/{OTHER_OFFICE}/replan", body) == []
    assert await start_of(mine, booked) == work.at("10:00", days=1)


async def test_an_invitation_is_for_times_ahead_and_of_this_office(work: AtWork) -> None:
    mine, theirs = await work.colleague("caseworker"), await work.colleague("lead", office=OTHER_OFFICE)
    wanted = {"service": "settlement", "expires_at": work.at("12:00", days=7).isoformat()}
    over = {**wanted, "expires_at": work.at("08:00").isoformat()}

    assert await mine.refused(f"{O}/invitations", over) == (422, "over-already")
    assert await mine.refused(f"{O}/invitations", {**wanted, "service": "eat_pickup"}) == (
        422,
        "not-by-invitation",
    )
    made = await mine.post(f"{O}/invitations", wanted)
    there = f"/v1/staff/offices/{OTHER_OFFICE}/invitations/{made['id']}"
    assert await theirs.refused(there, method="DELETE") == (404, "not-here")
    assert (await mine("DELETE", f"{O}/invitations/{made['id']}")).status_code == 204
    assert await mine.refused(f"{O}/invitations/{made['id']}", method="DELETE") == (404, "not-here")
    assert await mine.get(f"{O}/invitations") == []


async def test_a_used_invitation_is_listed_as_used(work: AtWork) -> None:
    by = await work.colleague("caseworker")
    wanted = {"service": "settlement", "expires_at": work.at("12:00", days=7).isoformat()}
    used, unused = [await by.post(f"{O}/invitations", wanted) for _ in range(2)]
    held = await work.booked_by_citizen("10:00", days=3, service="settlement", invitation=used["token"])

    states = {one["id"]: one["state"] for one in await by.get(f"{O}/invitations")}
    await by.post(f"{A}/{held['id']}/cancel", {})
    again = {one["id"]: one["state"] for one in await by.get(f"{O}/invitations")}

    assert states == {used["id"]: "used", unused["id"]: "open"}
    assert set(again.values()) == {"open"}


async def test_an_invitation_goes_by_mail_and_its_address_is_kept_nowhere(work: AtWork) -> None:
    by = await work.colleague("caseworker")
    expires_at = work.at("12:00", days=7)
    wanted = {"service": "settlement", "expires_at": expires_at.isoformat()}
    silent = await by.post(f"{O}/invitations", wanted)
    made = await by.post(f"{O}/invitations", {**wanted, "email": "Invited@example.org", "language": "tr"})

    invitations = work.desk.database["invitations"]
    assert "outbox" not in (await invitations.find_one({"_id": silent["id"]}) or {})
    stored = await invitations.find_one({"_id": made["id"]})
    assert stored
    (told,) = stored["outbox"]
    assert (told["exchange"], told["type"]) == ("contacts", "contact.invited.v1")
    mail = opened_entry(EntryRequest.model_validate(json.loads(told["body"])["data"]))
    assert (mail.email, mail.language, mail.service) == ("invited@example.org", "tr", "settlement")
    assert mail.expires_at == expires_at
    assert not re.search("invited@|Invited@", str(stored), re.IGNORECASE)
    assert made["token"] not in str(stored)

    url = httpx.URL(mail.entry_url)
    assert url.params["token"] == made["token"]
    async with a_client(work.app) as client:
        page = await client.get(url.raw_path.decode())
        wrong = await client.get("/invitation", params={"token": f"{made['token']}x"})
        await work.booked_by_citizen("10:00", days=3, service="settlement", invitation=made["token"])
        used = await client.get(url.raw_path.decode())
    assert page.status_code == 200
    assert made["token"] in page.text
    assert (wrong.status_code, used.status_code) == (404, 409)
