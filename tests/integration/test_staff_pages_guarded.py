"""What must not work on the staff's pages: foreign forms, foreign frames, foreign offices, planted scripts."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute

from deploy.local.stack import Stack
from services.booking.api.signed_in import COOKIE
from services.booking.commands import Day, TicketRequest
from services.booking.domain.actors import RIGHTS, ROLES, Permission, staff
from services.booking.domain.office import Member
from services.booking.storage import DayBook
from services.booking.web.staff.rendering import own_path
from tests.builders import HECHINGEN
from tests.integration.office_harness import OFFICE, OTHER_OFFICE, AtWork, O, an_office_at_work
from tests.integration.pages_harness import OURS, PASSWORD, AtTheScreen, a_browser, account_of, at_the_screen

pytestmark = pytest.mark.anyio

# What each page needs; None: a session only. What is open to everybody stands in OPEN.
NEEDS: dict[str, Permission | None] = {
    "POST /staff/sign-out": None,
    "POST /staff/place": None,
    "GET /staff/account": None,
    "POST /staff/account/password": None,
    "POST /staff/account/sessions/{id}": None,
    "GET /staff/today": "see_day",
    "GET /staff/today/events": "see_day",
    "GET /staff/today.pdf": "see_person",
    "POST /staff/appointments/{id}/do/{action}": "serve",
    "POST /staff/teams/{team}/{what}": "serve",
    "GET /staff/ticket": "book",
    "POST /staff/ticket": "book",
    "GET /staff/book": "book",
    "POST /staff/book": "book",
    "GET /staff/search": "see_person",
    "POST /staff/search": "see_person",
    "GET /staff/review": "see_person",
    "GET /staff/appointments/{id}": "see_person",
    "GET /staff/appointments/{id}/slip": "see_person",
    "POST /staff/appointments/{id}/move": "book",
    "POST /staff/appointments/{id}/desk": "book",
    "POST /staff/appointments/{id}/name": "book",
    "POST /staff/appointments/{id}/members": "book",
    "POST /staff/appointments/{id}/cancel": "book",
    "POST /staff/appointments/{id}/follow-up": "book",
    "POST /staff/appointments/{id}/reviewed": "book",
    "POST /staff/appointments/{id}/messages": "book",
    "GET /staff/calls": "see_day",
    "POST /staff/calls/{id}/{what}": "book",
    "GET /staff/plan": "see_day",
    "GET /staff/plan/week": "see_day",
    "GET /staff/closures": "schedule",
    "POST /staff/closures/{step}": "schedule",
    "POST /staff/closures/remove/{kind}/{place}": "schedule",
    "GET /staff/conflicts": "schedule",
    "POST /staff/replan/{step}": "schedule",
    "POST /staff/close-now/{step}": "schedule",
    "GET /staff/invitations": "invite",
    "POST /staff/invitations": "invite",
    "POST /staff/invitations/{id}/revoke": "invite",
    "GET /staff/audit": "audit",
    "GET /staff/accounts": "staff",
    "POST /staff/accounts": "staff",
    "GET /staff/accounts/{id}": "staff",
    "POST /staff/accounts/{id}": "staff",
    "POST /staff/accounts/{id}/link": "staff",
    "POST /staff/accounts/{id}/{whether}": "staff",
    "GET /staff/displays": "schedule",
    "POST /staff/displays": "schedule",
    "GET /staff/training": "see_day",
    "POST /staff/training/office": "schedule",
    "POST /staff/training/people/{what}": "book",
    "POST /staff/training/{way}": "see_day",
    "GET /staff/setup": "schedule",
    "GET /staff/setup/edit/{id}": "schedule",
    "POST /staff/setup/edit/{id}/preview": "schedule",
    "POST /staff/setup/edit/{id}/save": "schedule",
    "GET /staff/setup/history": "schedule",
    "GET /staff/setup/history/{version}": "schedule",
    "POST /staff/setup/history/{version}": "schedule",
    "GET /staff/setup/export.toml": "schedule",
    "GET /staff/setup/import": "schedule",
    "POST /staff/setup/import/preview": "schedule",
    "POST /staff/setup/import/save": "schedule",
}
OPEN = {
    "GET /staff",
    "GET /staff/sign-in",
    "POST /staff/sign-in",
    "GET /staff/arrived",
    "GET /staff/password",
    "POST /staff/password",
}
_FILLED = {
    "id": "8a6e0804-2bd0-4672-b79d-d97027f9071a",
    "action": "check-in",
    "team": "service_point",
    "what": "pause",
    "whether": "block",
    "step": "preview",
    "kind": "closures",
    "place": "99",
    "version": "1",
    "way": "enter",
}
# The one ends the session; the other goes on for seconds, and every role may see it.
_NOT_CALLED = {"POST /staff/sign-out", "GET /staff/today/events"}
HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "abc\u202egpj.exe", "{{ 7*7 }}")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


def routes_of(work: AtWork) -> set[str]:
    return {
        f"{method} {route.path}"
        for route in within(work.app.routes)
        if route.path == "/staff" or route.path.startswith("/staff/")
        for method in route.methods or ()
    }


def within(routes: Iterable[Any]) -> Iterator[APIRoute]:
    """FastAPI keeps what was included as routers of their own."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from within(route.original_router.routes)


def path_of(route: str) -> tuple[str, str]:
    method, template = route.split(" ")
    return method, re.sub("{(.+?)}", lambda name: _FILLED[name[1]], template)


async def test_each_page_is_in_the_table_of_needs(work: AtWork) -> None:
    assert routes_of(work) == NEEDS.keys() | OPEN


async def test_a_role_reaches_the_pages_that_its_rights_name(work: AtWork) -> None:
    for role in ROLES:
        by = await at_the_screen(work, role)
        refused = {route for route in sorted(NEEDS.keys() - _NOT_CALLED) if await is_refused(by, route)}
        expected = {route for route, needed in NEEDS.items() if needed and needed not in RIGHTS[role]}
        assert refused == expected, role


async def is_refused(by: AtTheScreen, route: str) -> bool:
    """An unknown id or an empty form comes to nothing: what counts is who is let as far as that."""
    method, path = path_of(route)
    answer = await by.http.request(method, path, headers=OURS)
    assert answer.status_code < 500, route
    return answer.status_code == 403


async def test_without_a_session_every_page_asks_to_sign_in(work: AtWork) -> None:
    async with a_browser(work.app) as http:
        for route in NEEDS:
            method, path = path_of(route)
            answer = await http.request(method, path, headers={**OURS, "Cookie": f"{COOKIE}=made-up"})
            assert answer.status_code == 303, route
            assert answer.headers["Location"].startswith("/staff/sign-in?next=/staff"), route


async def test_a_form_of_another_site_does_nothing(work: AtWork) -> None:
    """Without `check_origin` in `_token` each of these pauses the team."""
    by = await at_the_screen(work, "lead")
    foreign: list[dict[str, str]] = [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://termine.example.evil.example"},
        {},
    ]
    for headers in foreign:
        for path in ("/staff/teams/service_point/pause", f"{O}/pause"):
            body = {"team": "service_point"}
            sent: dict[str, Any] = {"json": body} if path == f"{O}/pause" else {"data": body}
            assert (await by.http.post(path, headers=headers, **sent)).status_code == 403, headers
    assert "day.paused" not in await work.recorded()

    assert (await by.http.post("/staff/teams/service_point/pause", headers=OURS)).status_code == 303
    own = {"Origin": "https://termine.example"}
    assert (await by.http.post("/staff/teams/service_point/resume", headers=own)).status_code == 303


async def test_nobody_is_signed_in_by_another_sites_form(work: AtWork) -> None:
    account = await account_of(work, "lead")
    async with a_browser(work.app) as http:
        form = {"login": account.login, "password": PASSWORD}
        answer = await http.post("/staff/sign-in", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_signing_in_ends_the_session_that_the_browser_had(work: AtWork) -> None:
    """Whoever planted a session of their own, or kept an old one, does not go on with it."""
    account = await account_of(work, "lead")
    planted, _ = await work.staff.sessions.open(account.id, now=work.desk.clock.now())
    async with a_browser(work.app) as http:
        http.cookies.set(COOKIE, planted, domain="termine.example", path="/")
        form = {"login": account.login, "password": PASSWORD}
        answer = await http.post("/staff/sign-in", data=form, headers=OURS)

    cookie = answer.headers["Set-Cookie"]
    assert planted not in cookie
    assert all(part in cookie for part in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"))
    assert await work.staff.sign_in.who(planted) is None


async def test_signing_out_ends_the_session_itself(work: AtWork) -> None:
    by = await at_the_screen(work, "lead")
    token = by.http.cookies[COOKIE]
    await by.send("/staff/sign-out")
    by.http.cookies.set(COOKIE, token, domain="termine.example", path="/")
    assert (await by.http.get("/staff/today")).status_code == 303


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/staff//evil.example",
        "/staff/../evil",
        "/staffx",
        "/staff/today\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/staff/today?next=//evil.example/@x",
        "/manage/1",
        "",
    ],
)
async def test_the_sign_in_leads_to_pages_of_the_staff_only(path: str) -> None:
    assert own_path(path) == "/staff/today"


async def test_the_sign_in_leads_back_to_where_one_was(work: AtWork) -> None:
    account = await account_of(work, "lead")
    async with a_browser(work.app) as http:
        asked = await http.get("/staff/plan?day=2026-12-07&team=service_point")
        page = (await http.get(asked.headers["Location"])).text
        path = re.search(r'name="next" value="([^"]*)"', page)
        assert path
        form = {"login": account.login, "password": PASSWORD, "next": path[1].replace("&amp;", "&")}
        answer = await http.post("/staff/sign-in", data=form, headers=OURS)
    assert answer.headers["Location"] == "/staff/plan?day=2026-12-07&team=service_point"


async def test_another_offices_appointment_does_not_exist(work: AtWork) -> None:
    own = await work.colleague("lead")
    booked = await work.booked(own, "10:00", days=1)
    stranger = await at_the_screen(work, "lead", office=OTHER_OFFICE)
    before = await work.desk.document(booked["id"])

    for route in NEEDS:
        method, template = route.split(" ")
        if not template.startswith("/staff/appointments/{id}"):
            continue
        path = template.replace("{id}", booked["id"]).replace("{action}", "check-in")
        form = {
            "starts_at": work.at("11:00", days=1).isoformat(),
            "lane": "counter_1",
            "family_name": "Neu",
            "municipality": HECHINGEN,
            "home": HECHINGEN,
            "persons": "1",
            "who": "office",
            "key": str(uuid4()),
            "purpose": "confirmation",
        }
        answer = await stranger.http.request(method, path, headers=OURS, data=form if method == "POST" else None)
        assert answer.status_code == 404, route
        assert "ztürk" not in answer.text

    assert await work.desk.document(booked["id"]) == before
    assert (await stranger.send("/staff/place", office=OFFICE)).status_code == 404
    assert await work.recorded(booked["id"]) == ["appointment.booked"]


async def test_whoever_may_see_no_person_sees_none(work: AtWork) -> None:
    own = await work.colleague("lead")
    await work.booked(own, "10:00", contact={"phone": "+4915123456789", "language": "de"})
    for role in ("read_only", "admin"):
        by = await at_the_screen(work, role)
        for path in ("/staff/today", "/staff/plan", "/staff/calls"):
            page = await by.see(path)
            assert "ztürk" not in page
            assert "15123456789" not in page


async def test_what_somebody_typed_is_never_markup(work: AtWork) -> None:
    """Names come here past the check of names, as an older version might have left them."""
    by = await at_the_screen(work, "lead")
    for text in HOSTILE:
        request = TicketRequest(
            office=OFFICE, service="eat_pickup", family_name=text, members=(Member(HECHINGEN),)
        )
        given = await work_day(work).ticket(request, idempotency_key=str(uuid4()), by=staff(by.account.id))
        pages = [
            await by.see("/staff/today"),
            await by.see("/staff/plan"),
            await by.see(f"/staff/appointments/{given.id}"),
            await by.see(f"/staff/appointments/{given.id}/slip"),
            await by.sent("/staff/search", wanted=text),
            await by.sent("/staff/closures/preview", first="2027-03-01", reason=text),
            await by.sent("/staff/setup/edit/online/preview", version="1", **{"f.online.notice.de": text}),
        ]
        for page in pages:
            assert "<script>alert" not in page
            assert "<img src=x" not in page
    assert "<bdi>{{ 7*7 }}</bdi>" in await by.see("/staff/today")
    assert "<bdi>abc\u202egpj.exe</bdi>" in await by.see("/staff/today")


def work_day(work: AtWork) -> Day:
    return Day(work.desk.booking, DayBook(work.desk.database))


async def test_names_with_direction_marks_or_markup_are_refused_where_they_are_typed(work: AtWork) -> None:
    by = await at_the_screen(work, "lead")
    for text in HOSTILE:
        form = {"service": "eat_pickup", "family_name": text, "municipality": HECHINGEN, "key": str(uuid4())}
        answer = await by.send("/staff/book", **form)
        assert answer.status_code == 422, text
        assert "Nachname: Das ist so nicht lesbar." in answer.text


async def test_no_page_is_framed_kept_or_carries_script_of_its_own(work: AtWork) -> None:
    by = await at_the_screen(work, "lead")
    pages = [path_of(route)[1] for route in NEEDS if route.startswith("GET") and "{" not in route]
    for path in [*pages, "/staff/sign-in", f"/check-in/{OFFICE}", "/staff/nothing"]:
        if path.endswith(("events", ".pdf", ".toml")):
            continue
        answer = await by.http.get(path)
        if path == "/staff/nothing":
            assert answer.status_code == 404
            continue
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", answer.text), path
