"""Registered helpers: the file keeps no secret, others hear nothing of them, an operator can make one."""

import argparse
import tomllib

import pytest

from services.booking.cli import register
from services.booking.domain.contradictions import contradictions
from services.booking.domain.office import Office
from services.booking.domain.rules import Helper, OfficeData
from services.booking.guard.helpers import UnknownHelper, find, verifier
from services.booking.storage.offices import _told
from shared.setup import Trouble
from tests.builders import MONDAY, an_office

CARITAS = Helper(id="caritas", name="Caritas", verifier=verifier("caritas", "right"), holds_per_day=3)


def amtstermin(*words: str) -> None:
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers(required=True))
    arguments = parser.parse_args(words)
    arguments.run(arguments)


def with_helpers(*helpers: Helper) -> OfficeData:
    return an_office().data.model_copy(update={"helpers": helpers})


def test_a_helper_is_known_by_its_secret_only() -> None:
    office = Office(with_helpers(CARITAS))

    assert find("caritas.right", [office]).name == "Caritas"
    for wrong in ("caritas.wrong", "caritas", "other.right", "", "."):
        with pytest.raises(UnknownHelper):
            find(wrong, [office])


def test_other_services_hear_nothing_of_helpers() -> None:
    told = _told(with_helpers(CARITAS), version=2, now=MONDAY).body().decode()

    assert "zollernalbkreis" in told
    assert "Caritas" not in told
    assert CARITAS.verifier not in told


def test_two_helpers_of_one_name_are_a_mistake() -> None:
    assert list(contradictions(with_helpers(CARITAS, CARITAS))) == ["helpers.id = 'caritas': given twice"]


def test_the_printed_lines_know_the_printed_secret(capsys: pytest.CaptureFixture[str]) -> None:
    amtstermin("helper", "secret", "caritas")
    printed = capsys.readouterr().out
    given = next(line for line in printed.splitlines() if "caritas." in line).removeprefix("#").strip()
    (lines,) = tomllib.loads(printed)["helpers"]

    assert find(given, [Office(with_helpers(Helper(**lines)))]).id == "caritas"


def test_an_id_that_no_office_file_takes_gets_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Trouble):
        amtstermin("helper", "secret", "Caritas Balingen")
    assert capsys.readouterr().out == ""
