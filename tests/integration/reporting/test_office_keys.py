"""A key of one office: every route of reporting, tried with what is another office's, as if that did not exist.

The routes are read from the OpenAPI, so that a new one must be tried as well.
"""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import openpyxl
import pytest

from deploy.local.stack import Stack
from services.reporting.domain import Group
from tests.integration.reporting.asking import FIGURES_PATH, WEEK, publish_now, rows, until_told
from tests.integration.reporting.stories import (
    START,
    a_look,
    a_message,
    a_minute,
    a_plan,
    an_appointment,
    an_office,
)
from tests.waiting import eventually

RUN = uuid4().hex[:8]
HERE, THERE, NOWHERE = f"here-{RUN}", f"there-{RUN}", f"nowhere-{RUN}"
TEAM, SERVICE, PLACE = f"team-{RUN}", f"service-{RUN}", "08999001"
# What the other office calls its own: no answer to a key of this one may hold any.
MARKS = (THERE, TEAM, SERVICE, PLACE, "Fremdamt", "Fremdteam", "Fremddienst", "Fremdingen")
OPEN = {"/v1/reports/definitions", "/v1/public/figures", "/health/live", "/health/ready", "/metrics"}
RESUME = "/v1/reports/resume"
KEYS = {"staff": f"staff-{RUN}-of-{HERE}", "operators": f"operators-{RUN}-of-{HERE}"}


def lives(office: str, *, number: int, **changed: Any) -> list[dict[str, Any]]:
    told = [
        event
        for n in range(number)
        for event in an_appointment(f"{office}-{n}", "held", "confirmed", office=office, **changed)
    ]
    team = changed.get("team", "service_point")
    return [
        *told,
        a_message(f"{office}-m", "sent", office=office),
        a_minute(START, searches=7 * number, office=office),
        a_plan(START.date(), office=office, **{team: 600}),
        a_look(START, office=office, **{changed.get("service", "eat_pickup"): [number, None]}),
    ]


@pytest.fixture(scope="module")
def everywhere(servers: Stack) -> Iterator[httpx.Client]:
    """With a key of the whole installation; both offices are told."""
    both = {
        "REPORTING_STAFF_KEYS": f"{servers.secret('reporting_staff_keys')} {HERE}:{KEYS['staff']}",
        "REPORTING_OPERATOR_KEYS": f"{HERE}:{KEYS['operators']}",
    }
    theirs: dict[str, Any] = {
        "teams": [{"id": TEAM, "name": {"de": "Fremdteam"}, "staff": 5, "lanes": []}],
        "services": [
            {"id": SERVICE, "team": TEAM, "mode": "open", "name": {"de": "Fremddienst"}, "max_persons": 5}
        ],
        "municipalities": [{"ags": PLACE, "name": "Fremdingen", "authority": "own"}],
    }
    service = servers.start_service("reporting", name="reporting-offices", environment=both)
    with httpx.Client(base_url=service.url, headers=servers.reader) as client:
        own = lives(HERE, number=2)
        other = lives(THERE, number=5, service=SERVICE, team=TEAM, municipalities=[PLACE])
        offices = [an_office(HERE, "Hieramt"), an_office(THERE, "Fremdamt", **theirs)]
        publish_now(servers.secret("admin_amqp_url"), [*offices, *own, *other])
        for office, number in ((HERE, 2), (THERE, 5)):
            until_told(client, office, confirmed=number, searches=7 * number, messages_sent=1)
        yield client
    service.stop()


@pytest.fixture(params=["staff", "operators"])
def reader(everywhere: httpx.Client, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    header = {"Authorization": f"Bearer {KEYS[request.param]}"}
    with httpx.Client(base_url=everywhere.base_url, headers=header) as client:
        yield client


@pytest.fixture
def signed_in(everywhere: httpx.Client) -> Iterator[httpx.Client]:
    """Signed in with the office's key."""
    with httpx.Client(base_url=everywhere.base_url) as client:
        assert client.post("/sign-in", data={"key": KEYS["staff"]}).status_code == 303
        yield client


def text_of(answer: httpx.Response) -> str:
    if "spreadsheet" not in answer.headers.get("content-type", ""):
        return answer.text
    sheets = openpyxl.load_workbook(io.BytesIO(answer.content))
    return "\n".join(str(cell) for sheet in sheets for row in sheet.iter_rows(values_only=True) for cell in row)


def asked(path: str, *, office: str) -> Iterator[dict[str, str]]:
    """Every way to name something of `office`, and none."""
    theirs = {"service": SERVICE, "team": TEAM, "municipality": PLACE}
    yield dict(WEEK)
    yield {**WEEK, "office": office}
    if path == RESUME:
        yield {**WEEK, "format": "html"}
        yield {**WEEK, "office": office, "format": "html"}
        yield from ({**WEEK, "format": "html", name: theirs[name]} for name in ("service", "team"))
        return
    for format in ("json", "csv", "xlsx"):
        for group in Group:
            yield {**WEEK, "group_by": group.value, "format": format}
        yield {
            **WEEK,
            "office": office,
            "group_by": ",".join(g for g in Group if g is not Group.DAY),
            "format": format,
        }
        yield {**WEEK, "interval": "month", "group_by": "office", "format": format}
    yield {**WEEK, "compare": "previous", "group_by": "service"}
    yield from ({**WEEK, name: value, "group_by": "office"} for name, value in theirs.items())


def test_every_route_of_the_api_is_tried_here_or_open_to_all(everywhere: httpx.Client) -> None:
    paths = everywhere.get("/openapi.json").json()["paths"]
    assert set(paths) - OPEN == {FIGURES_PATH, RESUME}
    assert all(set(paths[path]) == {"get"} for path in (FIGURES_PATH, RESUME))


@pytest.mark.parametrize("path", [FIGURES_PATH, RESUME])
def test_what_is_another_offices_is_in_no_answer_and_does_not_exist(reader: httpx.Client, path: str) -> None:
    """Seen to fail where a bound reader's query keeps its own office."""
    for theirs, nobodys in zip(asked(path, office=THERE), asked(path, office=NOWHERE), strict=True):
        answer, other = reader.get(path, params=theirs), reader.get(path, params=nobodys)
        # What was asked for may be said again; what it is may not.
        marks = [mark for mark in MARKS if mark not in theirs.values()]
        said = text_of(answer)
        assert not [mark for mark in marks if mark in said], (theirs, said[:500])
        assert answer.status_code == other.status_code, theirs


def test_figures_without_an_office_are_those_of_the_own(everywhere: httpx.Client, reader: httpx.Client) -> None:
    for group in ("", "service", "municipality", "channel", "team", "office"):
        own = rows(reader, **WEEK, group_by=group)
        whole = rows(everywhere, **WEEK, group_by=group, office=HERE)
        assert own == [{name: row[name] for name in own[0]} for row in whole]
    assert rows(reader, **WEEK)[0]["searches"] == 14


def test_pages_and_their_stream_show_the_own_office_alone(signed_in: httpx.Client) -> None:
    for query in ({}, {"office": THERE}, {"service": SERVICE}, {"team": TEAM}, {"lang": "en", "office": THERE}):
        days = {"period": "own", "from": "2026-10-19", "last": "2026-10-25"}
        page = signed_in.get("/", params={**days, **query})
        assert page.status_code == 200
        assert not [mark for mark in MARKS if mark in page.text], query
        assert "Hieramt" in page.text
    refused = [signed_in.get("/live", params={"office": office}) for office in (THERE, NOWHERE)]
    assert [(one.status_code, one.json()["type"]) for one in refused] == [(404, "no-such-office")] * 2


def test_the_stream_counts_the_own_day(everywhere: httpx.Client, signed_in: httpx.Client, servers: Stack) -> None:
    """Of today, at which only the other office has somebody."""
    now = datetime.now(UTC)
    today = [
        *an_appointment(f"{THERE}-today", "held", "confirmed", "checked_in", office=THERE, starts_at=now, at=now)
    ]
    publish_now(servers.secret("admin_amqp_url"), today)

    def arrivals(client: httpx.Client, **asked: str) -> str:
        with client.stream("GET", "/live", params=asked, timeout=10) as stream:
            return next(line for line in stream.iter_lines() if line.startswith("data:"))

    eventually(
        lambda: '"arrivals_today": "1"' in arrivals(everywhere, office=THERE), what="the other office's day"
    )
    assert '"arrivals_today": "0"' in arrivals(signed_in)
    assert '"arrivals_today": "0"' in arrivals(signed_in, office=HERE)
