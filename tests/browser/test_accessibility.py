"""WCAG 2.2 AA on every page and in every state: axe, and what axe cannot see."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Request

from deploy.local.stack import Stack
from tests.browser.axe import violations
from tests.browser.conftest import NewPage
from tests.browser.walking import Walker
from tests.builders import HECHINGEN

_JOURNEY = f"home={HECHINGEN}&service=eat_pickup"
# Pages that a URL leads to, with what can be wrong on them.
_ADDRESSES = (
    "/?",
    f"/book/service?home={HECHINGEN}",
    "/book/service?home=08417079",
    "/book/service?home=00000000",
    f"/book/people?{_JOURNEY}",
    f"/book/prepare?{_JOURNEY}&persons=3&apart=yes",
    f"/book/prepare?{_JOURNEY}&persons=9",
    f"/book/prepare?{_JOURNEY}",
    f"/book/contact?{_JOURNEY}&q.pin_letter=no",
    f"/book/contact?{_JOURNEY}&yes=pin_letter",
    "/links?",
    "/imprint?",
    "/privacy?",
    "/accessibility?",
    "/manage/nothing?",
    "/confirm/e4998c24-5832-8382-8e4d-1b78be2067b8?",
)


@pytest.mark.parametrize(("lang", "scheme"), [("de", "light"), ("ar", "dark")])
def test_no_page_that_a_url_leads_to_violates_wcag(new_page: NewPage, lang: str, scheme: str) -> None:
    page = new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    for address in _ADDRESSES:
        page.goto(f"{address}&lang={lang}")
        check(page)


def test_no_state_of_a_booking_violates_wcag(new_page: NewPage, stack: Stack) -> None:
    walker = Walker(new_page(viewport={"width": 390, "height": 800}), stack.mail.maildir)
    for page in states(walker):
        check(page)
        if "/manage/" in page.url and "?" in page.url:
            assert left_on_paper(page) == []


def left_on_paper(page: Page) -> list[str]:
    """Controls that would be printed, where nobody can press them."""
    page.emulate_media(media="print")
    script = "nodes => nodes.filter(n => n.checkVisibility()).map(n => n.outerHTML.slice(0, 120))"
    found: list[str] = page.locator("main :is(button, select, input, summary)").evaluate_all(script)
    page.emulate_media(media="screen")
    return found


def states(walker: Walker) -> Iterator[Page]:
    """From a mistake to the erased booking."""
    page = walker.page
    walker.jump_to_contact()
    walker.go_on()
    page.fill("#family_name", "1")
    walker.go_on()
    yield page
    walker.jump_to_check()
    yield page
    page.go_back()
    yield page
    walker.jump_to_check()
    walker.click("#book button")
    yield page
    page.fill("#code", "12")
    walker.go_on()
    yield page
    page.fill("#code", walker.code())
    walker.go_on()
    yield page
    walker.click("a[href^='/manage/']")
    yield page
    for action in ("move", "ask-cancel", "cancel", "erase"):
        if action == "ask-cancel":
            page.go_back()
        walker.click(f"form[action$='/{action}'] button")
        yield page
    walker.click("form[action$='/erase'] button")
    yield page


def check(page: Page) -> None:
    assert violations(page) == [], page.url
    assert too_small(page) == [], page.url
    assert unlabelled_alerts(page) == [], page.url
    assert page.locator("h1").count() == 1, page.url
    assert page.title().count(" – ") >= 1, page.url


def too_small(page: Page) -> list[str]:
    """Targets under 24 pixels that do not stand in a line of text (WCAG 2.2, 2.5.8)."""
    script = """nodes => nodes
        .filter(n => n.checkVisibility() && !n.closest('.skip, p, li:not(.choices li, .foot li), address, dd'))
        .map(n => [n.getBoundingClientRect(), n.outerHTML.slice(0, 120)])
        .filter(([box]) => box.width > 0 && (box.width < 24 || box.height < 24))
        .map(([box, html]) => `${box.width}x${box.height} ${html}`)"""
    found: list[str] = page.locator("a, button, select, summary, input:not([type=hidden])").evaluate_all(script)
    return found


def unlabelled_alerts(page: Page) -> list[str]:
    """A live region that says nothing helps nobody."""
    script = "nodes => nodes.filter(n => !n.hidden && !n.innerText.trim()).map(n => n.outerHTML)"
    found: list[str] = page.get_by_role("alert").evaluate_all(script)
    return found


def test_focus_is_seen_and_goes_as_one_reads(new_page: NewPage) -> None:
    page = new_page(viewport={"width": 390, "height": 800})
    page.goto(f"/book/contact?{_JOURNEY}&yes=pin_letter&lang=de")
    tops: list[float] = []
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(9):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => { const n = document.activeElement, style = getComputedStyle(n);
            const top = n.getBoundingClientRect().top + scrollY;
            return [style.outlineStyle, parseFloat(style.outlineWidth), top] }"""
        )
        assert seen[0] == "solid"
        assert seen[1] >= 2
        tops.append(seen[2])
    assert tops == sorted(tops)


def test_the_first_page_is_light_quiet_and_stands_still(new_page: NewPage, stack: Stack) -> None:
    page = new_page(viewport={"width": 390, "height": 800})
    sizes: list[int] = []
    hosts: set[str] = set()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: hosts.add(request.url.split("/v1")[0].split("?")[0]))
    page.on("requestfinished", lambda request: sizes.append(_over_the_wire(request)))
    page.goto("/?lang=de", wait_until="networkidle")
    shift = page.evaluate(
        """() => new Promise(done => { let sum = 0;
        new PerformanceObserver(list => { for (const one of list.getEntries()) sum += one.value })
          .observe({ type: 'layout-shift', buffered: true });
        requestAnimationFrame(() => requestAnimationFrame(() => done(sum))) })"""
    )
    assert sum(sizes) < 60_000
    assert len(sizes) <= 5
    assert all(host.startswith(stack["booking"].url) for host in hosts)
    assert (said, shift) == ([], 0)


def _over_the_wire(request: Request) -> int:
    sizes = request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]
