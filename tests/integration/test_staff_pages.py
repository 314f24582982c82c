"""The staff's pages over HTTP: each does what the API does, tells what it will do before, and keeps what was."""

import asyncio
import re
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from services.booking.storage import DayBook
from services.booking.storage.displays import Displays
from services.booking.web.staff.live import Live
from shared.contracts.offices import Team
from tests.builders import BALINGEN, HECHINGEN, an_office
from tests.integration.office_harness import CITIZENS, OFFICE, AtWork, a_client, a_visit, an_office_at_work
from tests.integration.pages_harness import AtTheScreen, at_the_screen, hidden, text_of
from tests.integration.test_staff_pages_guarded import work_day

pytestmark = pytest.mark.anyio
CALLER = {
    "service": "eat_pickup",
    "family_name": "Müller",
    "municipality": HECHINGEN,
    "persons": "1",
    "children": "0",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


async def booked_at(by: AtTheScreen, **fields: str) -> str:
    """By the page, at the first free time; the appointment's id."""
    form = {**CALLER, "key": str(uuid4()), **fields}
    page = (await by.send("/staff/book", **form)).text
    first = re.search(r'name="starts_at" value="([^"]+)"', page)
    assert first, text_of(page)
    chosen = {"starts_at": first[1], "shown_for": hidden(page, "shown_for")}
    answer = await by.send("/staff/book", **form, **chosen)
    assert answer.status_code == 303, text_of(answer.text)
    found = re.search(r"appointments/([0-9a-f-]+)", answer.headers["Location"])
    assert found
    return found[1]


async def test_a_caller_is_booked_at_the_first_free_time(work: AtWork) -> None:
    by = await at_the_screen(work, "service_point")

    id = await booked_at(by, phone="0151 23456789", persons="3", children="1", needs="wheelchair")

    stored = await work.desk.document(id)
    assert (stored["status"], stored["persons"], stored["children_under_6"]) == ("confirmed", 3, 1)
    assert stored["channel"] == "phone"
    page = text_of(await by.see(f"/staff/appointments/{id}"))
    assert "Müller" in page
    assert "Rollstuhl" in page
    assert await work.recorded(id) == ["appointment.booked", "person.seen"]


async def test_times_that_were_shown_for_other_details_are_not_booked(work: AtWork) -> None:
    """A group takes longer than one person: the time is asked for anew."""
    by = await at_the_screen(work, "service_point")
    form = {**CALLER, "key": str(uuid4())}
    page = (await by.send("/staff/book", **form)).text
    chosen = {"starts_at": work.at("10:00").isoformat(), "shown_for": hidden(page, "shown_for")}

    answer = await by.send("/staff/book", **{**form, "persons": "5"}, **chosen)

    assert answer.status_code == 200
    assert hidden(answer.text, "shown_for") != chosen["shown_for"]
    assert await work.desk.database["appointments"].count_documents({}) == 0


async def test_somebody_who_has_an_appointment_is_told_before_the_second(work: AtWork) -> None:
    by = await at_the_screen(work, "service_point")
    first = await booked_at(by, email="mueller@example.org")
    form = {**CALLER, "email": "mueller@example.org", "key": str(uuid4())}

    page = (await by.send("/staff/book", **form)).text
    assert "Gleicher Name" in page
    assert first in page
    chosen = {"starts_at": work.at("11:00").isoformat(), "shown_for": hidden(page, "shown_for")}
    refused = await by.send("/staff/book", **form, **chosen)
    assert refused.status_code == 409
    assert "Hat schon einen Termin" in refused.text
    assert (await by.send("/staff/book", **form, **chosen, another_person="true")).status_code == 303


async def test_people_are_found_by_code_and_by_how_their_name_begins(work: AtWork) -> None:
    by = await at_the_screen(work, "service_point")
    lead = await work.colleague("lead")
    one = await work.booked(lead, "10:00", days=1, family_name="Šarić-Öztürk")
    await work.booked(lead, "10:10", days=1, family_name="Meier")

    for wanted in (one["code"], one["code"].lower(), "ozturk", "saric", "Ozt Sa"):
        answer = await by.send("/staff/search", wanted=wanted)
        assert answer.headers["Location"] == f"/staff/appointments/{one['id']}", wanted
    assert "Nichts gefunden" in (await by.send("/staff/search", wanted="Schmidt")).text
    assert (await work.recorded(one["id"])).count("person.seen") == 5


async def test_what_re_planning_foresees_is_what_it_does(servers: Stack) -> None:
    """Every desk is for everybody here: whether staff's own desk helps out is chance."""
    teams = [team.model_dump() for team in an_office().data.teams]
    for lane in teams[0]["lanes"]:
        lane["channel"] = "web"
    async with an_office_at_work(servers, teams=tuple(Team.model_validate(team) for team in teams)) as work:
        await foresees_what_it_does(work)


async def foresees_what_it_does(work: AtWork) -> None:
    by = await at_the_screen(work, "lead")
    lead = await work.colleague("lead")
    for wall in ("10:00", "10:00", "10:10", "10:20"):
        await work.booked(lead, wall, days=1, family_name="Öztürk")
    day = work.at("00:00", days=1).astimezone(work.day.tzinfo).date().isoformat()
    closing = {"kind": "closure", "first": day, "start": "09:30", "end": "11:00", "reason": "Wasserschaden"}

    before = await by.sent("/staff/closures/preview", **closing)
    assert "4 Termine wären betroffen" in text_of(before)
    assert work.desk.booking.offices[OFFICE].version == 1
    shown = await by.sent("/staff/closures/save", **closing)
    ids = re.findall(r'name="appointments" value="([^"]+)"', shown)
    foreseen = await by.sent("/staff/replan/preview", how="move", appointments=ids)
    rows = re.findall(r'<td class="mono">(\w{8})<.*?</td><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td>', foreseen)
    done = await by.sent("/staff/replan/do", how="move", appointments=ids)

    became = dict(re.findall(r'<td class="mono">(\w{8})</td><td>(.*?)</td>', done))
    assert {code: what for code, _, _, what in rows} == became
    assert len(became) == 4
    times = dict(re.findall(r'<td class="mono">(\w{8})</td><td>.*?</td><td>(.*?)</td>', done))
    assert {code: after.rpartition(",")[0] for code, _, after, _ in rows} == times
    assert "Alle Termine passen" in await by.see("/staff/conflicts")


async def test_closing_at_once_tells_whom_it_concerns_before(work: AtWork) -> None:
    by = await at_the_screen(work, "lead")
    lead = await work.colleague("lead")
    today, later = await work.booked(lead, "10:00"), await work.booked(lead, "10:00", days=1)

    seen = await by.sent("/staff/close-now/preview", how="cancel")
    assert today["code"] in seen
    assert later["code"] not in seen
    done = await by.sent("/staff/close-now/do", how="cancel")

    assert today["code"] in done
    assert (await work.desk.document(today["id"]))["status"] == "office_cancelled"
    assert (await work.desk.document(later["id"]))["status"] == "confirmed"


async def test_a_desk_that_falls_out_concerns_its_own_visits_and_leaves_the_rest_of_the_team(work: AtWork) -> None:
    by = await at_the_screen(work, "lead")
    lead = await work.colleague("lead")
    here = await work.booked(lead, "10:00", lane="counter_1")
    beside = await work.booked(lead, "10:00", lane="counter_2")
    later = await work.booked(lead, "10:00", days=1, lane="counter_1")
    falls_out = {"where": "service_point/counter_1", "how": "move"}

    # In conflict already, and somebody else's to re-plan.
    today = work.at("12:00").date().isoformat()
    await by.sent("/staff/closures/save", kind="closure", where="service_point/counter_2", first=today)

    seen = await by.sent("/staff/close-now/preview", **falls_out)
    assert "fällt aus?" in seen
    assert here["code"] in seen
    assert beside["code"] not in seen
    assert later["code"] not in seen
    assert work.desk.booking.offices[OFFICE].data.absences == an_office().data.absences
    await by.sent("/staff/close-now/do", **falls_out)

    moved, kept, untouched = [await work.desk.document(one["id"]) for one in (here, beside, later)]
    assert (moved["lane"], moved["starts_at"]) != ("counter_1", kept["starts_at"])
    assert (kept["lane"], kept["status"]) == ("counter_2", "confirmed")
    assert (untouched["lane"], untouched["status"]) == ("counter_1", "confirmed")
    assert await work.recorded(beside["id"]) == await work.recorded(later["id"]) == ["appointment.booked"]
    assert work.desk.booking.offices[OFFICE].data.absences[-1].lane == "counter_1"
    assert "office.absent_now" in await work.recorded()


async def test_a_family_that_lives_apart_keeps_its_homes_when_the_group_changes(work: AtWork) -> None:
    by = await at_the_screen(work, "service_point")
    homes = [HECHINGEN, BALINGEN, HECHINGEN]
    members = [{"municipality": home} for home in homes]
    booked = await work.booked(await work.colleague("lead"), "10:00", members=members)
    page = await by.see(f"/staff/appointments/{booked['id']}")
    shown = re.findall(r'name="home">.*?<option value="(\d{8})" selected>', page, re.DOTALL)
    assert shown == homes

    path = f"/staff/appointments/{booked['id']}/members"
    await by.sent(path, home=[HECHINGEN, BALINGEN, ""], further="1", children="1")

    stored = await work.desk.document(booked["id"])
    assert (stored["municipalities"], stored["children_under_6"]) == ([HECHINGEN, BALINGEN, HECHINGEN], 1)
    nobody = await by.send(path, home=["", ""], further="0", children="0")
    assert nobody.status_code == 422
    assert "Mindestens eine Person" in nobody.text


async def test_pausing_online_booking_stops_citizens_and_nobody_else(work: AtWork) -> None:
    by = await at_the_screen(work, "admin")
    desk = await at_the_screen(work, "service_point")
    notice = {"f.online.paused": "true", "f.online.notice.de": "Umzug bis Freitag: bitte rufen Sie an."}
    first_page = f"/?office={OFFICE}&lang=tr"
    async with a_client(work.app) as http:
        assert 'id="home"' in (await http.get(first_page)).text

    await by.sent("/staff/setup/edit/online/save", version="1", **notice)

    async with a_client(work.app) as http:
        wanted = {"office": OFFICE, **work.wanted("10:00", days=2, preconditions={"pin_letter": True})}
        answer = await http.post("/v1/appointments", json=wanted, headers={"Idempotency-Key": str(uuid4())})
        assert (answer.status_code, answer.json()["type"]) == (409, "online-paused")
        assert answer.json()["notice"] == {"de": notice["f.online.notice.de"]}
        shown = (await http.get(f"/v1/offices/{OFFICE}")).json()
        assert (shown["online_paused"], shown["notice"]) == (True, answer.json()["notice"])
        assert notice["f.online.notice.de"] in (await http.get(first_page)).text
        page = (await http.get(f"/book/service?office={OFFICE}&home={HECHINGEN}&lang=tr")).text
        assert notice["f.online.notice.de"] in page
        assert "/book/people" not in page
    assert await booked_at(desk)


async def test_an_earlier_version_comes_back_as_it_was(work: AtWork) -> None:
    by = await at_the_screen(work, "admin")
    before = work.desk.booking.offices[OFFICE].data
    page = await by.see("/staff/setup/edit/rules")
    fields = dict(re.findall(r'name="(f\.[^"]+)" type="number" value="([^"]*)"', page))
    rest = {"f.booking.release": "at_once", "f.day.late": "append"}
    changed = {**fields, **rest, "f.booking.horizon_days": "20", "version": "1"}

    assert "booking.horizon_days" in await by.sent("/staff/setup/edit/rules/preview", **changed)
    await by.sent("/staff/setup/edit/rules/save", **changed)
    assert work.desk.booking.offices[OFFICE].data.booking.horizon_days == 20
    assert "horizon_days" in await by.see("/staff/setup/history")
    await by.sent("/staff/setup/history/1", version="2")

    assert work.desk.booking.offices[OFFICE].data == before
    assert work.desk.booking.offices[OFFICE].version == 3


async def test_of_two_who_edit_the_second_is_told(work: AtWork) -> None:
    one, two = await at_the_screen(work, "admin"), await at_the_screen(work, "lead")
    await one.sent("/staff/setup/edit/online/save", version="1", **{"f.online.notice.de": "Eins"})

    answer = await two.send("/staff/setup/edit/online/save", version="1", **{"f.online.notice.de": "Zwei"})

    assert answer.status_code == 409
    assert work.desk.booking.offices[OFFICE].data.online.notice == {"de": "Eins"}


async def test_the_office_is_taken_out_as_a_file_and_in_again(work: AtWork) -> None:
    by = await at_the_screen(work, "admin")
    before = work.desk.booking.offices[OFFICE].data
    text = (await by.http.get("/staff/setup/export.toml")).text
    changed = text.replace("horizon_days = 56", "horizon_days = 42", 1)

    assert "Es ändert sich nichts" in await by.sent("/staff/setup/import/preview", text=text)
    shown = await by.sent("/staff/setup/import/preview", text=changed)
    assert ">42<" in shown
    await by.sent("/staff/setup/import/save", text=changed, version="1")

    after = work.desk.booking.offices[OFFICE].data
    assert after.booking.horizon_days == 42
    assert after == before.model_copy(update={"booking": after.booking})
    foreign = text.replace(f'id = "{OFFICE}"', 'id = "other"', 1)
    refused = await by.send("/staff/setup/import/preview", text=foreign)
    assert refused.status_code == 422
    assert "anderen Amts" in refused.text


async def test_the_display_shows_codes_and_desks_and_no_name(work: AtWork) -> None:
    by = await at_the_screen(work, "lead")
    lead = await work.colleague("lead")
    ticket = await lead.post(f"/v1/staff/offices/{OFFICE}/tickets", a_visit())
    page = await by.sent("/staff/displays")
    link = re.search(r"https://buerger.example(/display/[^\"<]+)", page)
    assert link
    await by.send(f"/staff/appointments/{ticket['id']}/do/call", lane="counter_2")

    async with a_client(work.app) as room:
        shown = (await room.get(link[1])).text
        assert "W001" in shown
        assert "Schalter 2" in shown
        assert "ztürk" not in shown
        assert (await room.get(f"/display/{OFFICE}?token=guessed")).status_code == 404
        await by.sent("/staff/displays")
        assert (await room.get(link[1])).status_code == 404


async def test_what_is_for_everybody_lies_at_the_citizens_address(work: AtWork) -> None:
    """Staff's own listener serves neither invitations nor displays nor the door."""
    by = await at_the_screen(work, "lead", "caseworker")
    last = str(work.at("10:00", days=20).date())

    invited = await by.sent("/staff/invitations", service="residence_permit_biometrics", last=last)
    displays = await by.see("/staff/displays")

    assert f"{CITIZENS}/invitation?token=" in invited
    assert f"{CITIZENS}/check-in/{OFFICE}" in displays
    async with a_client(work.app) as door:
        for origin, status in ((CITIZENS, 404), (work.staff.public_url, 403)):
            answer = await door.post(f"/check-in/{OFFICE}", data={"code": "ZZZZ0000"}, headers={"Origin": origin})
            assert answer.status_code == status, origin


async def test_people_check_in_at_the_door_by_their_code(work: AtWork) -> None:
    lead = await work.colleague("lead")
    booked = await work.booked(lead, "10:00")
    typed = f"{booked['code'][:4].lower()} {booked['code'][4:]}"

    async with a_client(work.app) as door:
        ours = {"Sec-Fetch-Site": "same-origin"}
        wrong = await door.post(f"/check-in/{OFFICE}", data={"code": "ZZZZ0000"}, headers=ours)
        assert wrong.status_code == 404
        assert "kennen wir heute nicht" in wrong.text
        right = await door.post(f"/check-in/{OFFICE}", data={"code": typed}, headers=ours)

    assert "Sie sind angemeldet" in right.text
    assert "ztürk" not in right.text
    assert (await work.desk.document(booked["id"]))["status"] == "checked_in"


async def test_a_change_of_the_day_is_told_to_whoever_watches(work: AtWork) -> None:
    lead = await work.colleague("lead")
    day = work_day(work)
    live = Live(day, DayBook(work.desk.database))
    office = work.desk.booking.offices[OFFICE]
    known = await live.mark(office)
    told: list[str] = []

    async def watch() -> None:
        async for event in live.events(office, known=known):
            told.append(event)
            if "event: changed" in event:
                return

    async with asyncio.timeout(10):
        watching = asyncio.create_task(watch())
        await lead.post(f"/v1/staff/offices/{OFFICE}/tickets", a_visit())
        await watching

    assert told[0].startswith("retry:")
    assert known not in told[-1]
    assert await live.mark(office) in told[-1]


async def test_a_display_knows_its_own_office_only(work: AtWork) -> None:
    displays = Displays(work.desk.database)
    token = await displays.renew(OFFICE)
    assert await displays.allows(OFFICE, token)
    assert not await displays.allows("tuttlingen", token)
    assert not await displays.allows(OFFICE, "")


async def test_another_day_of_todays_list_is_the_plan_of_that_day(work: AtWork) -> None:
    """Seen to fail with the page of today for every day, and with the day after the calendar's last one."""
    by = await at_the_screen(work, "service_point")

    led = await by.http.get("/staff/today?day=2026-12-08&team=caseworkers")
    assert (led.status_code, led.headers["Location"]) == (303, "/staff/plan?day=2026-12-08&team=caseworkers")
    led = await by.http.get("/staff/today?day=2026-12-08&team=nobody")
    assert led.headers["Location"] == "/staff/plan?day=2026-12-08"
    assert 'value="2026-12-08"' in await by.see("/staff/today?day=2026-12-08")
    for day in ("2026-13-08", "morgen", "0001-01-01", "9999-12-31"):
        for page in ("today", "plan", "plan/week"):
            answer = await by.http.get(f"/staff/{page}?day={day}")
            assert (answer.status_code, f"{day}: Diesen Tag gibt es nicht." in answer.text) == (422, True), page
    for page in ("today", "plan"):
        assert (await by.http.get(f"/staff/{page}?day=")).status_code == 200
