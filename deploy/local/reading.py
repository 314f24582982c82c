"""Reads what citizens get: mails, and the form on a page."""

import mailbox
import re
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path


def mails_to(maildir: Path, address: str) -> list[EmailMessage]:
    """The mails to one address, oldest first."""
    if not maildir.is_dir():
        return []
    box = mailbox.Maildir(maildir, create=False)
    mails = [parse(box.get_bytes(key)) for key in sorted(box.keys(), key=delivered)]
    return [mail for mail in mails if address in str(mail["To"])]


def delivered(key: str) -> tuple[int, ...]:
    """Maildir names begin with seconds, `.M` and microseconds, which sort as numbers only."""
    return tuple(int(part) for part in re.findall(r"\d+", key)[:2])


def parse(content: bytes) -> EmailMessage:
    mail = BytesParser(policy=default).parsebytes(content)
    assert isinstance(mail, EmailMessage)
    return mail


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return str(body.get_content()) if body else ""


def calendar_of(mail: EmailMessage) -> dict[str, str]:
    """The lines of the calendar entry that matter to a person's calendar; empty where there is none."""
    for part in mail.walk():
        if part.get_content_type() == "text/calendar":
            lines = str(part.get_content()).replace("\r\n ", "").splitlines()
            return dict(line.split(":", 1) for line in lines if line.startswith(("METHOD", "UID", "SEQUENCE")))
    return {}


class Form(HTMLParser):
    """What a browser sends when the button in a page's main part is pressed; `action` is empty without a form."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.button = ""
        self.fields: dict[str, str] = {}
        self._in_main = self._in_button = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_main = self._in_main or tag == "main"
        if not self._in_main:
            return
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and values.get("method", "").lower() == "post":
            self.action = values["action"]
        if tag == "input" and "name" in values:
            self.fields[values["name"]] = values.get("value", "")
        self._in_button = self._in_button or tag == "button"

    def handle_endtag(self, tag: str) -> None:
        self._in_main = self._in_main and tag != "main"
        self._in_button = self._in_button and tag != "button"

    def handle_data(self, data: str) -> None:
        self.button += data.strip("\n") if self._in_button else ""
