"""GSM-7 where nothing is lost, and how many segments a text takes."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notification.channels.sms.texts import fit

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)


def test_the_basic_table_has_all_its_signs() -> None:
    """128 places, of which one is the escape (3GPP TS 23.038, 6.2.1)."""
    assert len(set(_BASIC)) == 127
    assert fit(_BASIC).text == _BASIC
    assert fit(_BASIC).encoding == "gsm7"


@pytest.mark.parametrize(
    ("text", "encoding", "segments"),
    [
        ("", "gsm7", 1),
        ("ä" * 160, "gsm7", 1),
        ("ä" * 161, "gsm7", 2),
        ("ä" * 306, "gsm7", 2),
        ("ä" * 307, "gsm7", 3),
        ("€" * 80, "gsm7", 1),
        ("€" * 81, "gsm7", 2),
        ("я" * 70, "ucs2", 1),
        ("я" * 71, "ucs2", 2),
        ("я" * 134, "ucs2", 2),
        ("я" * 135, "ucs2", 3),
        ("🙂" * 35, "ucs2", 1),
        ("🙂" * 36, "ucs2", 2),
    ],
)
def test_segments_are_counted_as_networks_do(text: str, encoding: str, segments: int) -> None:
    fitted = fit(text)
    assert (fitted.encoding, fitted.segments, fitted.text) == (encoding, segments, text)


@pytest.mark.parametrize(
    ("text", "segments"),
    [("a" * 152 + "€" + "a" * 152, 3), ("a" * 151 + "€" + "a" * 153, 2), ("я" * 66 + "🙂" + "я" * 66, 3)],
)
def test_no_sign_is_torn_at_a_segments_end(text: str, segments: int) -> None:
    assert fit(text).segments == segments


def test_typography_becomes_plain_where_that_saves_the_alphabet() -> None:
    fitted = fit("„Termin“ – 3.12.,\u00a010:30\u202fUhr … Amt’s\u00ad\u2011Tür \u2068AB12\u2069")
    assert fitted.text == '"Termin" - 3.12., 10:30 Uhr ... Amt\'s-Tür AB12'
    assert fitted.encoding == "gsm7"


@pytest.mark.parametrize("name", ["Çağrı", "Šarić", "Hëna", "Łukasz", "François", "Олена", "ليلى", "Nguyễn"])
def test_a_name_is_never_respelled(name: str) -> None:
    fitted = fit(f"„{name}“ – 10:30")
    assert fitted.text == f"„{name}“ – 10:30"
    assert fitted.encoding == "ucs2"


def test_letters_made_of_two_signs_become_one() -> None:
    assert fit("Mu\u0308ller").text == "Müller"
    assert fit("Mu\u0308ller").encoding == "gsm7"


@given(st.text(max_size=400))
def test_only_typography_ever_changes(text: str) -> None:
    fitted = fit(text)
    assert fit(fitted.text) == fitted
    assert [s for s in fitted.text if s.isalnum()] == [s for s in normalize("NFC", text) if s.isalnum()]


@given(st.text(max_size=800))
def test_segments_hold_the_whole_text(text: str) -> None:
    fitted = fit(text)
    joined = 153 if fitted.encoding == "gsm7" else 67
    wide = len(fitted.text.encode("utf-16-le", "surrogatepass")) // 2
    units = len(fitted.text) if fitted.encoding == "gsm7" else wide
    assert fitted.segments == 1 or fitted.segments * joined >= units
