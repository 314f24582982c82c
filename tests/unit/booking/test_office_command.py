"""`amtstermin office import` asks before it takes an office."""

import io

import pytest

from services.booking.cli.office import _agreed


@pytest.mark.parametrize(
    ("typed", "taken"), [("y\n", True), (" Y \n", True), ("\n", False), ("n\n", False), ("", False)]
)
def test_an_office_is_taken_where_somebody_says_so(
    typed: str, taken: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An end of the input, as without a terminal, is no answer; it says how to do without one."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))

    assert _agreed() is taken
    assert ("--yes" in capsys.readouterr().out) is (not typed)
