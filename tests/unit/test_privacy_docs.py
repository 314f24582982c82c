"""Every time in docs/privacy is the one in the code, and every file and command that it names is there."""

import re
from datetime import timedelta
from typing import get_args

import pytest

from deploy.local.process import ROOT
from services.booking.api.schemas import AccessNeed
from services.booking.domain.actors import RIGHTS, ROLES
from services.booking.domain.rules import Retention
from services.booking.erasing import _ORPHANED_AFTER
from services.booking.offices import read_office
from services.booking.settings import Settings as BookingSettings
from services.booking.staff.attempts import _REMEMBERED
from services.booking.staff.sessions import IDLE, LONGEST
from services.booking.storage import daybook, messages
from services.notification.settings import Settings as NotificationSettings
from services.notification.storage import reports
from tests.builders import OFFICE_FILE

FOLDER = ROOT / "docs" / "privacy"
TEXTS = {file.name: file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.md"))}
PLAN = TEXTS["loeschkonzept.md"]
_UNITS = {"Stunde": 1, "Stunden": 1, "Tag": 24, "Tage": 24}


def told(row: str) -> timedelta:
    """The first time in the row of the plan that begins so."""
    line = next(line for line in PLAN.splitlines() if line.startswith(f"| {row}"))
    amount, unit = re.search(r"\b(\d+) (Stunden?|Tage?)\b", line).groups()  # type: ignore[union-attr]
    return timedelta(hours=int(amount) * _UNITS[unit])


@pytest.mark.parametrize("rules", [Retention(), read_office(OFFICE_FILE).retention], ids=["default", "delivered"])
def test_persons_go_when_the_plan_says(rules: Retention) -> None:
    assert told("Zeit gehalten") == timedelta(hours=rules.hold_hours)
    assert told("angefragt") == timedelta(hours=rules.unconfirmed_hours)
    assert told("abgesagt") == timedelta(days=rules.cancelled_days)
    assert told("wahrgenommen") == timedelta(days=rules.visit_days)


def test_all_else_goes_when_the_plan_says() -> None:
    assert told("Schlüssel, zu denen") == _ORPHANED_AFTER
    assert told("Zustand jeder Nachricht") == messages._KEPT
    assert told("Protokoll, wer was") == BookingSettings.model_fields["keep_audit"].default
    assert told("Sitzung eines") == LONGEST
    assert f"ohne Nutzung {IDLE // timedelta(minutes=1)} Minuten" in PLAN
    assert told("Fehlversuche") == _REMEMBERED
    assert told("Wartenummern") == daybook._KEPT
    assert told("Zustellversuche") == NotificationSettings.model_fields["keep_deliveries"].default
    assert told("Rückmeldungen") == reports._KEPT


def test_who_sees_persons_is_as_the_measures_say() -> None:
    line = next(line for line in TEXTS["massnahmen.md"].splitlines() if "Personen sehen nur" in line)
    seers, others = line.split("Personen sehen nur")[1].split(".", 1)
    assert set(re.findall(r"`(\w+)`", seers)) == {role for role in ROLES if "see_person" in RIGHTS[role]}
    assert set(re.findall(r"`(\w+)`", others.split("|")[0])) == {
        role for role in ROLES if "see_person" not in RIGHTS[role]
    }
    assert len(get_args(AccessNeed)) == 9
    assert "Auswahl aus neun Angaben" in TEXTS["verzeichnis.md"]


@pytest.mark.parametrize("name", TEXTS)
def test_what_a_text_names_is_there(name: str) -> None:
    text = TEXTS[name]
    paths = re.findall(r"`((?:services|shared|tests|deploy|docs)/[\w./-]+)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    links = re.findall(r"\]\(([\w./-]+\.md)\)", text)
    assert [link for link in links if not (FOLDER / link).resolve().is_file()] == []
    for number in re.findall(r"Entscheidung (\d+)", text):
        assert list((ROOT / "docs" / "decisions").glob(f"{int(number):04}-*.md")), number
