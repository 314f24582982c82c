"""Which role may use which route of the staff: every route, every role, as the table of rights says."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from services.booking.domain.actors import PERMISSIONS, RIGHTS, ROLES, Permission, Role
from tests.integration.office_harness import OFFICE, AtWork, an_office_at_work

pytestmark = pytest.mark.anyio

# What each route needs; None: a session only.
NEEDS: dict[str, Permission | None] = {
    "GET /v1/staff/me": None,
    "PUT /v1/staff/me/password": None,
    "GET /v1/staff/sessions": None,
    "DELETE /v1/staff/sessions/current": None,
    "DELETE /v1/staff/sessions/{id}": None,
    "GET /v1/staff/accounts": "staff",
    "POST /v1/staff/accounts": "staff",
    "PATCH /v1/staff/accounts/{id}": "staff",
    "POST /v1/staff/accounts/{id}/link": "staff",
    "GET /v1/staff/audit": "audit",
    "GET /v1/staff/offices/{office}/day": "see_day",
    "GET /v1/staff/offices/{office}/day.pdf": "see_person",
    "POST /v1/staff/appointments/{id}/check-in": "serve",
    "POST /v1/staff/appointments/{id}/call": "serve",
    "POST /v1/staff/appointments/{id}/start": "serve",
    "POST /v1/staff/appointments/{id}/complete": "serve",
    "POST /v1/staff/appointments/{id}/no-show": "serve",
    "POST /v1/staff/appointments/{id}/undo": "serve",
    "POST /v1/staff/offices/{office}/pause": "serve",
    "POST /v1/staff/offices/{office}/resume": "serve",
    "POST /v1/staff/offices/{office}/tickets": "book",
    "GET /v1/staff/offices/{office}/appointments": "see_person",
    "POST /v1/staff/offices/{office}/appointments": "book",
    "GET /v1/staff/appointments/{id}": "see_person",
    "GET /v1/staff/appointments/{id}/slip.pdf": "see_person",
    "POST /v1/staff/appointments/{id}/reschedule": "book",
    "POST /v1/staff/appointments/{id}/desk": "book",
    "POST /v1/staff/appointments/{id}/name": "book",
    "POST /v1/staff/appointments/{id}/members": "book",
    "POST /v1/staff/appointments/{id}/cancel": "book",
    "POST /v1/staff/appointments/{id}/follow-up": "book",
    "POST /v1/staff/appointments/{id}/reviewed": "book",
    "GET /v1/staff/call-list": "see_day",
    "POST /v1/staff/call-list/{id}/take": "book",
    "POST /v1/staff/call-list/{id}/done": "book",
    "POST /v1/staff/call-list/{id}/not-reached": "book",
    "POST /v1/staff/call-list/{id}/undo": "book",
    "GET /v1/staff/appointments/{id}/messages": "see_day",
    "POST /v1/staff/appointments/{id}/messages": "book",
    "GET /v1/staff/offices/{office}": "schedule",
    "PUT /v1/staff/offices/{office}": "schedule",
    "POST /v1/staff/offices/{office}/preview": "schedule",
    "POST /v1/staff/offices/{office}/closures": "schedule",
    "POST /v1/staff/offices/{office}/closures/preview": "schedule",
    "POST /v1/staff/offices/{office}/absences": "schedule",
    "POST /v1/staff/offices/{office}/absences/preview": "schedule",
    "GET /v1/staff/offices/{office}/conflicts": "schedule",
    "POST /v1/staff/offices/{office}/replan": "schedule",
    "POST /v1/staff/offices/{office}/close-now": "schedule",
    "POST /v1/staff/offices/{office}/absent-now": "schedule",
    "POST /v1/staff/offices/{office}/invitations": "invite",
    "GET /v1/staff/offices/{office}/invitations": "invite",
    "DELETE /v1/staff/offices/{office}/invitations/{id}": "invite",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


async def test_each_staff_route_is_in_the_table_of_needs(work: AtWork) -> None:
    paths = work.app.openapi()["paths"]
    served = {
        f"{method.upper()} {path}"
        for path, operations in paths.items()
        for method, operation in operations.items()
        if {"Staff": []} in operation.get("security", [])
    }

    assert served == NEEDS.keys()
    assert set(NEEDS.values()) == {None, *PERMISSIONS}


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_reaches_what_its_rights_name(work: AtWork, role: Role) -> None:
    """An empty body or an unknown id comes to nothing: what counts is who is let as far as that."""
    by = await work.colleague(role)

    refused = set()
    for route in NEEDS:
        method, template = route.split(" ")
        path = re.sub("{(.+?)}", lambda name: OFFICE if name[1] == "office" else str(uuid4()), template)
        answer = await by(method, path, json={"nothing": "of this"} if method != "GET" else None)
        assert answer.status_code < 500
        if answer.status_code == 403:
            assert answer.json()["needs"] == NEEDS[route]
            refused.add(route)

    assert refused == {route for route, needed in NEEDS.items() if needed and needed not in RIGHTS[role]}


async def test_without_a_session_no_staff_route_answers(work: AtWork) -> None:
    by = await work.colleague("lead")
    for route in NEEDS:
        method, template = route.split(" ")
        path = re.sub("{(.+?)}", lambda name: OFFICE if name[1] == "office" else str(uuid4()), template)
        answer = await by(method, path, headers={"Authorization": "Bearer made-up"}, json={})
        assert answer.status_code == 401, route
