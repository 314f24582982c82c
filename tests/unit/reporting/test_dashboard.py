from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from services.reporting.charts import Chart, Kind, Line, svg
from services.reporting.charts.scale import shown, ticks
from services.reporting.domain import BY_NAME, FIGURES, Section
from services.reporting.domain.periods import Period
from services.reporting.storage import Interval, OfficeData
from services.reporting.views import COMPARED, HEADLINES, Selection
from services.reporting.web.choices import Choices
from services.reporting.web.signing_in import own_path
from services.reporting.words import LANGUAGES, TEXTS, Words, choose_language

TODAY = date(2026, 11, 29)
OFFICE = OfficeData(
    id="here",
    name={"de": "Amt"},
    public=False,
    staff={"point": 3, "cases": 10, "law": 2, "more": 3},
    teams={"point": {"de": "Punkt"}, "cases": {"de": "Fälle"}, "law": {"de": "Recht"}, "more": {"de": "Mehr"}},
    services={"eat": {"de": "Karte"}},
    municipalities={},
    service_teams={"eat": "point"},
)


def a_chart(
    kind: Kind = Kind.BARS, *, title: str = "Zwei Tage", values: tuple[float | None, ...] = (3, 0)
) -> Chart:
    lines = (Line("Gebucht", values), Line("Abgesagt", tuple(None if v is None else v / 2 for v in values)))
    return Chart("c", kind, title, 'drei & "keiner"', ("Mo", "Di"), lines, str)


def choices(**given: str) -> Choices:
    return Choices.of(given, offices=[OFFICE], today=TODAY)


@pytest.mark.parametrize(
    ("name", "since", "until"),
    [
        ("quarter", date(2026, 10, 1), date(2027, 1, 1)),
        ("last_quarter", date(2026, 7, 1), date(2026, 10, 1)),
        ("month", date(2026, 11, 1), date(2026, 12, 1)),
        ("week", date(2026, 11, 23), date(2026, 11, 30)),
        ("year", date(2026, 1, 1), date(2027, 1, 1)),
        ("<script>", date(2026, 10, 1), date(2027, 1, 1)),
    ],
)
def test_period_of_the_page_is_the_calendars(name: str, since: date, until: date) -> None:
    assert choices(period=name).period == Period(since, until)


def test_own_period_includes_its_last_day() -> None:
    chosen = choices(period="own", **{"from": "2026-11-03", "last": "2026-11-03"})
    assert chosen.period == Period(date(2026, 11, 3), date(2026, 11, 4))


def test_an_address_may_name_the_days_as_the_api_does() -> None:
    chosen = choices(**{"from": "2026-09-01", "to": "2026-10-01"})
    assert chosen.period == Period(date(2026, 9, 1), date(2026, 10, 1))
    assert not chosen.running
    assert choices().running
    assert choices(**{"from": "2026-09-01", "to": "0001-01-01"}) == choices()


@pytest.mark.parametrize(
    "given",
    [
        {"from": "2026-11-03", "last": "2026-11-02"},
        {"from": "x", "last": ""},
        {},
        {"from": "2020-01-01", "last": "2026-01-01"},
        {"from": "0001-01-01", "last": "0001-01-02"},
    ],
)
def test_own_period_that_makes_no_sense_is_this_quarter(given: dict[str, str]) -> None:
    assert choices(period="own", **given) == choices()


def test_only_known_places_are_chosen() -> None:
    assert list(choices(service="eat", team="cases").selection.where.values()) == ["eat", "cases"]
    assert choices(team="law").team == ""
    assert choices(team="nobody", service="none").selection.where == {}


def test_team_of_two_is_not_on_offer() -> None:
    names = [name for name, _ in choices().known_teams([OFFICE], "de")]
    assert "law" not in names
    assert "cases" in names


@pytest.mark.parametrize(
    ("days", "interval"),
    [(1, Interval.DAY), (31, Interval.DAY), (92, Interval.WEEK), (365, Interval.MONTH)],
)
def test_trend_has_few_enough_points(days: int, interval: Interval) -> None:
    assert Selection(Period(TODAY, TODAY + timedelta(days=days))).interval is interval


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("values", [(3, 0), (None, None), (0, 0), (1.5, None), (12000, 7)])
def test_chart_is_svg_with_title_and_description(kind: Kind, values: tuple[float | None, ...]) -> None:
    drawn = svg(a_chart(kind, title='<"3 & 1">', values=values), width=330)
    root = ElementTree.fromstring(drawn)  # noqa: S314 (our own)
    texts = {child.get("id"): child.text for child in root}
    named = str(root.get("aria-labelledby")).split()
    assert [texts[name] for name in named] == ['<"3 & 1">', 'drei & "keiner"']
    assert root.get("role") == "img"
    assert "style=" not in drawn
    assert "<script" not in drawn


def test_second_series_is_told_apart_without_colour() -> None:
    assert "url(#c-820-h)" in svg(a_chart(), width=820)
    assert "stroke-dasharray" in svg(a_chart(Kind.LINES), width=820)


@pytest.mark.parametrize("most", [0, 1, 4, 7, 99.5, 1234, 1_000_000])
def test_axis_has_few_round_ticks_that_reach_the_top(most: float) -> None:
    marks = ticks(most, whole=True)
    assert marks[0] == 0
    assert marks[-1] >= most
    assert 3 <= len(marks) <= 7
    assert all(mark == int(mark) for mark in marks)


def test_labels_are_left_out_where_they_would_meet() -> None:
    labels = shown([f"{day:02d}.11." for day in range(1, 31)], room=330, letter=6)
    assert labels[-1] == "30.11."
    assert 2 <= len([label for label in labels if label]) <= 7


def test_every_text_stands_in_both_languages() -> None:
    assert TEXTS["de"].keys() == TEXTS["en"].keys()
    for figure in FIGURES:
        assert figure.title.keys() == figure.definition.keys() == set(LANGUAGES)
    for section in Section:
        assert section.named.keys() == set(LANGUAGES)


def test_page_names_no_figure_that_there_is_not() -> None:
    assert {name for names in (HEADLINES, *COMPARED.values()) for name in names} <= BY_NAME.keys()


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
    assert Words("de").number(1234.5) == "1\u202f234,5"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("confirmed", 0, "0"),
        ("lead_days_median", 1, "1\u00a0Tag"),
        ("lead_days_median", 9, "9\u00a0Tage"),
        ("no_show_rate", 10.0, "10,0\u00a0%"),
        ("persons_per_appointment", 1.25, "1,25"),
        ("waiting_minutes_median", None, "–"),
    ],
)
def test_value_is_written_with_its_unit(name: str, value: float | None, text: str) -> None:
    assert Words("de").value(BY_NAME[name], value) == text


@pytest.mark.parametrize(
    ("name", "now", "before", "text"),
    [
        ("confirmed", 150, 100, "+50\u00a0%"),
        ("confirmed", 5, 0, "–"),
        ("no_show_rate", 8.0, 10.5, "−2,5\u00a0Pp."),
        ("lead_days_median", 4, 4, "±0"),
        ("lead_days_median", None, 4, "–"),
    ],
)
def test_change_is_in_points_where_it_is_of_a_share(
    name: str, now: float | None, before: float | None, text: str
) -> None:
    assert Words("de").change(BY_NAME[name], now, before) == text


@pytest.mark.parametrize("path", ["/", "/?period=week&lang=en", "/v1/reports/resume?from=2026-01-01"])
def test_after_sign_in_the_way_goes_on(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:1", "/\r\nx"],
)
def test_sign_in_leads_to_no_other_site(path: str) -> None:
    assert own_path(path) == "/"
