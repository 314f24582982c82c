from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.booking.domain.surnames import Collation, SurnameRange, after, faults, fold
from tests.builders import an_office

BASE = an_office().data.collation
EXPANDED = BASE.model_copy(update={"umlauts": "expanded"})
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Müller", "MULLER"),
        ("Mu\u0308ller", "MULLER"),
        ("Groß", "GROSS"),
        ("STRAẞER", "STRASSER"),
        ("Yıldız", "YILDIZ"),
        ("İnce", "INCE"),
        ("Öztürk", "OZTURK"),
        ("Çelik", "CELIK"),
        ("Łukasiewicz", "LUKASIEWICZ"),
        ("Ødegård", "ODEGARD"),
        ("Đorđević", "DORDEVIC"),
        ("Nguyễn", "NGUYEN"),
        ("O'Brien", "OBRIEN"),
        ("O’Brien", "OBRIEN"),
        ("Müller-Lüdenscheidt", "MULLERLUDENSCHEIDT"),
        ("Müller\u2010Lüdenscheidt", "MULLERLUDENSCHEIDT"),
        ("García Márquez", "GARCIAMARQUEZ"),
        ("von der Tann", "TANN"),
        ("Von Zu", "ZU"),
        ("von", "VON"),
        ("Vondráček", "VONDRACEK"),
        ("al-Hassan", "HASSAN"),
        ("Al Hassan", "HASSAN"),
        ("Alhassan", "ALHASSAN"),
        ("El", "EL"),
        ("El Ouafi", "OUAFI"),
        ("Ben Ali", "ALI"),
        ("Benali", "BENALI"),
        ("De la Cruz", "CRUZ"),
        ("Шевченко", "SHEVCHENKO"),
        ("Юсуф'єв", "YUSUFIEV"),
        ("Παπαδόπουλος", "PAPADOPOYLOS"),
        ("محمد", "MHMD"),
        ("გიორგაძე", "GIORGADZE"),
        ("王", "WANG"),
        ("Suharto", "SUHARTO"),
    ],
)
def test_names_fold_as_a_dictionary_sorts(name: str, folded: str) -> None:
    assert fold(name, BASE) == folded


@pytest.mark.parametrize(
    ("name", "folded"),
    [("Müller", "MUELLER"), ("Ärztin", "AERZTIN"), ("Öztürk", "OEZTUERK"), ("Groß", "GROSS"), ("Çelik", "CELIK")],
)
def test_expanded_umlauts_fold_as_lists_of_names(name: str, folded: str) -> None:
    assert fold(name, EXPANDED) == folded


def test_a_name_without_any_letter_sorts_last() -> None:
    assert fold("ʻ", BASE) == "Z"


@given(st.text(min_size=1, max_size=40))
def test_any_name_becomes_letters_only(name: str) -> None:
    folded = fold(name, BASE)

    assert folded
    assert set(folded) <= set(LETTERS)


@pytest.mark.parametrize(
    ("prefix", "following"), [("GQ", "GR"), ("C", "D"), ("GZ", "H"), ("GZZ", "H"), ("Z", None), ("ZZ", None)]
)
def test_the_next_beginning_after_a_range(prefix: str, following: str | None) -> None:
    assert after(prefix) == following


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Aziz", "A"),
        ("Celik", "B–C"),
        ("D", "D–GO"),
        ("Gqeba", "D–GO"),
        ("Graf", "GR–IL"),
        ("Ilić", "GR–IL"),
        ("Imani", "IM–KO"),
        ("Krüger", "KR–MI"),
        ("Öztürk", "MJ–PL"),
        ("Schäfer", "PO–SH"),
        ("Шевченко", "PO–SH"),
        ("Simić", "SI–TO"),
        ("Tran", "TR–Z"),
        ("von Zitzewitz", "TR–Z"),
        ("Živković", "TR–Z"),
    ],
)
def test_the_delivered_ranges_hold_real_names(name: str, label: str) -> None:
    assert [rule.shown for rule in an_office().ranges("caseworkers", name)] == [label]


@given(st.text(alphabet=LETTERS, min_size=1, max_size=8))
def test_every_name_has_exactly_one_range(name: str) -> None:
    assert sum(rule.holds(name) for rule in an_office_ranges) == 1


an_office_ranges = an_office().data.surname_ranges


def a_range(from_: str, to: str, **values: Any) -> SurnameRange:
    return SurnameRange.model_validate(
        {"team": "caseworkers", "lanes": ("room_1",), "from": from_, "to": to, **values}
    )


def found(*rules: SurnameRange) -> list[tuple[str, int, date | None]]:
    return [(fault.prefix, len(fault.owners), fault.day) for fault in faults(rules)]


def test_gaps_and_overlaps_name_the_first_beginning() -> None:
    assert found(a_range("A", "GQ"), a_range("GR", "Z")) == []
    assert found(a_range("A", "GO"), a_range("GR", "Z")) == [("GP", 0, None)]
    assert found(a_range("A", "GR"), a_range("GR", "Z")) == [("GR", 2, None)]
    assert found(a_range("B", "Z")) == [("A", 0, None)]
    assert found(a_range("A", "Y")) == [("Z", 0, None)]
    assert found(a_range("A", "Z"), a_range("M", "P")) == [("M", 2, None)]
    assert found() == [("A", 0, None)]


def test_ranges_are_whole_on_every_date() -> None:
    new_year, july = date(2027, 1, 1), date(2027, 7, 1)
    until, since = {"valid_until": new_year}, {"valid_from": new_year}

    assert found(a_range("A", "Z", **until), a_range("A", "M", **since), a_range("N", "Z", **since)) == []
    assert found(a_range("A", "Z", **until)) == [("A", 0, new_year)]
    assert found(a_range("A", "Z"), a_range("N", "Z", **since)) == [("N", 2, new_year)]
    assert found(
        a_range("A", "M"), a_range("N", "Z", **until), a_range("N", "Z", valid_from=july)
    ) == [("N", 0, new_year)]  # fmt: skip


def test_before_the_first_rule_began_nothing_is_missing() -> None:
    assert found(a_range("A", "Z", valid_from=date(2021, 6, 1))) == []


def test_ignored_prefixes_are_the_offices_choice() -> None:
    assert fold("von der Tann", Collation()) == "VONDERTANN"
