import pytest

from services.booking.domain.names import is_small_correction, same_name


@pytest.mark.parametrize(
    ("one", "other"),
    [("ÖZTÜRK", "Özturk"), ("Müller-Lüdenscheidt", "Müller Lüdenscheidt"), ("Al Amin", "amin AL"), ("Łoś", "łoś")],
)
def test_spellings_of_one_person_are_the_same_name(one: str, other: str) -> None:
    assert same_name(one) == same_name(other)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Öztürk", "Oztürk"),
        ("Kovalenko", "Kovalneko"),
        ("Petrescu", "Petresco"),
        ("Ionescu Maria", "Maria Ionescu"),
        ("Ionescu", "Ionescu Popa"),
        ("Шевченко", "Шевчинко"),
    ],
)
def test_two_letters_order_and_added_names_are_small(old: str, new: str) -> None:
    assert is_small_correction(old, new)


@pytest.mark.parametrize(
    ("old", "new"), [("Öztürk", "Yılmaz"), ("Li", "Wu"), ("Ana", "Eva"), ("Popa Maria", "Popa"), ("Petrescu", "-")]
)
def test_another_person_is_no_small_correction(old: str, new: str) -> None:
    assert not is_small_correction(old, new)
