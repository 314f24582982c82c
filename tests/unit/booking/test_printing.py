"""Slips and day lists are made by the real compiler and read back."""

from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from pypdf import PdfReader

from services.booking.printing import Listed, day_list, slip
from tests.builders import MONDAY, a_confirmed, an_office

pytestmark = pytest.mark.anyio
HOSTILE = "Öztürk #panic() $x$ <a> *b* \\ Шевченко"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def text_of(pdf: bytes) -> str:
    """On one line: where a line breaks is the layout's business."""
    pages = PdfReader(BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


async def test_a_slip_says_when_where_and_what_to_bring() -> None:
    text = text_of(await slip(a_confirmed(), an_office(), name="Öztürk"))

    for part in ("Montag, 07.12.2026, 09:00 Uhr", "ABCD2345", "Öztürk", "Grünewaldstraße 15", "3 Personen",
                 "Reisepass oder Passersatz", "ersetzt keinen Antrag"):  # fmt: skip
        assert part in text, part


async def test_no_name_is_read_as_markup() -> None:
    text = text_of(await slip(a_confirmed(), an_office(), name=HOSTILE))

    assert "#panic() $x$ <a> *b* \\" in text


async def test_the_day_list_has_every_visit_and_its_times() -> None:
    first = a_confirmed()
    second = replace(a_confirmed(), id="other", code="ZZZZ9999", lane="counter_3", ticket="W007")

    now = MONDAY + timedelta(days=7)
    pdf = await day_list(
        [Listed(first, "Öztürk", access_needs=("wheelchair",)), Listed(second, "Yılmaz")], an_office(), now=now
    )
    text = text_of(pdf)

    for part in ("ABCD2345", "Öztürk", "Rollstuhl", "ZZZZ9999", "W007", "Stand 07.12.2026, 09:00 Uhr"):
        assert part in text, part


async def test_an_empty_day_has_a_list_that_says_so() -> None:
    assert "kein Termin" in text_of(await day_list([], an_office(), now=MONDAY))
