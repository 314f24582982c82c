"""No page of the staff leads nowhere on the listener that serves it, as the delivered proxy has its listeners."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from deploy.local.process import ROOT
from deploy.local.stack import Stack
from services.booking.domain.actors import ROLES
from tests.integration.office_harness import CITIZENS, OFFICE, AtWork, an_office_at_work
from tests.integration.pages_harness import OURS, PASSWORD, AtTheScreen, a_browser, at_the_screen
from tests.integration.test_staff_pages_guarded import NEEDS, OPEN, path_of

pytestmark = pytest.mark.anyio

STAFF = "https://termine.example"
_NGINX = (ROOT / "deploy" / "production" / "nginx.conf").read_text(encoding="utf-8")
_LOCATION = re.compile(r"location (?:(=|~\*|~) )?(\S+) \{ (return \d+|proxy_pass http://\w+)")
_LINK = re.compile(r'<(?:a|link|script|form)\b[^>]*?\b(?:href|src|action)="([^#"][^"]*)"')
_OF_ONE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+")


class Listener:
    """What nginx does with a path: an exact place first, then the first pattern, then the longest beginning."""

    def __init__(self, port: str) -> None:
        (block,) = [one for one in _NGINX.split("\n    server {") if f"listen {port} ssl;" in one]
        self._places = _LOCATION.findall(block)
        assert self._places

    def does(self, path: str) -> str:
        exact = [do for how, place, do in self._places if how == "=" and place == path]
        patterns = [do for how, place, do in self._places if "~" in how and re.search(place, path, _case(how))]
        begins = [(len(place), do) for how, place, do in self._places if not how and path.startswith(place)]
        return next(iter([*exact, *patterns, *(do for _, do in sorted(begins, reverse=True))]), "return 404")


def _case(how: str) -> int:
    return re.IGNORECASE if how == "~*" else 0


@dataclass
class Crawl:
    """Asks for every link of every page once, and goes on from the staff's pages that it finds that way."""

    clients: dict[str, httpx.AsyncClient]
    listeners: dict[str, Listener]
    links: dict[str, str | None] = field(default_factory=dict)
    pages: set[tuple[str, int]] = field(default_factory=set)
    dead: list[tuple[str, str, str]] = field(default_factory=list)

    async def page(self, answer: httpx.Response) -> None:
        if not answer.headers.get("Content-Type", "").startswith("text/html"):
            return
        self.pages.add((answer.url.path, answer.status_code))
        for found in _LINK.findall(answer.text):
            link = urljoin(str(answer.url), found.replace("&amp;", "&")).split("#")[0]
            if link.startswith("https://") and (why := await self.why_dead(link)):
                self.dead.append((str(answer.url), link, why))

    async def why_dead(self, link: str) -> str | None:
        if link not in self.links:
            self.links[link] = None
            self.links[link] = await self.asked(link)
        return self.links[link]

    async def asked(self, link: str) -> str | None:
        parts = urlsplit(link)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self.listeners:
            return "of nobody"
        does = self.listeners[origin].does(parts.path)
        if does != "proxy_pass http://booking":
            return does if does == "return 404" else None
        answer = await self.clients[origin].get(link, follow_redirects=True)
        if answer.status_code == 404:
            return "404"
        if str(answer.url).startswith(STAFF) and self._is_new(answer):
            await self.page(answer)
        return None

    def _is_new(self, answer: httpx.Response) -> bool:
        """Of a page for each day, desk or appointment one is enough."""
        known = {_OF_ONE.sub("*", path) for path, _ in self.pages}
        return _OF_ONE.sub("*", answer.url.path) not in known


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


async def test_every_link_on_a_page_of_the_staff_leads_somewhere(work: AtWork) -> None:
    """Seen to fail with the password's and the faults' pages on the citizens' frame, with a foot that names paths
    alone, and with the fault of a display leading back to the staff's pages."""
    by, reader = await at_the_screen(work, *ROLES), await at_the_screen(work, "read_only")
    everybody = httpx.AsyncClient(transport=httpx.ASGITransport(work.app), base_url=CITIZENS)
    crawl = Crawl({STAFF: by.http, CITIZENS: everybody}, {STAFF: Listener("9443"), CITIZENS: Listener("8443")})
    await something_to_see(work, by)

    for route in [one for one in (*NEEDS, *OPEN) if one.startswith("GET") and not one.endswith("/events")]:
        await crawl.page(await by.http.get(path_of(route)[1], follow_redirects=True))
    await crawl.page(await reader.http.get("/staff/accounts"))
    async for answer in the_way_of_a_password(work):
        await crawl.page(answer)
    for path in (f"/display/{OFFICE}?token=old", "/check-in/nowhere", f"/check-in/{OFFICE}"):
        await crawl.page(await everybody.get(path))

    assert crawl.dead == []
    assert {
        ("/staff/accounts", 403),
        ("/staff/setup/history/1", 200),
        *(("/staff/password", status) for status in (200, 410, 422)),
        *((path, 404) for path in (path_of("GET /staff/appointments/{id}")[1], f"/display/{OFFICE}")),
    } <= crawl.pages
    assert {f"{CITIZENS}/{name}?lang=de&office={OFFICE}" for name in ("imprint", "privacy", "accessibility")} <= (
        crawl.links.keys()
    )
    assert f"{STAFF}/staff" in crawl.links


async def something_to_see(work: AtWork, by: AtTheScreen) -> None:
    colleague = await work.colleague("lead")
    await work.booked(colleague, "10:00", contact={"phone": "+497461926001", "language": "de"})
    day = work.day.date().isoformat()
    await by.sent("/staff/closures/save", first=day, start="10:00", end="11:00", reason="Wasserschaden")
    await by.sent("/staff/accounts", login="kim.beispiel", roles=["lead"])


async def the_way_of_a_password(work: AtWork) -> AsyncIterator[httpx.Response]:
    """The page of the link, too short a password, the one that is taken, and the link that is used up."""
    _, link = await work.staff.administration.add(
        login="robin.beispiel", name=None, roles=("lead",), office=OFFICE
    )
    async with a_browser(work.app) as http:
        page = f"/staff/password?token={link.secret}"
        yield await http.get(page)
        for password in ("kurz", PASSWORD, PASSWORD):
            form = {"token": link.secret, "password": password}
            yield await http.post("/staff/password", data=form, headers=OURS)
