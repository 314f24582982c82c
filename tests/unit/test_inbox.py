"""The inbox page of `make up`: what was caught, as a person sees it, and nothing that a message could do to it."""

import http.client
import json
import mailbox
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.local.inbox import Inbox
from deploy.local.ports import Ports
from services.notification.channels.email.mime import Mail, build
from services.notification.purposes import Purpose
from tests.unit.notification.builders import NOW, SENDER
from tests.unit.notification.rendered import a_mail
from tests.unit.notification.test_mime import a_mail as any_mail

EVIL = "<script>alert(1)</script>"


@dataclass
class Page:
    inbox: Inbox
    maildir: Path
    sms_file: Path

    def catch(self, mail: Mail) -> str:
        return mailbox.Maildir(self.maildir).add(build(mail, sender=SENDER, now=NOW))

    def text(self, *messages: tuple[str, str]) -> None:
        lines = [{"at": NOW.isoformat(), "to": to, "text": text, "reference": "r"} for to, text in messages]
        self.sms_file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))

    def get(self, path: str = "/", *, host: str | None = None) -> tuple[int, str, str]:
        """Status, what the page may do, and the page."""
        address = self.inbox.url.removeprefix("http://")
        connection = http.client.HTTPConnection(address, timeout=5)
        connection.request("GET", path, headers={"Host": host or address})
        answer = connection.getresponse()
        page = answer.read().decode()
        connection.close()
        return answer.status, answer.headers["Content-Security-Policy"], page


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    port = Ports(file=tmp_path / "ports.json").of("inbox")
    maildir, sms_file = tmp_path / "mail", tmp_path / "sms.jsonl"
    with Inbox(maildir=maildir, sms_file=sms_file, port=port) as inbox:
        yield Page(inbox, maildir, sms_file)


def test_an_empty_inbox_says_so(page: Page) -> None:
    status, _, shown = page.get()
    assert status == 200
    assert shown.count("None yet") == 2


def test_mails_are_shown_with_all_their_parts(page: Page) -> None:
    caught = a_mail(Purpose.CONFIRMATION)
    key = page.catch(caught)
    _, _, listed = page.get()
    assert caught.subject in listed
    assert f"/mail/{key}" in listed
    status, _, shown = page.get(f"/mail/{key}")
    assert status == 200
    for expected in ("sandbox=", "REQUEST", "03.12.2026, 10:30", caught.to, "Confirmed".upper()):
        assert expected in shown
    status, may, html = page.get(f"/mail/{key}/html")
    assert status == 200
    assert "sandbox" in may
    assert "script-src" not in may
    assert "default-src 'none'" in may
    assert '<base target="_blank">' in html


def test_text_messages_are_bubbles_with_their_segments(page: Page) -> None:
    page.text(("+4915112345678", "„Termin“ am 3.12."), ("+4915112345678", "я" * 71), ("+4915100000001", "kurz"))
    _, _, shown = page.get()
    assert shown.count('class="phone"') == 2
    assert shown.count('class="bubble"') == 3
    assert "1\nsegment · GSM-7" in shown
    assert "2\nsegments · UCS-2" in shown


def test_a_message_cannot_change_the_page(page: Page) -> None:
    key = page.catch(any_mail(subject=EVIL, text=EVIL, sender_name=EVIL, html=f"<head></head>{EVIL}"))
    page.text(("+49151", EVIL))
    for path in ("/", f"/mail/{key}"):
        _, may, shown = page.get(path)
        assert EVIL not in shown
        assert "&lt;script&gt;" in shown
        assert "default-src 'none'" in may


@pytest.mark.parametrize(
    "path", ["/mail/none", "/mail/..%2F..%2Fetc%2Fpasswd", "/mail/../new", "/mail//html", "/favicon.ico", "/mail"]
)
def test_what_is_not_there_is_not_found(page: Page, path: str) -> None:
    page.catch(any_mail())
    assert page.get(path)[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example:80"])
def test_only_this_machines_own_name_reads_it(page: Page, host: Any) -> None:
    """Seen to fail without the look at the header: a page elsewhere may give its name our address."""
    assert page.get(host=host or " ")[0] == 404


def test_it_listens_on_this_machine_alone(page: Page) -> None:
    assert page.inbox.url.startswith("http://127.0.0.1:")
    assert page.inbox._server.server_address[0] == "127.0.0.1"
