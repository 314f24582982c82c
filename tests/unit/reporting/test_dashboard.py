from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from services.reporting.domain import FIGURES
from services.reporting.web.chart import Series, render
from services.reporting.web.dashboard import days_of
from services.reporting.web.texts import TEXTS, Words, choose_language


def a_series(*, summary: str = "two days") -> Series:
    return Series(
        titles=("Gebucht", "Abgesagt"),
        days=("2026-11-23", "2026-11-24"),
        labels=("Mo", ""),
        values=((3, 1), (0, 0)),
        summary=summary,
        width=300,
    )


@pytest.mark.parametrize("today", [date(2026, 11, 23), date(2026, 11, 29)])
def test_week_runs_from_monday_to_sunday(today: date) -> None:
    assert days_of("week", today) == (date(2026, 11, 23), date(2026, 11, 30))


def test_thirty_days_end_with_today() -> None:
    since, until = days_of("days", date(2026, 3, 1))
    assert until == date(2026, 3, 2)
    assert until - since == timedelta(days=30)


def test_chart_is_svg_with_accessible_name() -> None:
    root = ElementTree.fromstring(render(a_series(summary='<"3 & 1">')))  # noqa: S314 (our own)
    assert root.get("role") == "img"
    assert root.get("aria-label") == '<"3 & 1">'
    assert root.get("viewBox")
    assert root.get("width") is None


def test_chart_needs_no_style_attribute_or_script() -> None:
    svg = render(a_series())
    assert "style=" not in svg
    assert "<script" not in svg
    assert "Gebucht" in svg


def test_every_text_stands_in_both_languages() -> None:
    assert TEXTS["de"].keys() == TEXTS["en"].keys()
    for figure in FIGURES:
        assert figure.title.keys() == figure.definition.keys() == {"de", "en"}


@pytest.mark.parametrize(
    ("asked", "accept", "chosen"),
    [
        ("en", "de", "en"),
        ("", "en-GB,en;q=0.9,de;q=0.8", "en"),
        ("", "tr, de;q=0.5", "de"),
        ("xx", "", "de"),
    ],
)
def test_language_is_asked_for_else_the_browsers(asked: str, accept: str, chosen: str) -> None:
    assert choose_language(asked, accept) == chosen


def test_thousands_never_look_like_decimals() -> None:
    assert Words("de").number(1234567) == "1\u202f234\u202f567"
    assert Words("en").number(1234567) == "1,234,567"
