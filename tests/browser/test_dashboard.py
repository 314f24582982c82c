"""The dashboard in a real browser: signed in by key, on a phone and a desk, with and without scripts."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from deploy.local.stack import Service, Stack
from tests.integration.reporting.asking import publish_now, until_told
from tests.integration.reporting.stories import TEAMS, Wire, an_appointment, an_office

_OFFICE, _EMPTY, _LIVELY = "browsed", "idle", "lively"
_PHONE, _DESK = ViewportSize(width=360, height=740), ViewportSize(width=1280, height=900)
_CAME = ("held", "confirmed", "checked_in", "called", "in_service", "completed")
Visit = Callable[..., Page]


def _events() -> list[Wire]:
    now = datetime.now(UTC)
    at: dict[str, Any] = {"office": _OFFICE, "step_takes": timedelta(0)}
    events = [an_office(_OFFICE, "Amt mit Zahlen", **TEAMS), an_office(_EMPTY, "Amt ohne Zahlen")]
    events.append(an_office(_LIVELY, "Amt von heute"))
    for number in range(8):
        place: dict[str, Any] = {
            "team": "caseworkers" if number % 2 else "service_point",
            "service": f"service_{number % 3}",
        }
        day = now - timedelta(days=number)
        events += an_appointment(f"browsed-{number}", *_CAME, at=day, starts_at=day, **at, **place)
    return events


@pytest.fixture(scope="module")
def reporting(servers: Stack) -> Iterator[Service]:
    service = servers.start_service("reporting", name="reporting-browsed")
    publish_now(servers.secret("admin_amqp_url"), _events())
    with httpx.Client(base_url=service.url, headers=servers.reader) as http:
        until_told(http, _OFFICE, confirmed=8)
    yield service
    service.stop()


@pytest.fixture
def visit(browser: Browser, reporting: Service, servers: Stack) -> Iterator[Visit]:
    """Opens a page of somebody who signed in; `seen` collects what the browser complained about and asked for."""
    contexts: list[BrowserContext] = []

    def open_page(path: str, *, seen: list[str] | None = None, **options: Any) -> Page:
        context = browser.new_context(base_url=reporting.url, locale="de-DE", **options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        if seen is not None:
            page.on("console", lambda message: seen.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: seen.append(str(error)))
            page.on("request", lambda r: None if r.url.startswith(reporting.url) else seen.append(r.url))
        page.goto(path)
        page.get_by_label("Schlüssel").fill(servers.secret("reporting_staff_keys"))
        page.get_by_role("button", name="Anmelden").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    yield open_page
    for context in contexts:
        context.close()


def _violations(page: Page) -> list[str]:
    return [f"{found['id']}: {found['nodes'][0]['html']}" for found in Axe().run(page).response["violations"]]


def _scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.mark.parametrize("size", [_PHONE, _DESK])
@pytest.mark.parametrize("path", [f"/?office={_OFFICE}", f"/?office={_EMPTY}&lang=de"])
def test_page_is_accessible_and_fits(visit: Visit, path: str, size: ViewportSize) -> None:
    seen: list[str] = []
    page = visit(path, seen=seen, viewport=size)
    expect(page.get_by_role("heading", level=1)).to_have_text("Termine in Zahlen")
    for details in page.locator("summary").all():
        details.click()
    assert _violations(page) == []
    assert not _scrolls_sideways(page)
    assert seen == []


def test_key_page_is_accessible(browser: Browser, reporting: Service) -> None:
    page = browser.new_page(base_url=reporting.url, viewport=_PHONE)
    page.goto("/sign-in")
    page.locator("#key").fill("nonsense")
    page.locator("button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert _violations(page) == []
    page.close()


def test_resume_as_page_is_accessible_and_fits(visit: Visit) -> None:
    page = visit(f"/?office={_OFFICE}", viewport=_PHONE)
    page.get_by_role("link", name="Résumé (HTML)").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Résumé der Terminvergabe")
    assert _violations(page) == []
    assert not _scrolls_sideways(page)


def test_day_is_kept_up_to_date(visit: Visit, servers: Stack) -> None:
    page = visit(f"/?office={_LIVELY}", viewport=_DESK)
    expect(page.get_by_role("status")).to_have_text("Wird laufend aktualisiert")
    waiting = page.locator("[data-live=waiting_now]")
    expect(waiting).to_have_text("0")
    now = datetime.now(UTC)
    came = an_appointment(
        "browsed-waits",
        *("held", "confirmed", "checked_in"),
        at=now,
        step_takes=timedelta(0),
        starts_at=now,
        office=_LIVELY,
    )
    publish_now(servers.secret("admin_amqp_url"), came)
    expect(waiting).to_have_text("1")


def test_page_says_the_same_without_scripts(visit: Visit) -> None:
    page = visit(f"/?office={_OFFICE}", viewport=_PHONE, java_script_enabled=False)
    expect(page.get_by_role("status")).to_contain_text("Stand beim Laden der Seite")
    expect(page.locator("[data-value=served]")).to_have_text("8")
    expect(page.get_by_role("img").first).to_be_visible()


def test_choice_stands_in_the_address(visit: Visit) -> None:
    page = visit(f"/?office={_OFFICE}", viewport=_DESK)
    page.get_by_label("Zeitraum", exact=True).select_option("year")
    page.get_by_label("Team", exact=True).select_option("caseworkers")
    page.get_by_role("button", name="Anzeigen").click()
    page.wait_for_url(
        lambda url: "period=year" in url and "team=caseworkers" in url and f"office={_OFFICE}" in url
    )
    expect(page.locator("[data-figure=confirmed]")).to_have_text("4")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Appointments in figures")
    expect(page.locator("[data-figure=confirmed]")).to_have_text("4")


def test_charts_are_named_and_have_their_numbers_behind_them(visit: Visit) -> None:
    page = visit(f"/?office={_OFFICE}", viewport=_DESK)
    chart = page.get_by_role("img", name="Gebucht und abgesagt")
    expect(chart).to_be_visible()
    page.get_by_text("Als Tabelle: Gebucht und abgesagt").click()
    cells = page.get_by_role("region", name="Tabelle: Gebucht und abgesagt").locator("td:nth-child(2)")
    assert sum(int(cell) for cell in cells.all_inner_texts()) == 8


def test_office_without_figures_says_so(visit: Visit) -> None:
    page = visit(f"/?office={_EMPTY}", viewport=_PHONE)
    expect(page.get_by_role("heading", name="Noch keine Zahlen")).to_be_visible()
    expect(page.get_by_role("img")).to_have_count(0)
