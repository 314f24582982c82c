"""The preview: every message in every language, to look at before citizens get it."""

import argparse
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.notification import cli
from services.notification.catalogues import LANGUAGES
from services.notification.preview import read_office
from services.notification.purposes import TO_STAFF, Purpose
from services.notification.samples import CASES, samples
from shared.setup import Trouble
from tests.unit.notification.builders import OFFICE_FILE, an_office
from tests.unit.notification.rendered import Words


def run(*arguments: str) -> None:
    parser = argparse.ArgumentParser()
    cli.register(parser.add_subparsers())
    given = parser.parse_args(["notification", "preview", *arguments])
    given.run(given)


def test_every_purpose_is_shown() -> None:
    assert {case.purpose for case in CASES} == set(Purpose)


def test_pages_lead_to_every_message_of_the_wanted_languages(tmp_path: Path) -> None:
    run(str(tmp_path), "--language", "ar", "--language", "de", "--office", str(OFFICE_FILE))
    for page in (
        tmp_path / "index.html",
        tmp_path / "sheet.html",
        tmp_path / "ar" / "index.html",
        tmp_path / "de" / "index.html",
    ):
        tags = Words(page.read_text()).tags
        links = [a.get("href") or a.get("src") or "" for tag, a in tags if tag in ("a", "iframe")]
        assert len(links) > 15
        for link in links:
            assert (page.parent / link).is_file()
    citizens = {case.name for case in CASES if case.purpose not in TO_STAFF}
    assert {file.stem for file in (tmp_path / "ar").glob("*.txt")} == citizens
    assert {file.stem for file in (tmp_path / "ar").glob("*.sms")} == {case.name for case in CASES if case.sms}
    assert "not reviewed" in (tmp_path / "index.html").read_text()


def test_one_purpose_alone_can_be_shown(tmp_path: Path) -> None:
    run(str(tmp_path), "--language", "en", "--purpose", "reminder", "--office", str(OFFICE_FILE))
    assert sorted(file.name for file in (tmp_path / "en").iterdir()) == [
        "index.html",
        "reminder.html",
        "reminder.sms",
        "reminder.txt",
    ]


def test_a_broken_office_file_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "office.toml"
    broken.write_text('id = "x"')
    with pytest.raises(Trouble, match=r"office\.toml"):
        read_office(broken)


def test_no_sample_shows_a_hole() -> None:
    now = datetime(2026, 11, 25, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    for one in samples(an_office(), languages=LANGUAGES, purposes=tuple(Purpose), now=now):
        for text in (one.mail.text, one.mail.html, one.mail.subject, one.sms):
            assert not any(sign in text for sign in ("%(", "None", "\ue000", "{{", "\n\n\n", ", ,", ": \n"))
