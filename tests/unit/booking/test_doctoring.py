"""What the doctor says of the journal of erasures, and of a name that leads nowhere from here."""

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.booking import doctoring
from shared import erasure_journal
from shared.doctor.findings import Finding, Level

AT = datetime(2026, 11, 30, 8, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {
        "MONGODB_URI": "mongodb://127.0.0.1:1",
        "AMQP_URL": "amqp://127.0.0.1:1",
        "SIGNING_KEYS": "k1:" + "78" * 32,
        "CONTACT_KEYS": "k1:" + "78" * 32,
        "CONTACT_PUBLIC_KEYS": "n1:" + "78" * 32,
        "PUBLIC_URL": "http://127.0.0.1",
        "ERASURE_JOURNAL": str(tmp_path / "journal"),
    }.items():
        monkeypatch.setenv(f"BOOKING_{name}", value)
    return tmp_path / "journal"


def found(check: str = "journal") -> Finding:
    return next(finding for finding in doctoring.examine() if finding.check == check)


def test_a_journal_that_only_booking_reads_is_well(journal: Path) -> None:
    erasure_journal.begin(journal, AT)
    erasure_journal.note(journal, erasure_journal.Erasure("one", AT))
    assert found().level is Level.OK
    assert found().said.endswith("knows 1 erasures")


def test_a_journal_that_others_read_or_write_is_named(journal: Path) -> None:
    erasure_journal.begin(journal, AT)
    journal.chmod(0o644)
    assert found().level is Level.WARNING
    assert found().do == f"chmod 600 {journal}"
    journal.write_text("nonsense\n")
    journal.chmod(0o600)
    assert found().level is Level.CRITICAL


def test_a_journal_that_is_away_or_not_wanted_is_told_apart(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKING_ERASURE_JOURNAL", str(journal / "not mounted" / "journal"))
    assert found().level is Level.CRITICAL
    monkeypatch.setenv("BOOKING_ERASURE_JOURNAL", "")
    assert found().level is Level.WARNING


@pytest.fixture
def outside(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The citizens' name is known outside alone."""

    def nobody(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    monkeypatch.setenv("BOOKING_PUBLIC_URL", "https://termine.example")


def test_a_name_that_is_known_outside_alone_is_not_examined_from_here(outside: None) -> None:
    assert (found("https").level, found("https").said) == (
        Level.UNKNOWN,
        "nobody here knows an address of termine.example",
    )
    assert "curl --head https://termine.example" in found("https").do
    assert "BOOKING_PUBLIC_CONNECT" in found("https").do


def test_a_proxy_that_is_named_and_away_is_critical(outside: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKING_PUBLIC_CONNECT", "proxy:8443")

    assert found("https").level is Level.CRITICAL
    assert found("https").said.startswith("no TLS with termine.example:443 at proxy:8443: ")
    monkeypatch.setenv("BOOKING_PUBLIC_CONNECT", "")
    assert found("https").level is Level.UNKNOWN
