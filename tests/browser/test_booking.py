"""Booking in a real browser: three languages, no scripts, keyboard, small, large, and when things go wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deploy.local.reading import text_of
from deploy.local.stack import Stack
from tests.browser.conftest import NewPage
from tests.browser.walking import Walker
from tests.citizen import Mailbox

NewWalker = Callable[..., Walker]


@pytest.fixture
def new_walker(new_page: NewPage, stack: Stack) -> NewWalker:
    def make(*, lang: str = "de", **options: Any) -> Walker:
        return Walker(new_page(**options), stack.mail.maildir, lang=lang)

    return make


@pytest.mark.parametrize(("lang", "direction"), [("de", "ltr"), ("en", "ltr"), ("ar", "rtl")])
def test_anybody_books_in_a_few_clicks(new_walker: NewWalker, lang: str, direction: str) -> None:
    walker = new_walker(lang=lang, viewport={"width": 390, "height": 800})
    errors: list[str] = []
    walker.page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    walker.page.on("pageerror", lambda error: errors.append(str(error)))

    walker.to_confirmed()

    html = walker.page.locator("html")
    assert (html.get_attribute("lang"), html.get_attribute("dir")) == (lang, direction)
    expect(walker.page.locator(".code")).to_be_visible()
    # The figures that docs/web.md tells.
    assert (walker.clicks, walker.fields) == (8, 5)
    assert errors == []
    assert walker.page.context.cookies() == []


def test_all_of_it_works_without_scripts_on_the_smallest_screen(new_walker: NewWalker) -> None:
    walker = new_walker(java_script_enabled=False, viewport={"width": 320, "height": 568})
    overflowing: list[str] = []

    def look(page: Page) -> None:
        widest = page.locator("html").evaluate("html => html.scrollWidth")
        if widest > 320:
            overflowing.append(f"{page.url}: {widest}")

    walker.page.on("load", look)
    walker.to_confirmed()
    walker.click("a[href^='/manage/']")
    walker.click("form[action$='/ask-cancel'] button")
    walker.click("form[action$='/cancel'] button")

    expect(walker.page.get_by_role("status")).to_contain_text("abgesagt")
    assert overflowing == []


def test_the_keyboard_alone_is_enough(new_walker: NewWalker) -> None:
    walker = new_walker()
    page = walker.page
    walker.start()
    tab_to(page, "#home")
    page.keyboard.type("Hech")
    press(page, "main form button.primary")
    press(page, "a.choice[href*='service=eat_pickup']")
    press(page, "main form button.primary")
    tab_to(page, "#pin_letter-yes")
    page.keyboard.press("Space")
    press(page, "main form button.primary")
    tab_to(page, "#family_name")
    page.keyboard.type("Öztürk")
    tab_to(page, "#email")
    page.keyboard.type(walker.email)
    press(page, "main form button.primary")
    # In the calendar arrows go from day to day.
    tab_to(page, "table.month button")
    before = page.evaluate("document.activeElement.value")
    page.keyboard.press("ArrowRight")
    after = page.evaluate("document.activeElement.value")
    assert after > before
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.wait_for_selector(f"table.month button[value='{after}'][aria-pressed=true]")
    press(page, ".times button")
    press(page, "#book button")
    tab_to(page, "#code")
    page.keyboard.type(walker.code())
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("bestätigt")


def test_nothing_is_cut_off_at_two_hundred_per_cent(new_walker: NewWalker) -> None:
    """A window of 1280 pixels at 200 % is 640 pixels wide for the page."""
    walker = new_walker(viewport={"width": 640, "height": 400}, device_scale_factor=2)
    for step in (walker.start, walker.to_service, walker.jump_to_contact, walker.jump_to_check):
        step()
        assert walker.page.evaluate("document.documentElement.scrollWidth") <= 640
        cut = "nodes => nodes.filter(n => n.scrollWidth > n.clientWidth + 1).map(n => n.outerHTML)"
        assert walker.page.locator("main h1, main p, main button, main a").evaluate_all(cut) == []


def test_a_double_click_back_and_reload_book_once(new_walker: NewWalker) -> None:
    walker = new_walker()
    walker.jump_to_check()
    held = walker.page.locator("#book [name=id]").get_attribute("value")
    walker.page.locator("#book button").dblclick()
    expect(walker.page.locator("#code")).to_be_visible()
    walker.mail()

    walker.page.go_back()
    assert walker.page.locator("#book [name=id]").get_attribute("value") == held
    walker.page.locator("#book button").click()
    walker.page.reload()
    walker.page.fill("#code", walker.code())
    walker.go_on()
    expect(walker.page.locator("h1")).to_contain_text("bestätigt")

    # Back to what asked to book, and once more: it is booked, and stays booked once.
    walker.page.go_back()
    walker.page.go_back()
    walker.page.locator("#book button").click()
    expect(walker.page.locator("h1")).to_contain_text("bestätigt")
    asking = [mail for mail in mails_of(walker) if "confirm" in mail]
    assert len(asking) == 1


def test_of_two_tabs_that_want_one_time_one_gets_it(new_walker: NewWalker) -> None:
    """A caseworker's desk is one: the second is told, keeps what was typed, and takes another time."""
    first = new_walker()
    second = Walker(first.page.context.new_page(), first.maildir)
    for tab in (first, second):
        tab.family_name = "Zimmermann"
        tab.jump_to_times(service="commitment")
    last = "ul.times:last-of-type li:last-child button"
    wanted = first.page.locator(last).get_attribute("value")
    first.page.locator(last).click()
    expect(first.page.locator("#book")).to_be_visible()
    second.page.locator(last).click()

    expect(second.page.get_by_role("alert")).to_contain_text("gerade jemand anderes gebucht")
    assert second.page.locator(f".times button[value='{wanted}']").count() == 0
    assert second.page.locator("#calendar [name=email]").first.get_attribute("value") == second.email
    second.page.locator(last).click()
    expect(second.page.locator("#book")).to_be_visible()


def test_a_hold_counts_down_aloud_is_extended_once_and_ends(new_walker: NewWalker) -> None:
    walker = new_walker()
    page = walker.page
    page.clock.install()
    walker.jump_to_check()
    page.locator("#extend button").click()
    expect(page.locator("#left")).to_contain_text(":")
    assert page.locator("#extend").count() == 0

    page.clock.fast_forward("05:00")
    expect(page.locator("#said")).to_have_text("Noch 5 Minuten reserviert.")
    page.clock.fast_forward("04:30")
    expect(page.locator("#said")).to_have_text("Nur noch eine Minute reserviert.")
    page.clock.fast_forward("01:00")
    expect(page.locator("#over")).to_be_visible()
    assert page.locator("#book").count() == 0
    page.locator("form[action='/book/times'] button").click()
    expect(page.locator("table.month")).to_be_visible()


def test_a_network_that_goes_away_loses_nothing(new_walker: NewWalker) -> None:
    walker = new_walker()
    walker.jump_to_check()
    held = walker.page.locator("#book [name=id]").get_attribute("value")
    walker.page.context.set_offline(True)
    walker.page.locator("#book button").click()
    walker.page.wait_for_url("chrome-error://**")
    walker.page.context.set_offline(False)

    walker.page.go_back()
    assert walker.page.locator("#book [name=id]").get_attribute("value") == held
    walker.page.locator("#book button").click()
    expect(walker.page.locator("#code")).to_be_visible()


def test_a_mistake_is_told_beside_its_field_and_nothing_is_lost(new_walker: NewWalker) -> None:
    walker = new_walker()
    page = walker.page
    walker.jump_to_contact()
    page.fill("#family_name", "Öztürk 3")
    page.fill("#given_name", "Ayşe")
    page.fill("#phone", "12")
    walker.go_on()

    expect(page.locator("#faults")).to_be_focused()
    for name, typed in (("family_name", "Öztürk 3"), ("given_name", "Ayşe"), ("phone", "12")):
        assert page.input_value(f"#{name}") == typed
    for name in ("family_name", "phone", "email"):
        described = page.locator(f"#{name}").get_attribute("aria-describedby") or ""
        assert page.locator(f"#{described.split()[0]}").inner_text()
    assert page.title().startswith("Fehler: ")


def test_the_language_can_be_changed_on_the_way(new_walker: NewWalker) -> None:
    """What was typed comes along, also where it stands in no URL."""
    walker = new_walker()
    walker.jump_to_times()
    walker.page.locator(".languages summary").click()
    walker.page.locator(".languages button[value=ar]").click()

    assert walker.page.locator("html").get_attribute("dir") == "rtl"
    assert walker.page.locator("#calendar [name=family_name]").first.get_attribute("value") == "Öztürk"
    assert "Öztürk" not in walker.page.url
    assert "family_name" not in walker.page.url


def mails_of(walker: Walker) -> list[str]:
    return [text_of(mail) for mail in Mailbox(walker.maildir).to(walker.email)]


def tab_to(page: Page, selector: str) -> None:
    """By the Tab key alone, as far as it takes."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
    raise AssertionError(f"the Tab key does not get to {selector}")


def press(page: Page, selector: str) -> None:
    tab_to(page, selector)
    with page.expect_navigation():
        page.keyboard.press("Enter")
