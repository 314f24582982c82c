"""Who may read what, and in which shape: reporting as its own process, over HTTP."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import openpyxl
import pytest

from deploy.local.stack import Stack
from services.reporting.domain import FIGURES, Section
from tests.integration.reporting.asking import FIGURES_PATH, WEEK, Publish, rows, until, until_told
from tests.integration.reporting.stories import (
    START,
    TEAMS,
    Wire,
    a_message,
    a_minute,
    an_appointment,
    an_office,
)

_DAYS = {"from": "2026-10-12", "to": "2026-10-19"}
_PUBLIC = "/v1/public/figures"
_SERVICE = {"id": "eat_pickup", "team": "law", "mode": "open", "name": {"de": "Karte"}, "max_persons": 5}
_MINUTES = {"minutes": {"first": 15, "further": 5, "under_6": 5}}


@pytest.fixture
def anyone(http: httpx.Client) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=http.base_url) as client:
        yield client


@pytest.fixture
def operator(http: httpx.Client, servers: Stack) -> Iterator[httpx.Client]:
    key = servers.secret("reporting_operator_keys")
    with httpx.Client(base_url=http.base_url, auth=("grafana", key)) as client:
        yield client


@pytest.fixture
def told(http: httpx.Client, publish: Publish, office: str) -> str:
    """An office with two bookings at two teams, a week apart, one message and some searches."""
    before = START - timedelta(days=7)
    publish(
        an_office(office, "=Amt", **TEAMS),
        *an_appointment(f"{office}-a", "held", "confirmed", office=office),
        *an_appointment(f"{office}-b", "held", "confirmed", office=office, team="caseworkers", at=before),
        *an_appointment(f"{office}-c", "held", office=office, municipalities=["=1+1"]),
        a_message(f"{office}-m", "sent", office=office),
        a_minute(START, searches=2, office=office),
    )
    until_told(http, office, held=3, confirmed=2, messages_sent=1, searches=2)
    return office


@pytest.mark.parametrize("path", [FIGURES_PATH, "/live"])
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic bm86bm8="}])
def test_without_a_key_nothing_exact_is_told(anyone: httpx.Client, path: str, header: dict[str, str]) -> None:
    answer = anyone.get(path, params=WEEK, headers=header)
    assert answer.status_code == 401
    assert answer.json()["type"] == "not-signed-in"


def test_page_without_a_session_leads_to_the_key(anyone: httpx.Client) -> None:
    answer = anyone.get("/", params={"period": "week"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2F%3Fperiod%3Dweek&lang="


def test_key_becomes_a_session_that_scripts_cannot_read(anyone: httpx.Client, servers: Stack) -> None:
    form = {"key": servers.secret("reporting_staff_keys"), "next": "/?period=week", "lang": "en"}
    answer = anyone.post("/sign-in", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?period=week")
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/"))
    assert form["key"] not in answer.headers["set-cookie"]
    assert anyone.get("/").status_code == 200
    assert anyone.get(FIGURES_PATH, params=WEEK).status_code == 200
    assert anyone.post("/sign-out").headers["location"] == "/sign-in"
    assert anyone.get("/").status_code == 303


def test_wrong_key_is_told_and_opens_nothing(anyone: httpx.Client) -> None:
    answer = anyone.post("/sign-in", data={"key": "nonsense", "lang": "de"})
    assert answer.status_code == 403
    assert "Dieser Schlüssel gilt nicht." in answer.text
    assert "set-cookie" not in answer.headers


def test_operators_see_how_things_run_and_no_more(operator: httpx.Client, told: str) -> None:
    (row,) = rows(operator, **WEEK, office=told)
    assert set(row) == {
        f.name for f in FIGURES if f.section in (Section.DEMAND, Section.TRADING, Section.MESSAGES)
    }
    refused = operator.get(FIGURES_PATH, params={**WEEK, "figures": "searches,confirmed"})
    assert refused.status_code == 403
    assert "confirmed" in refused.json()["detail"]
    assert "searches" not in refused.json()["detail"]
    assert operator.get("/").status_code == 303


def test_csv_sheet_and_json_say_the_same(http: httpx.Client, told: str) -> None:
    asked = {**WEEK, "group_by": "municipality,channel", "office": told}
    found = rows(http, **asked)
    as_csv = list(csv.DictReader(io.StringIO(http.get(FIGURES_PATH, params={**asked, "format": "csv"}).text)))
    sheet = http.get(FIGURES_PATH, params={**asked, "format": "xlsx"})
    header, *lines = openpyxl.load_workbook(io.BytesIO(sheet.content)).active.iter_rows(values_only=True)
    assert [dict(zip(header, line, strict=True)) for line in lines] == found
    texts = [{name: "" if value is None else str(value) for name, value in row.items()} for row in found]
    assert [{**row, "municipality": row["municipality"].removeprefix("'")} for row in as_csv] == texts


def test_no_cell_is_a_formula(http: httpx.Client, told: str) -> None:
    asked = {**WEEK, "group_by": "municipality", "office": told}
    sheet = http.get(FIGURES_PATH, params={**asked, "format": "xlsx"})
    cells = [cell for row in openpyxl.load_workbook(io.BytesIO(sheet.content)).active for cell in row]
    assert "=1+1" in [cell.value for cell in cells]
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    assert "'=1+1," in http.get(FIGURES_PATH, params={**asked, "format": "csv"}).text


def test_what_a_reader_has_is_not_sent_again(http: httpx.Client, told: str) -> None:
    for format in ("json", "csv", "xlsx"):
        asked = {**WEEK, "office": told, "format": format}
        first = http.get(FIGURES_PATH, params=asked)
        tag = first.headers["etag"]
        again = http.get(FIGURES_PATH, params=asked, headers={"If-None-Match": f'"other", W/{tag}'})
        assert (again.status_code, again.content) == (304, b"")
        assert first.headers["cache-control"] == "private, no-cache"
        other = http.get(FIGURES_PATH, params={**asked, "from": "2026-10-20"}, headers={"If-None-Match": tag})
        assert other.status_code == 200


def test_pages_of_rows_join_without_gap_or_overlap(http: httpx.Client, told: str) -> None:
    asked = {"from": "2026-10-01", "to": "2026-11-01", "group_by": "day,team,channel,purpose", "office": told}
    whole = rows(http, **asked)
    assert len(whole) > 3
    found, url = [], httpx.URL(FIGURES_PATH, params={**asked, "limit": "2"})
    for _ in whole:
        answer = http.get(url)
        found += answer.json()
        if "link" not in answer.headers:
            break
        url = url.join(answer.links["next"]["url"])
    assert found == whole


@pytest.mark.parametrize(
    ("interval", "first"), [("week", "2026-10-12"), ("month", "2026-10-01"), ("quarter", "2026-10-01")]
)
def test_interval_is_named_by_its_first_day(http: httpx.Client, told: str, interval: str, first: str) -> None:
    found = rows(
        http, **{"from": "2026-10-12", "to": "2026-10-26"}, interval=interval, office=told, figures="held"
    )
    assert found[0]["day"] == first
    assert list(found[0]) == ["day", "held"]
    assert sum(row["held"] for row in found) == 3


def test_filter_leaves_the_other_places_out(http: httpx.Client, told: str) -> None:
    everything = {"from": "2026-10-01", "to": "2026-11-01", "office": told}
    assert rows(http, **everything, team="caseworkers")[0]["confirmed"] == 1
    assert rows(http, **everything, municipality="=1+1")[0]["held"] == 1
    assert rows(http, **everything, channel="email")[0]["messages_sent"] == 1
    assert rows(http, **everything, service="nothing")[0]["held"] == 0


def test_period_before_stands_beside_each_figure(http: httpx.Client, told: str) -> None:
    (row,) = rows(http, **WEEK, office=told, compare="previous", figures="confirmed,held,lead_days_median")
    assert list(row) == [
        column for name in ("confirmed", "held", "lead_days_median") for column in (name, f"{name}_previous")
    ]
    assert (row["confirmed"], row["confirmed_previous"], row["held"], row["held_previous"]) == (1, 1, 2, 1)
    assert row["confirmed_previous"] == rows(http, **_DAYS, office=told)[0]["confirmed"]
    by_team = rows(http, **WEEK, office=told, compare="previous", group_by="team", figures="confirmed")
    assert [(row["team"], row["confirmed"], row["confirmed_previous"]) for row in by_team] == [
        (None, 0, None), ("caseworkers", None, 1), ("service_point", 1, None)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"interval": "hour"}, "interval"),
        ({"figures": "confirmed,nothing"}, "figures"),
        ({"compare": "next"}, "compare"),
        ({"compare": "previous", "interval": "week"}, "compare"),
        ({"compare": "previous", "group_by": "day"}, "compare"),
        ({"limit": "0"}, "limit"),
        ({"limit": "10001"}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "WzFd"}, "cursor"),
        ({"format": "pdf"}, "format"),
        ({"team": "of nobody"}, "team"),
        ({"from": "0001-01-01", "to": "0001-02-01"}, "from"),
    ],
)
def test_wrong_parameter_is_named(http: httpx.Client, parameters: dict[str, str], named: str) -> None:
    answer = http.get(FIGURES_PATH, params={**WEEK, **parameters})
    assert answer.status_code == 422
    assert f"query.{named}" in [error["field"] for error in answer.json()["errors"]]


def test_team_of_two_is_never_shown_alone(http: httpx.Client, publish: Publish, office: str) -> None:
    teams = [
        {"id": id, "name": {"de": id}, "staff": staff, "lanes": []}
        for id, staff in (("law", 2), ("point", 3), ("cases", 9))
    ]
    came: dict[str, Any] = {"office": office, "waiting_minutes": 3, "handling_minutes": 8}
    steps = ("held", "confirmed", "checked_in", "called", "in_service", "completed")
    publish(
        an_office(office, "Amt", teams=teams, services=[{**_SERVICE, **_MINUTES}]),
        *an_appointment(f"{office}-a", *steps, team="law", **came),
        *an_appointment(f"{office}-b", *steps, team="point", **came, service="visa"),
        *an_appointment(f"{office}-c", *steps, team="cases", **came, service="visa"),
    )
    until_told(http, office, confirmed=3)
    by_team = rows(http, **WEEK, office=office, group_by="team")
    assert [(row["team"], row["confirmed"]) for row in by_team] == [("cases", 1), ("other teams", 2)]
    assert rows(http, **WEEK, office=office, team="other teams")[0]["confirmed"] == 2
    assert http.get(FIGURES_PATH, params={**WEEK, "office": office, "team": "law"}).status_code == 422
    by_service = {row["service"]: row for row in rows(http, **WEEK, office=office, group_by="service")}
    assert by_service["eat_pickup"]["confirmed"] == 1
    assert by_service["eat_pickup"]["handling_minutes_median"] is None
    assert by_service["visa"]["handling_minutes_median"] == 8
    one = rows(http, **WEEK, office=office, service="eat_pickup")[0]
    assert (one["handling_minutes_median"], one["used_share"]) == (None, None)


def test_definitions_are_open_and_name_every_figure(anyone: httpx.Client) -> None:
    answer = anyone.get("/v1/reports/definitions")
    told = {figure["name"]: figure for figure in answer.json()["figures"]}
    assert list(told) == [figure.name for figure in FIGURES]
    assert told["no_show_rate"]["to"] == ["kept", "no_shows"]
    again = anyone.get("/v1/reports/definitions", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_public_figures_are_off_until_an_office_wants_them(
    anyone: httpx.Client, http: httpx.Client, publish: Publish, office: str
) -> None:
    span = {"from": "2026-10-01", "to": "2026-11-01", "office": office, "group_by": "service"}
    visits: list[Wire] = []
    for number in range(25):
        service = "eat" if number < 12 else "visa" if number < 23 else "oath"
        visits += an_appointment(f"{office}-{number}", "held", "confirmed", office=office, service=service)
    publish(an_office(office, "Amt", **TEAMS), *visits)
    until_told(http, office, confirmed=25)
    assert anyone.get(_PUBLIC, params=span).status_code == 404
    publish(an_office(office, "Amt", sequence=2, public_figures=True, **TEAMS))
    until(lambda: anyone.get(_PUBLIC, params=span).status_code == 200)
    answer = anyone.get(_PUBLIC, params=span)
    shown = {row["service"]: row["confirmed"] for row in answer.json()}
    assert shown == {"eat": 12, "oath": None, "visa": None}
    assert answer.headers["cache-control"] == "public, max-age=3600"
    whole = anyone.get(_PUBLIC, params={**span, "group_by": "", "format": "csv", "figures": "confirmed"})
    assert whole.text == "from,to,confirmed\r\n2026-10-01,2026-11-01,25\r\n"


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"from": "2026-10-02"}, "from"),
        ({"to": "2026-10-31"}, "to"),
        ({"interval": "day"}, "interval"),
        ({"group_by": "team"}, "group_by"),
        ({"group_by": "service,channel"}, "group_by"),
        ({"figures": "handling_minutes_median"}, "figures"),
        ({"service": "eat"}, "service"),
    ],
)
def test_public_view_is_no_finer_than_it_says(
    anyone: httpx.Client, parameters: dict[str, str], named: str
) -> None:
    asked = {"from": "2026-10-01", "to": "2026-11-01", "office": "any", **parameters}
    answer = anyone.get(_PUBLIC, params=asked)
    assert answer.status_code == 422
    assert f"query.{named}" in [error["field"] for error in answer.json()["errors"]]


def test_month_that_is_not_over_is_not_public(anyone: httpx.Client, publish: Publish, office: str) -> None:
    publish(an_office(office, "Amt", public_figures=True))
    first = datetime.now(UTC).date().replace(day=1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    asked: dict[str, Any] = {"from": str(first), "to": str(following), "office": office}
    until(lambda: anyone.get(_PUBLIC, params=asked).status_code != 404)
    assert "query.to" in [error["field"] for error in anyone.get(_PUBLIC, params=asked).json()["errors"]]
