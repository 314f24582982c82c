"""The staff's day in a browser: by mouse, by keyboard alone, in two tabs, without scripts, and as axe sees it."""

import re
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from deploy.local.stack import Stack
from services.booking.domain.actors import Role
from services.booking.domain.rules import Theme
from services.booking.offices import Offices
from tests.browser.axe import violations
from tests.browser.served import PASSWORD, Served, served
from tests.browser.test_accessibility import left_on_paper
from tests.builders import HECHINGEN
from tests.integration.office_harness import CITIZENS, OFFICE, OTHER_OFFICE, Colleague

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
_ACCENT = "getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()"
PHONE: ViewportSize = {"width": 320, "height": 640}
PAGES = (
    "today", "ticket", "book", "search", "review", "calls", "plan", "plan/week", "closures", "conflicts",
    "invitations", "audit", "account", "displays", "setup", "setup/edit/hours", "setup/edit/online",
    "setup/edit/locations",
    "setup/edit/service-eat_pickup", "setup/history", "setup/import",
)  # fmt: skip


# Several servers and browsers share a machine here.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def office(servers: Stack) -> Iterator[Served]:
    with served(servers) as office:
        yield office


@pytest.fixture(scope="module")
def lead(office: Served) -> Colleague:
    """Makes what a test needs, by the API."""
    return office.do(office.work.colleague("lead"))


@pytest.fixture
def screen(browser: Browser, office: Served) -> Iterator[BrowserContext]:
    """One browser of somebody who has a desk at counter 2; whatever it says on its console fails the test."""
    context = browser.new_context(base_url=office.url, viewport=DESKTOP, locale="de-DE")
    said: list[str] = []
    context.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    context.on("weberror", lambda error: said.append(str(error.error)))
    yield context
    context.close()
    assert not [line for line in said if "status of 4" not in line]


def signed_in(screen: BrowserContext, office: Served, *roles: Role, at: str = OFFICE) -> Page:
    page = screen.new_page()
    page.goto("/staff/today")
    page.get_by_label("Anmeldename").fill(office.account(*roles, office=at).login)
    page.get_by_label("Passwort").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Heute")
    return page


def at_counter_2(page: Page) -> None:
    page.locator("details.place summary").click()
    page.get_by_label("Mein Platz", exact=True).select_option("counter_2")
    page.get_by_role("button", name="Übernehmen").click()
    expect(page.locator("details.place summary")).to_contain_text("Schalter 2")


def row(page: Page, code: str) -> str:
    found = page.locator("tr.row", has_text=code).get_attribute("id")
    assert found
    return f"tr#{found}"


def test_a_visit_from_the_door_to_its_end_and_back(
    screen: BrowserContext, office: Served, lead: Colleague
) -> None:
    booked = office.do(office.work.booked(lead, "09:00", family_name="Öztürk"))
    page = signed_in(screen, office, "service_point")
    at_counter_2(page)
    other = screen.new_page()
    other.goto("/staff/today")
    mine = row(page, booked["code"])

    for key, done, status in (
        ("Eingetroffen", "Eingetroffen.", "wartet seit"),
        ("Aufrufen", "Aufgerufen.", "aufgerufen"),
        ("Beginnen", "Begonnen.", "am Platz"),
        ("Fertig", "Erledigt.", "erledigt"),
    ):
        page.locator(mine).get_by_role("button", name=key).click()
        expect(page.locator("#message")).to_have_text(done)
        # The other tab hears of it by itself.
        expect(other.locator(mine)).to_contain_text(status)
        if status == "aufgerufen":
            expect(page.locator(mine)).to_contain_text("Schalter 2")

    page.locator("#over summary").click()
    page.locator(mine).get_by_role("button", name="Zurücknehmen").click()
    expect(page.locator("#message")).to_have_text("Zurückgenommen.")
    expect(page.locator(mine)).to_contain_text("am Platz")
    page.locator(mine).get_by_role("button", name="Fertig").click()
    expect(other.locator(mine)).to_contain_text("erledigt")


def test_the_days_actions_by_single_keys_where_a_row_has_the_focus(
    screen: BrowserContext, office: Served, lead: Colleague
) -> None:
    booked = office.do(office.work.booked(lead, "09:30", family_name="Kovač"))
    page = signed_in(screen, office, "caseworker")
    at_counter_2(page)
    mine = row(page, booked["code"])

    page.keyboard.press("e")
    expect(page.locator(mine)).to_contain_text("erwartet")
    page.locator(mine).focus()
    for key, status in (
        ("e", "wartet seit"),
        ("a", "aufgerufen"),
        ("b", "am Platz"),
        ("z", "aufgerufen"),
        ("b", "am Platz"),
    ):
        page.keyboard.press(key)
        expect(page.locator(mine)).to_contain_text(status)
        expect(page.locator(mine)).to_be_focused()
    page.keyboard.press("f")
    expect(page.locator(mine)).to_contain_text("erledigt")


def test_whoever_types_faster_than_the_list_answers_loses_no_key(
    screen: BrowserContext, office: Served, lead: Colleague
) -> None:
    booked = office.do(office.work.booked(lead, "09:40", family_name="Novak"))
    page = signed_in(screen, office, "caseworker")
    at_counter_2(page)
    mine = row(page, booked["code"])
    page.locator(mine).focus()

    for key in "eab":
        page.keyboard.press(key)

    expect(page.locator(mine)).to_contain_text("am Platz")


def test_a_caller_is_booked_by_the_keyboard_alone(screen: BrowserContext, office: Served) -> None:
    page = signed_in(screen, office, "service_point")
    pressed: list[str] = []

    def press(*keys: str) -> None:
        for key in keys:
            pressed.append(key)
            page.keyboard.press(key)

    def write(text: str) -> None:
        pressed.extend(text)
        page.keyboard.type(text)

    page.goto("/staff/book")
    expect(page.get_by_label("Anliegen")).to_be_focused()
    press("Tab")
    write("Yilmaz")
    press("Tab", "Tab")
    write("Hech")
    press("Tab", "Tab", "Tab")
    write("015123456789")
    expect(page.get_by_role("button", name="Buchen")).to_be_visible()
    press("Enter")

    expect(page.locator("#message")).to_have_text("Der Termin ist gebucht.")
    expect(page.locator("main")).to_contain_text("Yilmaz")
    expect(page.locator("main")).to_contain_text("+4915123456789")
    # Seven to move and send, the rest is the name, the first letters of the town, and the number.
    assert len(pressed) == 7 + len("Yilmaz") + len("Hech") + len("015123456789")


def test_whoever_comes_without_appointment_gets_a_number_and_a_slip(
    screen: BrowserContext, office: Served
) -> None:
    page = signed_in(screen, office, "service_point")
    page.get_by_role("link", name="Wartenummer ausgeben").click()
    page.get_by_label("Nachname").fill("Rossi")
    page.get_by_label("Wohnort").select_option(HECHINGEN)
    page.get_by_role("button", name="Ausgeben und drucken").click()

    number = page.locator(".slip h1").inner_text().removeprefix("Wartenummer ")
    assert re.fullmatch(r"W\d{3}", number)
    page.emulate_media(media="print")
    expect(page.locator("nav")).not_to_be_visible()
    page.emulate_media(media="screen")
    page.goto("/staff/today")
    expect(page.locator("tr.row", has_text=number)).to_contain_text("wartet seit")
    for path in ("today", "plan"):
        page.goto(f"/staff/{path}")
        assert left_on_paper(page) == [], path


def test_the_waiting_room_sees_a_call_and_no_name(screen: BrowserContext, office: Served, lead: Colleague) -> None:
    ticket = office.do(lead.post("/v1/staff/offices/zollernalbkreis/tickets", _visitor("Al-Hassan")))
    page = signed_in(screen, office, "lead")
    at_counter_2(page)
    page.goto("/staff/displays")
    page.get_by_role("button", name="Neuen Link machen").click()
    link = page.locator(".token a").get_attribute("href")
    assert link
    room = screen.new_page()
    room.goto(link.removeprefix(CITIZENS))
    assert violations(room) == []

    page.goto("/staff/today")
    page.locator(row(page, ticket["code"])).get_by_role("button", name="Aufrufen").click()

    expect(room.locator("[data-call]", has_text=ticket["ticket"])).to_contain_text("Schalter 2")
    assert "Al-Hassan" not in room.content()
    room.set_viewport_size(PHONE)
    assert not _is_too_wide(room)


def test_a_closure_is_seen_before_and_its_visits_are_re_planned(
    screen: BrowserContext, office: Served, lead: Colleague
) -> None:
    work = office.work
    codes = [
        office.do(work.booked(lead, wall, days=1, family_name="Popescu"))["code"] for wall in ("09:00", "09:20")
    ]
    page = signed_in(screen, office, "lead")
    page.goto("/staff/closures")
    page.get_by_label("Erster Tag").fill(work.at("00:00", days=1).astimezone(work.day.tzinfo).date().isoformat())
    page.get_by_label(re.compile("^Von")).fill("08:30")
    page.locator("#end").fill("10:00")
    page.locator("#reason").fill("Wasserschaden")
    page.get_by_role("button", name="Prüfen, wen es betrifft").first.click()

    for code in codes:
        expect(page.locator("table")).to_contain_text(code)
    assert violations(page) == []
    page.get_by_role("button", name="Speichern").click()
    assert violations(page) == []
    page.get_by_role("button", name="Vorschau").click()
    assert violations(page) == []
    foreseen = page.locator("tr", has_text=codes[0]).locator("td").nth(3).inner_text()
    page.get_by_role("button", name="Umplanen und alle benachrichtigen").click()

    expect(page.locator("tr", has_text=codes[0])).to_contain_text(foreseen)
    assert violations(page) == []
    page.goto("/staff/conflicts")
    expect(page.locator("main")).to_contain_text("Alle Termine passen")


def test_everything_works_without_scripts(browser: Browser, office: Served, lead: Colleague) -> None:
    booked = office.do(office.work.booked(lead, "10:40", family_name="Nguyen"))
    context = browser.new_context(base_url=office.url, viewport=DESKTOP, java_script_enabled=False)
    page = signed_in(context, office, "service_point")
    page.locator(row(page, booked["code"])).get_by_role("button", name="Eingetroffen").click()
    expect(page.locator("#message")).to_have_text("Eingetroffen.")

    page.goto("/staff/book")
    page.get_by_label("Nachname").fill("Rossi")
    page.get_by_label("Wohnort").select_option(HECHINGEN)
    page.get_by_label("Nachname").press("Enter")
    expect(page.get_by_role("button", name="Buchen")).to_be_visible()
    page.get_by_role("radio").first.press("Enter")
    expect(page.locator("#message")).to_have_text("Der Termin ist gebucht.")
    context.close()


def test_every_page_is_accessible_and_fits_a_narrow_screen(
    screen: BrowserContext, office: Served, lead: Colleague
) -> None:
    booked = office.do(office.work.booked(lead, "11:00", family_name="Schäfer-Özdemir-Wohlgemuth"))
    page = signed_in(screen, office, "lead")
    found: dict[str, object] = {}
    for path in (*PAGES, f"appointments/{booked['id']}", f"appointments/{booked['id']}/slip"):
        answer = page.goto(f"/staff/{path}")
        assert answer
        assert answer.status == 200, path
        if faults := violations(page):
            found[path] = faults
        page.set_viewport_size(PHONE)
        if _is_too_wide(page):
            found[f"{path} at 320 px"] = _widest(page)
        page.set_viewport_size(DESKTOP)
    assert found == {}


def test_an_account_is_made_changed_and_blocked(screen: BrowserContext, office: Served) -> None:
    page = signed_in(screen, office, "admin")
    page.get_by_role("link", name="Konten").click()
    page.get_by_label("Anmeldename").fill("kim.beispiel")
    page.get_by_role("button", name="Anlegen und Link zeigen").click()
    expect(page.locator("#roles-fault")).to_contain_text("mindestens eine Rolle")
    assert violations(page) == []
    page.get_by_label("Servicepoint").check()
    page.get_by_role("button", name="Anlegen und Link zeigen").click()
    expect(page.locator(".token")).to_contain_text("/staff/password?token=")
    assert violations(page) == []

    page.get_by_label("Leitung").check()
    page.get_by_role("button", name="Speichern").click()
    expect(page.locator("#message")).to_have_text("Das Konto ist geändert.")
    page.get_by_role("button", name="Sperren").click()
    expect(page.get_by_role("button", name="Wieder zulassen")).to_be_visible()
    page.set_viewport_size(PHONE)
    assert not _is_too_wide(page), _widest(page)
    page.goto("/staff/accounts")
    assert violations(page) == []
    assert not _is_too_wide(page), _widest(page)
    page.locator("summary").click()
    expect(page.get_by_role("link", name="kim.beispiel")).to_be_visible()


def test_the_door_and_the_sign_in_are_accessible_with_their_faults(screen: BrowserContext, office: Served) -> None:
    page = screen.new_page()
    page.goto("/check-in/zollernalbkreis")
    assert violations(page) == []
    page.get_by_label("Ihr Code").fill("ZZZZ0000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("kennen wir heute nicht")
    assert violations(page) == []
    page.goto("/staff/sign-in")
    page.get_by_label("Anmeldename").fill("nobody")
    page.get_by_label("Passwort").fill("nothing")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("stimmt nicht")
    assert violations(page) == []
    page.set_viewport_size(PHONE)
    assert not _is_too_wide(page)


def test_practice_is_seen_on_every_page_until_it_is_left(screen: BrowserContext, office: Served) -> None:
    page = signed_in(screen, office, "lead")
    page.goto("/staff/training")
    assert violations(page) == []
    page.get_by_role("button", name="Übungsamt anlegen").click()
    page.get_by_role("button", name="Üben", exact=True).click()
    band = page.get_by_role("complementary")
    for path in ("/staff/today", "/staff/training", "/?office=zollernalbkreis-uebung&lang=ar"):
        page.goto(path)
        expect(band).to_be_visible()
        assert violations(page) == []
        page.set_viewport_size(PHONE)
        assert not _is_too_wide(page), _widest(page)
        page.set_viewport_size(DESKTOP)
    page.goto("/staff/training")
    page.get_by_role("button", name="Zurück zum echten Amt").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Heute")
    expect(band).to_have_count(0)


@pytest.mark.parametrize(("scheme", "accent"), [("light", "#6b5900"), ("dark", "#ffffcc")])
def test_pages_in_an_offices_own_colours_can_be_read(
    browser: Browser, office: Served, scheme: Literal["light", "dark"], accent: str
) -> None:
    """Colours near the limits of what an office may choose. Seen to fail with words on buttons in the
    colour that links have under the pointer, and with a theme that holds on paper too."""
    offices = office.work.desk.booking.offices
    assert isinstance(offices, Offices)
    there = offices[OTHER_OFFICE]
    data = there.data.model_copy(update={"theme": Theme(accent="#6b5900", accent_dark="#ffffcc")})
    office.do(offices.save(data, actor="somebody", expected_version=there.version))
    context = browser.new_context(base_url=office.url, viewport=DESKTOP, locale="de-DE", color_scheme=scheme)
    page = signed_in(context, office, "lead", at=OTHER_OFFICE)
    for path in ("/staff/today", f"/?office={OTHER_OFFICE}&lang=de"):
        page.goto(path)
        assert page.evaluate(_ACCENT) == accent, path
        assert violations(page) == [], path
        page.emulate_media(media="print")
        assert page.evaluate(_ACCENT) == "#000", path
        page.emulate_media(media="screen")
    context.close()


def _visitor(name: str) -> dict[str, object]:
    return {"service": "eat_pickup", "family_name": name, "members": [{"municipality": HECHINGEN}]}


def _is_too_wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def _widest(page: Page) -> list[str]:
    return list(
        page.evaluate(
            "[...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > innerWidth"
            " && !one.closest('.scroll')).slice(0, 5).map(one => one.outerHTML.slice(0, 120))"
        )
    )
