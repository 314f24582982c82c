"""Reporting as its own process, between a real RabbitMQ and HTTP. Each test has offices of its own."""

import csv
import io
from typing import Any

import httpx
import pytest

from services.reporting.domain import FIGURES, Group
from tests.integration.reporting.asking import EVER, FIGURES_PATH, WEEK, Publish, rows, until, until_told
from tests.integration.reporting.stories import (
    START,
    TEAMS,
    Counts,
    a_message,
    a_minute,
    an_appointment,
    an_office,
    office_life,
    recount,
    wire,
)
from tests.recount import Place, tells


def test_shuffled_and_repeated_events_give_exact_figures(
    http: httpx.Client, publish: Publish, office: str
) -> None:
    events = office_life(11, office=office)
    wanted = {place: counts for place, counts in recount(events).items() if place[1] == office}
    publish(an_office(office, "Amt", **TEAMS), *reversed(events), *events, *events[::3])
    until(lambda: places(rows(http, **EVER, group_by=",".join(Group), office=office)) == wanted)


def places(found: list[dict[str, Any]]) -> dict[Place, Counts]:
    return {
        tuple(row[group] for group in Group): {
            name: n for name, n in row.items() if name not in list(Group) and tells(name, n)
        }
        for row in found
    }


def test_csv_says_the_same_as_json(http: httpx.Client, publish: Publish, office: str) -> None:
    publish(
        *an_appointment(f"{office}-a", "held", "confirmed", office=office),
        a_message(f"{office}-m", "sent", office=office),
        a_minute(START, searches=2, office=office),
    )
    until_told(http, office, confirmed=1, messages_sent=1, searches=2)
    asked = {**WEEK, "group_by": "municipality,day", "office": office}
    answer = http.get(FIGURES_PATH, params=asked, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    header, *lines = csv.reader(io.StringIO(answer.text))
    assert header == ["day", "municipality", *(figure.name for figure in FIGURES)]
    assert lines == [["" if v is None else str(v) for v in row.values()] for row in rows(http, **asked)]


def test_rows_hold_only_the_groups_asked_for(http: httpx.Client, publish: Publish, office: str) -> None:
    publish(
        *an_appointment(f"{office}-a", "held", office=office),
        *an_appointment(f"{office}-b", "held", office=office, channel="staff"),
        *an_appointment(f"{office}-c", "held", office=f"{office}-elsewhere"),
    )
    until_told(http, office, held=2)
    found = rows(http, **WEEK, group_by="channel,office", office=office)
    assert [(*list(row.items())[:2], row["held"]) for row in found] == [
        (("office", office), ("channel", "staff"), 1),
        (("office", office), ("channel", "web"), 1),
    ]
    assert not set(found[0]) & (set(Group) - {"office", "channel"})


def test_range_without_events_is_one_row_of_zeros(http: httpx.Client, office: str) -> None:
    (row,) = rows(http, **WEEK, office=office)
    assert row["confirmed"] == 0
    assert row["lead_days_median"] is None
    assert rows(http, **WEEK, office=office, group_by="day") == []


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({}, "query.from"),
        ({"from": "2026-10-19"}, "query.to"),
        ({"from": "yesterday", "to": "2026-10-20"}, "query.from"),
        ({"from": "1700000000", "to": "2026-10-20"}, "query.from"),
        ({"from": "2026-02-30", "to": "2026-10-20"}, "query.from"),
        ({"from": "2026-10-19", "to": "2026-10-19"}, "query.to"),
        ({"from": "2026-10-19", "to": "2026-10-18"}, "query.to"),
        ({"from": "2020-01-01", "to": "2026-01-01"}, "query.to"),
        ({**WEEK, "group_by": "caseworker"}, "query.group_by"),
        ({**WEEK, "group_by": "day,,team"}, "query.group_by"),
        ({**WEEK, "groupby": "day"}, "query.groupby"),
        ({**WEEK, "office": ""}, "query.office"),
        ({**WEEK, "office": "x" * 101}, "query.office"),
    ],
)
def test_bad_parameter_is_refused_and_named(http: httpx.Client, parameters: dict[str, str], named: str) -> None:
    answer = http.get(FIGURES_PATH, params=parameters)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "invalid-request"
    assert named in [error["field"] for error in answer.json()["errors"]]


def test_openapi_defines_every_figure(http: httpx.Client) -> None:
    described = http.get("/openapi.json").json()
    columns = described["components"]["schemas"]["FiguresRow"]["properties"]
    for figure in FIGURES:
        assert figure.definition["en"] in columns[figure.name]["description"]
    assert "text/csv" in described["paths"][FIGURES_PATH]["get"]["responses"]["200"]["content"]


def test_broken_event_does_not_stop_the_queue(http: httpx.Client, publish: Publish, office: str) -> None:
    broken = wire("appointment.held.v1", f"{office}-broken", 1, {"appointment": "broken"})
    publish(broken, *an_appointment(f"{office}-good", "held", office=office))
    until_told(http, office, held=1)


def test_ready_and_metrics_tell_what_it_does(http: httpx.Client, publish: Publish, office: str) -> None:
    publish(*an_appointment(f"{office}-a", "held", office=office))
    until_told(http, office, held=1)
    assert http.get("/health/ready").json()["status"] == "ready"
    metrics = http.get("/metrics").text
    assert 'reporting_facts_total{kind="appointments",outcome="applied"}' in metrics
    assert "reporting_dirty_buckets" in metrics
