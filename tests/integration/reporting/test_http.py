"""Reporting as its own process, between a real RabbitMQ and HTTP. Each test has offices of its own."""

import asyncio
import csv
import io
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import aio_pika
import httpx
import pytest

from deploy.local.stack import Stack
from services.reporting.domain import FIGURES, Group
from tests.integration.reporting.stories import (
    START,
    Counts,
    Wire,
    a_message,
    a_minute,
    an_appointment,
    an_office,
    body,
    office_life,
    recount,
    wire,
)
from tests.recount import Place, tells

Publish = Callable[..., None]

_WEEK = {"from": "2026-10-19", "to": "2026-10-26"}
_EVER = {"from": "2026-01-01", "to": "2027-12-31"}
_FIGURES = "/v1/reports/figures"
_EXCHANGES = {
    "appointment": "appointments",
    "demand": "appointments",
    "notification": "notifications",
    "office": "offices",
    "capacity": "offices",
    "free_times": "offices",
}


@pytest.fixture(scope="module")
def http(servers: Stack) -> Iterator[httpx.Client]:
    service = servers.start_service("reporting", name="reporting")
    with httpx.Client(base_url=service.url) as client:
        yield client
    service.stop()


@pytest.fixture
def office() -> str:
    return f"office-{uuid4().hex[:8]}"


@pytest.fixture
def publish(servers: Stack) -> Publish:
    return lambda *events: asyncio.run(_publish(servers.secret("admin_amqp_url"), events))


async def _publish(url: str, events: Sequence[Wire]) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        for event in events:
            name = _EXCHANGES[event["type"].split(".")[0]]
            exchange = await channel.get_exchange(name, ensure=False)
            await exchange.publish(aio_pika.Message(body(event), message_id=event["id"]), event["type"])


def rows(http: httpx.Client, **parameters: str) -> list[dict[str, Any]]:
    answer = http.get(_FIGURES, params=parameters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def until(tell: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not tell():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def until_told(http: httpx.Client, office: str, **wanted: int) -> None:
    def tell() -> bool:
        (row,) = rows(http, **_EVER, office=office)
        return all(row[name] == value for name, value in wanted.items())

    until(tell)


def test_shuffled_and_repeated_events_give_exact_figures(
    http: httpx.Client, publish: Publish, office: str
) -> None:
    events = office_life(11, office=office)
    wanted = {place: counts for place, counts in recount(events).items() if place[1] == office}
    publish(*reversed(events), *events, *events[::3])
    until(lambda: places(rows(http, **_EVER, group_by=",".join(Group), office=office)) == wanted)


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
    asked = {**_WEEK, "group_by": "municipality,day", "office": office}
    answer = http.get(_FIGURES, params=asked, headers={"Accept": "text/csv"})
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
    found = rows(http, **_WEEK, group_by="channel,office", office=office)
    assert [(*list(row.items())[:2], row["held"]) for row in found] == [
        (("office", office), ("channel", "staff"), 1),
        (("office", office), ("channel", "web"), 1),
    ]
    assert not set(found[0]) & (set(Group) - {"office", "channel"})


def test_range_without_events_is_one_row_of_zeros(http: httpx.Client, office: str) -> None:
    (row,) = rows(http, **_WEEK, office=office)
    assert row["confirmed"] == 0
    assert row["lead_days_median"] is None
    assert rows(http, **_WEEK, office=office, group_by="day") == []


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
        ({**_WEEK, "group_by": "caseworker"}, "query.group_by"),
        ({**_WEEK, "group_by": "day,,team"}, "query.group_by"),
        ({**_WEEK, "groupby": "day"}, "query.groupby"),
        ({**_WEEK, "office": ""}, "query.office"),
        ({**_WEEK, "office": "x" * 101}, "query.office"),
    ],
)
def test_bad_parameter_is_refused_and_named(http: httpx.Client, parameters: dict[str, str], named: str) -> None:
    answer = http.get(_FIGURES, params=parameters)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "invalid-request"
    assert named in [error["field"] for error in answer.json()["errors"]]


def test_openapi_defines_every_figure(http: httpx.Client) -> None:
    described = http.get("/openapi.json").json()
    columns = described["components"]["schemas"]["FiguresRow"]["properties"]
    for figure in FIGURES:
        assert figure.definition["en"] in columns[figure.name]["description"]
    assert "text/csv" in described["paths"][_FIGURES]["get"]["responses"]["200"]["content"]


def test_broken_event_does_not_stop_the_queue(http: httpx.Client, publish: Publish, office: str) -> None:
    broken = wire("appointment.held.v1", f"{office}-broken", 1, {"appointment": "broken"})
    publish(broken, *an_appointment(f"{office}-good", "held", office=office))
    until_told(http, office, held=1)


def page_with(http: httpx.Client, text: str, **parameters: str) -> httpx.Response:
    """Once the office is known: its event comes by another queue than the figures."""
    found: list[httpx.Response] = []

    def tell() -> bool:
        found.append(http.get("/", params=parameters))
        return text in found[-1].text

    until(tell)
    return found[-1]


def test_dashboard_is_empty_before_first_booking(http: httpx.Client, publish: Publish, office: str) -> None:
    publish(an_office(office, "Neues Amt"))
    page = page_with(http, "<p>Neues Amt</p>", office=office)
    assert page.status_code == 200
    assert "Noch keine Zahlen" in page.text
    assert "<svg" not in page.text


def test_dashboard_shows_the_figures_of_the_api(http: httpx.Client, publish: Publish, office: str) -> None:
    now = datetime.now(UTC)
    at_once: dict[str, Any] = {"at": now, "step_takes": timedelta(0), "office": office}
    publish(
        an_office(office, "Amt für <Zuwanderung>"),
        *an_appointment(f"{office}-a", "held", "confirmed", **at_once, starts_at=now + timedelta(days=9)),
        *an_appointment(f"{office}-b", "held", "confirmed", "cancelled", **at_once, starts_at=now),
    )
    until_told(http, office, confirmed=2, cancelled=1, persons=6)
    page = page_with(http, "<p>Amt für &lt;Zuwanderung&gt;</p>", office=office, period="days", lang="de")
    assert '<html lang="de">' in page.text
    assert page.text.count('<svg role="img" aria-label="Balkendiagramm: 2 gebucht und 1 abgesagt') == 2
    assert "<dt>Personen</dt><dd>6</dd>" in page.text
    english = page_with(http, "&gt; (en)</p>", office=office, period="week", lang="en")
    assert "2 booked and 1 cancelled" in english.text


def test_dashboard_allows_no_scripts_or_foreign_content(http: httpx.Client) -> None:
    page = http.get("/", params={"period": "<script>", "office": '"><script>', "lang": "<b>"})
    assert page.status_code == 200
    assert "<script" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert http.get("/dashboard.css").headers["content-type"].startswith("text/css")


def test_ready_and_metrics_tell_what_it_does(http: httpx.Client, publish: Publish, office: str) -> None:
    publish(*an_appointment(f"{office}-a", "held", office=office))
    until_told(http, office, held=1)
    assert http.get("/health/ready").json()["status"] == "ready"
    metrics = http.get("/metrics").text
    assert 'reporting_facts_total{kind="appointments",outcome="applied"}' in metrics
    assert "reporting_dirty_buckets" in metrics
