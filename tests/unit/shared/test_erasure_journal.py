"""The journal of erasures: appended by several, read whole, broken ends left out."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.erasure_journal import Erasure, began, begin, note, read
from shared.setup import Trouble

AT = datetime(2026, 11, 30, 8, tzinfo=UTC)


def test_what_several_note_at_once_is_all_there(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    noted = [Erasure(f"appointment {number}", AT) for number in range(40)]
    threads = [threading.Thread(target=note, args=(journal, erasure)) for erasure in noted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(read([journal]), key=lambda e: e.appointment) == sorted(noted, key=lambda e: e.appointment)
    assert journal.stat().st_mode & 0o077 == 0


def test_a_line_that_broke_off_counts_as_not_written(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    note(journal, Erasure("one", AT))
    with journal.open("a") as file:
        file.write('{"at": "2026-11-30T08:0')
    note(journal, Erasure("two", AT))

    assert list(read([journal])) == [Erasure("one", AT), Erasure("two", AT)]


def test_a_line_that_says_nothing_names_its_place(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    note(journal, Erasure("one", AT))
    with journal.open("a") as file:
        file.write("nonsense\n")

    with pytest.raises(Trouble, match="Line 3"):
        list(read([journal]))
    with pytest.raises(Trouble, match="cannot be read"):
        list(read([tmp_path / "nowhere"]))


def test_a_journal_says_when_it_began_and_begins_once(tmp_path: Path) -> None:
    """A restore must not take the new journal of an empty host for one that knows all."""
    journal = tmp_path / "journal"
    assert began(journal) is None

    begin(journal, AT)
    note(journal, Erasure("one", AT))
    begin(journal, AT.replace(year=2027))

    assert began(journal) == AT
    assert list(read([journal])) == [Erasure("one", AT)]
    assert journal.stat().st_mode & 0o077 == 0
