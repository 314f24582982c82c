"""Somebody who books in a browser, by what a person sees and does: links, labels and buttons, in any language."""

import re
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

from playwright.sync_api import Page

from deploy.local.reading import text_of
from tests.builders import HECHINGEN
from tests.citizen import Mailbox, link_in
from tests.waiting import eventually


@dataclass
class Walker:
    """`clicks` and `fields` count what a person has to do."""

    page: Page
    maildir: Path
    lang: str = "de"
    family_name: str = "Öztürk"
    email: str = field(default_factory=lambda: f"{uuid4().hex[:12]}@example.org")
    clicks: int = 0
    fields: int = 0

    def start(self) -> None:
        self.page.goto(f"/?lang={self.lang}")

    def to_service(self, home: str = HECHINGEN) -> None:
        self.start()
        self.page.select_option("#home", home)
        self.fields += 1
        self.go_on()

    def to_people(self, service: str = "eat_pickup") -> None:
        self.to_service()
        self.click(f"a.choice[href*='service={service}']")

    def to_prepare(self, *, persons: int = 1) -> None:
        self.to_people()
        if persons > 1:
            self.page.select_option("#persons", str(persons))
            self.fields += 1
        self.go_on()

    def to_contact(self) -> None:
        self.to_prepare()
        self.page.check("#pin_letter-yes")
        self.fields += 1
        self.go_on()

    def to_times(self) -> None:
        self.to_contact()
        self._say_who()

    def to_check(self) -> None:
        self.to_times()
        self._take_a_time()

    def jump_to_contact(self, service: str = "eat_pickup") -> None:
        """By a URL that somebody kept: for what has its interest later."""
        self.page.goto(f"/book/contact?lang={self.lang}&home={HECHINGEN}&service={service}&yes=pin_letter")

    def jump_to_times(self, service: str = "eat_pickup") -> None:
        self.jump_to_contact(service)
        self._say_who()

    def jump_to_check(self) -> None:
        self.jump_to_times()
        self._take_a_time()

    def _say_who(self) -> None:
        self.page.fill("#family_name", self.family_name)
        self.page.fill("#email", self.email)
        self.fields += 2
        self.go_on()

    def _take_a_time(self) -> None:
        """Any of the day: others take some too."""
        times = self.page.locator(".times button")
        self.clicks += 1
        times.first.wait_for()
        times.nth(hash(self.email) % times.count()).click()

    def to_sent(self) -> None:
        self.to_check()
        self.click("#book button")

    def to_confirmed(self) -> None:
        self.to_sent()
        self.page.fill("#code", self.code())
        self.fields += 1
        self.go_on()

    def go_on(self) -> None:
        self.click("main form button.primary:not([name])")

    def click(self, selector: str) -> None:
        self.clicks += 1
        self.page.locator(selector).first.click()
        self.page.wait_for_load_state("domcontentloaded")

    def mail(self) -> EmailMessage:
        mails = eventually(lambda: Mailbox(self.maildir).to(self.email) or None, within=20, what="a mail")
        return mails[-1]

    def code(self) -> str:
        found = re.search(r"\b(\d{6})\b", text_of(self.mail()))
        assert found
        return found[1]

    def link(self, kind: str) -> str:
        return link_in(self.mail(), kind)
