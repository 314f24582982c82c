"""Every figure on the page equals the API's, the CSV's and the résumé's, in both of its shapes."""

import csv
import io
import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from pypdf import PdfReader

from services.reporting.domain import BY_NAME
from services.reporting.words import Words
from tests.integration.reporting.asking import FIGURES_PATH, Publish, rows, until
from tests.integration.reporting.stories import TEAMS, an_office, office_life

_SPAN = {"from": "2026-10-01", "to": "2027-01-01"}
_OWN = {"period": "own", "from": "2026-10-01", "last": "2026-12-31", "lang": "de"}
_GERMAN = Words("de")


class _Marked(HTMLParser):
    """The texts of elements by what `attribute` says of them; of a row, its first cell after the head."""

    def __init__(self, attribute: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._attribute = attribute
        self._name: str | None = None
        self._reading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if self._attribute in given:
            self._name = given[self._attribute]
        self._reading = self._name is not None and tag in ("td", "dd")

    def handle_data(self, data: str) -> None:
        if self._reading and self._name:
            self.found.setdefault(self._name, data)
            self._name, self._reading = None, False


def _marked(page: str, attribute: str) -> dict[str, str]:
    parser = _Marked(attribute)
    parser.feed(page)
    return parser.found


@pytest.fixture
def office_with_life(http: httpx.Client, publish: Publish, office: str) -> str:
    events = office_life(7, office=office)
    publish(an_office(office, "Amt <b>", **TEAMS), *events)
    seen: list[object] = []

    def at_rest() -> bool:
        """Everything heard: the same figures again, and no bucket waits."""
        seen.append(rows(http, **_SPAN, office=office))
        done = "reporting_dirty_buckets 0.0" in http.get("/metrics").text
        return done and len(seen) > 5 and seen[-1] == seen[-4] and "&lt;b&gt;" in http.get("/").text

    until(at_rest)
    return office


def test_page_csv_and_resume_tell_what_the_api_tells(http: httpx.Client, office_with_life: str) -> None:
    office = {"office": office_with_life}
    (told,) = rows(http, **_SPAN, **office)
    texts = {name: _GERMAN.value(BY_NAME[name], value) for name, value in told.items()}
    page = http.get("/", params={**_OWN, **office}).text
    on_page = _marked(page, "data-value")
    assert len(on_page) > 40
    assert on_page == {name: texts[name] for name in on_page}
    assert {name for name, value in told.items() if value} <= on_page.keys()
    tiles = _marked(page, "data-figure")
    assert len(tiles) > 8
    assert tiles == {name: texts[name] for name in tiles}
    in_csv = http.get(FIGURES_PATH, params={**_SPAN, **office, "format": "csv"}).text
    assert next(csv.DictReader(io.StringIO(in_csv))) == {
        name: "" if value is None else str(value) for name, value in told.items()
    }
    resume = http.get("/v1/reports/resume", params={**_SPAN, **office, "format": "html"}).text
    assert _marked(resume, "data-figure") == on_page
    pdf = _text(http.get("/v1/reports/resume", params={**_SPAN, **office}).content)
    for name, value in on_page.items():
        assert _bare(f"{BY_NAME[name].title['de']} {value}") in pdf, name


def _text(pdf: bytes) -> str:
    return _bare(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


def _bare(text: str) -> str:
    """Without blanks and soft hyphens, which a PDF sets as it likes."""
    return re.sub(r"[\s\u00ad\u202f\u00a0-]+", "", text)


def test_pdf_is_tagged_and_says_so(http: httpx.Client, office_with_life: str) -> None:
    answer = http.get("/v1/reports/resume", params={**_SPAN, "office": office_with_life})
    assert answer.headers["content-type"] == "application/pdf"
    reader = PdfReader(io.BytesIO(answer.content))
    catalogue: Any = reader.trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"]
    assert catalogue["/Lang"] == "de"
    assert b"pdfuaid:part" in catalogue["/Metadata"].get_data()
    assert reader.metadata is not None
    assert "4. Quartal 2026" in str(reader.metadata.title)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"to": "2026-10-01"}, "to"),
        ({"format": "docx"}, "format"),
        ({"team": "nobody"}, "team"),
        ({"x": "y"}, "x"),
    ],
)
def test_wrong_parameter_of_the_resume_is_named(
    http: httpx.Client, parameters: dict[str, str], named: str
) -> None:
    answer = http.get("/v1/reports/resume", params={**_SPAN, **parameters})
    assert answer.status_code == 422
    assert f"query.{named}" in [error["field"] for error in answer.json()["errors"]]


def test_page_shows_what_is_asked_for_and_runs_nothing(http: httpx.Client) -> None:
    page = http.get("/", params={"period": "<script>", "office": '"><script>', "lang": "<b>", "team": "<b>"})
    assert page.status_code == 200
    assert page.text.count("<script") == 1
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
