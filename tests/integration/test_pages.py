"""The citizens' pages where time passes: holds that are made longer and run out, nothing free, offers."""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.stack import Stack
from services.booking.domain.appointment import Expired, WrongStatus
from services.booking.domain.rules import Online, Quota, Theme
from tests.builders import HECHINGEN
from tests.integration.booking_harness import KEYS
from tests.integration.office_harness import OFFICE, OTHER_OFFICE, AtWork, a_client, an_office_at_work
from tests.integration.pages_harness import at_the_screen

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


@pytest.fixture
async def web(work: AtWork) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(work.app) as client:
        yield client


def typed(**more: str) -> dict[str, Any]:
    journey = {"lang": "de", "office": OFFICE, "home": HECHINGEN, "service": "eat_pickup", "yes": "pin_letter"}
    return {
        **journey,
        "family_name": "Öztürk",
        "email": f"{uuid4().hex[:8]}@example.org",
        "key": uuid4().hex,
        **more,
    }


async def held(work: AtWork, web: httpx.AsyncClient, **more: str) -> dict[str, Any]:
    """What the page sends on that shows a held time."""
    body = typed(starts_at=work.at("10:00", days=3).isoformat(), **more)
    page = await web.post("/book/check", data=body)
    assert page.status_code == 200, page.text
    return {**body, "id": field(page.text, "id"), "token": field(page.text, "token")}


def field(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', html)
    assert found, html
    return found[1]


async def test_a_hold_is_made_longer_once_and_only_while_it_runs(work: AtWork, web: httpx.AsyncClient) -> None:
    body = await held(work, web)
    booking, minutes = work.desk.booking, work.desk.booking.offices[OFFICE].data.booking.hold_minutes
    first = await booking.appointments.get(body["id"])
    work.it_is("08:35")

    page = await web.post("/book/extend", data=body)
    longer = await booking.appointments.get(body["id"])
    await web.post("/book/extend", data=body)
    again = await booking.appointments.get(body["id"])

    assert first.expires_at is not None
    assert longer.expires_at is not None
    assert first.expires_at < longer.expires_at == again.expires_at
    assert (longer.expires_at - booking.clock.now()).total_seconds() <= minutes * 60
    assert longer.version == first.version
    assert 'action="/book/extend"' not in page.text
    work.it_is("09:30")
    with pytest.raises(Expired):
        await booking.extend(body["id"])


async def test_a_hold_that_ran_out_leads_to_the_times_with_all_that_was_typed(
    work: AtWork, web: httpx.AsyncClient
) -> None:
    body = await held(work, web)
    work.it_is("09:30")

    for path in ("/book/request", "/book/extend"):
        page = await web.post(path, data=body)
        assert page.status_code == 410
        assert 'action="/book/times"' in page.text
        assert field(page.text, "email") == body["email"]
        assert field(page.text, "family_name") == "Öztürk"


async def test_the_same_form_twice_is_one_hold_and_another_time_is_another(
    work: AtWork, web: httpx.AsyncClient
) -> None:
    body = await held(work, web)
    again = await held(work, web, **{name: body[name] for name in ("key", "email")})
    other = await web.post("/book/check", data={**body, "starts_at": work.at("11:00", days=3).isoformat()})

    assert again["id"] == body["id"]
    assert field(other.text, "id") != body["id"]


async def test_what_is_booked_stays_booked_whatever_old_page_is_sent(work: AtWork, web: httpx.AsyncClient) -> None:
    body = await held(work, web)
    await web.post("/book/request", data=body)
    appointment = await work.desk.booking.appointments.get(body["id"])
    assert appointment.contact_sequence is not None
    code = KEYS.code(body["id"], appointment.contact_sequence)
    wrong = await web.post("/book/confirm", data={**body, "code": f"{(int(code) + 1) % 1_000_000:06d}"})
    done = await web.post("/book/confirm", data={**body, "code": f"{code[:3]} {code[3:]}"})
    assert (wrong.status_code, done.status_code) == (422, 200)

    for path in ("/book/check", "/book/request"):
        page = await web.post(path, data=body)
        assert page.status_code == 200
        assert "Ihr Termin ist bestätigt" in page.text
    with pytest.raises(WrongStatus):
        await work.desk.booking.extend(body["id"])


async def test_who_has_an_appointment_is_asked_which_one_it_shall_be(work: AtWork, web: httpx.AsyncClient) -> None:
    address = f"{uuid4().hex[:8]}@example.org"
    first = await confirmed(work, web, email=address)
    body = await held(work, web, email=address)
    await web.post("/book/request", data=body)
    appointment = await work.desk.booking.appointments.get(body["id"])
    assert appointment.contact_sequence is not None
    secret = KEYS.secret("confirm", body["id"], appointment.contact_sequence)
    code = KEYS.code(body["id"], appointment.contact_sequence)

    by_code = await web.post("/book/confirm", data={**body, "code": code})
    assert (by_code.status_code, "Sie haben schon einen Termin" in by_code.text) == (409, True)
    asked = await web.post(f"/confirm/{body['id']}", data={"secret": secret, "lang": "de"})
    assert asked.status_code == 409
    assert "Sie haben schon einen Termin" in asked.text
    moved = await web.post(f"/confirm/{body['id']}", data={"secret": secret, "instead": "move"})
    assert moved.status_code == 200
    assert (await work.desk.booking.appointments.get(first)).status == "cancelled"


async def confirmed(work: AtWork, web: httpx.AsyncClient, **more: str) -> str:
    body = await held(work, web, **more)
    await web.post("/book/request", data=body)
    appointment = await work.desk.booking.appointments.get(body["id"])
    assert appointment.contact_sequence is not None
    code = KEYS.code(body["id"], appointment.contact_sequence)
    done = await web.post("/book/confirm", data={**body, "code": code})
    assert done.status_code == 200
    return str(body["id"])


async def test_ones_own_page_moves_waits_speaks_and_takes_back(work: AtWork, web: httpx.AsyncClient) -> None:
    id = await confirmed(work, web)
    own = {"secret": KEYS.secret("manage", id), "lang": "de"}
    booking = work.desk.booking

    to = work.at("11:00", days=3)
    times = await web.post(f"/manage/{id}/move", data=own)
    assert to.astimezone(booking.offices[OFFICE].zone).isoformat() in times.text or 'name="day"' in times.text
    assert (await web.post(f"/manage/{id}/move", data={**own, "starts_at": to.isoformat()})).status_code == 200
    assert (await booking.appointments.get(id)).starts_at == to

    await web.post(f"/manage/{id}/language", data={**own, "messages": "tr"})
    changed = await booking.appointments.get(id)
    assert changed.contact is not None
    assert changed.contact.language == "tr"

    first, last = work.at("00:00", days=2).date(), work.at("00:00", days=9).date()
    page = await web.post(f"/manage/{id}/wait", data={**own, "first": str(first), "last": str(last)})
    assert (page.status_code, (await booking.appointments.get(id)).wish is not None) == (200, True)
    assert (await web.post(f"/manage/{id}/wait", data={**own, "first": "x", "last": "y"})).status_code == 422
    await web.post(f"/manage/{id}/leave", data=own)
    assert (await booking.appointments.get(id)).wish is None

    asked = await web.post(f"/manage/{id}/ask-cancel", data=own)
    assert "Wirklich absagen?" in asked.text
    assert (await booking.appointments.get(id)).status == "confirmed"
    cancelled = await web.post(f"/manage/{id}/cancel", data=own)
    assert "Absage zurücknehmen" in cancelled.text
    await web.post(f"/manage/{id}/restore", data=own)
    assert (await booking.appointments.get(id)).status == "confirmed"


async def test_the_waiting_list_is_joined_from_the_page_once(work: AtWork, web: httpx.AsyncClient) -> None:
    first, last = work.at("00:00", days=2).date(), work.at("00:00", days=9).date()
    body = typed(first=str(first), last=str(last), part="morning")

    pages = [await web.post("/book/wait", data=body) for _ in range(2)]

    assert [page.status_code for page in pages] == [200, 200]
    # There is no time yet that could be given back.
    assert all("Erst dann stehen Sie auf der Warteliste." in page.text for page in pages)
    assert not any("geben wir die Zeit wieder frei" in page.text for page in pages)
    ids = {field(page.text, "id") for page in pages}
    assert len(ids) == 1
    entry = await work.desk.booking.appointments.get(ids.pop())
    assert entry.wish is not None
    assert (entry.status, entry.wish.day_part) == ("requested", "morning")


async def test_where_nothing_is_free_the_page_says_what_can_be_done(servers: Stack) -> None:
    for_staff = Quota.model_validate(
        {"team": "service_point", "from": "00:00", "until": "23:55", "channel": "staff"}
    )
    async with an_office_at_work(servers, quotas=(for_staff,)) as work, a_client(work.app) as web:
        page = await web.post("/book/times", data=typed())

    assert page.status_code == 200
    assert "Gerade ist keine Zeit frei" in page.text
    assert 'action="/book/wait"' in page.text
    assert "Läuft Ihr Aufenthaltstitel bald ab?" in page.text


async def test_while_online_booking_is_paused_the_pages_say_why(servers: Stack) -> None:
    online = Online(paused=True, notice={"de": "Wir ziehen um.", "en": "We are moving."})
    async with an_office_at_work(servers, online=online) as work, a_client(work.app) as web:
        start = await web.get(f"/?office={OFFICE}&lang=en")
        page = await web.post("/book/check", data=typed(starts_at=work.at("10:00", days=3).isoformat()))

    assert "We are moving." in start.text
    assert 'action="/book/service"' not in start.text
    assert (page.status_code, "Wir ziehen um." in page.text) == (409, True)


async def test_an_office_with_its_own_colour_and_name_shows_them_on_all_its_pages(servers: Stack) -> None:
    """As a file, since the pages' policy forbids styles within them; another office looks as ever."""
    own = Theme(name={"de": "Landratsamt Musterkreis"}, accent="#8a1538")
    async with an_office_at_work(servers, theme=own) as work, a_client(work.app) as web:
        screen = await at_the_screen(work, "service_point")
        pages = [(await web.get("/", params={"office": OFFICE})).text, await screen.see("/staff/today")]
        pages.append((await web.post("/book/times", data=typed())).text)
        links = {link for page in pages for link in re.findall(r'href="(/static/theme/[^"]+)"', page)}
        (link,) = links
        sheet, stale, none = [await web.get(path) for path in (link, f"{link[:-8]}.css", "/static/theme/x/y.css")]
        elsewhere = await web.get("/", params={"office": OTHER_OFFICE})
        await screen.http.aclose()

    for page in pages:
        assert "Landratsamt Musterkreis</a>" in page.replace("\xad", "")
        assert "style=" not in page
    assert "--accent:#8a1538" in sheet.text
    assert sheet.headers["content-type"].startswith("text/css")
    assert ["immutable" in one.headers["cache-control"] for one in (sheet, stale)] == [True, False]
    assert stale.text == sheet.text
    assert none.status_code == 404
    assert "/static/theme/" not in elsewhere.text
