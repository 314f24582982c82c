"""Nobody of one office sees or changes anything of another: every staff route, tried with what is the other's.

The routes are read from the OpenAPI, so that a new one is tried as well. What the other office has must look to
everybody else as what nobody has.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.stack import Stack
from services.booking.domain.actors import ROLES
from tests.builders import HECHINGEN
from tests.integration.office_harness import OFFICE, OTHER_OFFICE, AtWork, Colleague, a_client, an_office_at_work

pytestmark = pytest.mark.anyio

NAME, PHONE = "Unverwechselbar", "+497461926001"
NOWHERE = "nowhere"
# Answered from the own session alone.
OWN = {"/v1/staff/me", "/v1/staff/me/password", "/v1/staff/sessions", "/v1/staff/sessions/current"}


@dataclass(frozen=True)
class Theirs:
    """What the other office has, each by the word that stands before `{id}` in a path."""

    ids: Mapping[str, str]
    code: str
    login: str
    version: int
    data: Mapping[str, Any]
    times: Mapping[str, str]

    @property
    def marks(self) -> set[str]:
        return {*self.ids.values(), self.code, self.login, NAME, PHONE}

    def query(self, operation: Mapping[str, Any], *, office: str) -> dict[str, str]:
        """Every parameter that may name something of an office."""
        naming = {
            "office": office,
            "code": self.code,
            "subject": self.ids["appointments"],
            "actor": self.ids["accounts"],
        }
        names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        return {name: naming[name] for name in names if name in naming}

    def body(self, schema: Mapping[str, Any], *, office: str = OTHER_OFFICE) -> dict[str, Any]:
        """All that has to be said, and the office where it may be."""
        wanted = [*schema.get("required", ()), *({"office"} & schema["properties"].keys())]
        values = {**self._values, "office": office}
        missing = [name for name in wanted if name not in values]
        assert not missing, f"say in this test what may stand in {missing}"
        return {name: values[name] for name in wanted}

    @property
    def _values(self) -> dict[str, Any]:
        return {
            "service": "eat_pickup",
            "starts_at": self.times["free"],
            "expires_at": self.times["far"],
            "family_name": "Öztürk",
            "members": [{"municipality": HECHINGEN}],
            "team": "service_point",
            "lane": "counter_2",
            "from": self.times["day"],
            "until": self.times["day after"],
            "reason": {"de": "Wasserschaden"},
            "version": self.version,
            "data": self.data,
            "appointments": [self.ids["appointments"]],
            "how": "move",
            "purpose": "confirmation",
            "language": "tr",
            "present": "ein Satz aus Wörtern",
            "password": "ein anderer Satz aus Wörtern",
            "login": f"newcomer-{uuid4().hex[:8]}",
            "roles": ["read_only"],
        }


@dataclass(frozen=True)
class Try:
    method: str
    template: str
    operation: Mapping[str, Any]
    schemas: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.template}"

    @property
    def names_something(self) -> bool:
        return "{" in self.template

    async def __call__(
        self, by: Colleague, theirs: Theirs, *, office: str, ids: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """With what is theirs in path, query and body; `ids` instead of theirs in the path."""
        own_ids = ids or theirs.ids
        path = self.template.replace("{office}", office)
        path = re.sub(r"([a-z-]+)/{id}", lambda found: f"{found[1]}/{own_ids[found[1]]}", path)
        body = theirs.body(self.schema, office=office) if "requestBody" in self.operation else None
        return await by(self.method, path, params=theirs.query(self.operation, office=office), json=body)

    @property
    def schema(self) -> Mapping[str, Any]:
        content: Mapping[str, Any] = self.operation["requestBody"]["content"]
        found: Mapping[str, Any] = self.schemas[content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]]
        return found


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


async def test_what_is_another_offices_does_not_exist_for_anybody_else(work: AtWork) -> None:
    us, them = [await work.colleague(*ROLES, office=office) for office in (OFFICE, OTHER_OFFICE)]
    theirs = await what_they_have(work, them)
    nobodys = dict.fromkeys(theirs.ids, str(uuid4()))
    before = await kept_of(work, OTHER_OFFICE)
    assert before

    for one in tries(work):
        answers = [await one(us, theirs, office=OTHER_OFFICE), await one(us, theirs, office=OFFICE)]
        unknown = await one(us, theirs, office=NOWHERE, ids=nobodys)
        assert not [mark for mark in theirs.marks for answer in answers if mark in answer.text], one
        assert answers[0].status_code != 422, (str(one), answers[0].text)
        assert max(answer.status_code for answer in answers) < 500, one
        if one.names_something:
            assert answers[0].status_code == 404, one
        if one.template not in OWN:
            assert what_it_says(answers[0]) == what_it_says(unknown), one
    assert await kept_of(work, OTHER_OFFICE) == before

    unreached = [
        str(one) for one in tries(work) if (await one(them, theirs, office=OTHER_OFFICE)).status_code == 404
    ]
    assert unreached == [], "their own: else nothing was tried"


async def test_a_citizens_token_opens_no_other_appointment_at_any_office(work: AtWork) -> None:
    them = await work.colleague(*ROLES, office=OTHER_OFFICE)
    theirs = await what_they_have(work, them)
    own = await work.booked_by_citizen("10:00", days=1)
    before = await kept_of(work, OTHER_OFFICE)

    for one in tries(work, scheme="HTTPBearer"):
        refused = [
            await as_citizen(work, one, theirs, id, own["token"]) for id in (theirs.ids["appointments"], uuid4())
        ]
        assert refused[0].status_code in (401, 403, 404), one
        assert what_it_says(refused[0]) == what_it_says(refused[1]), one
        assert not [mark for mark in theirs.marks if mark in refused[0].text], one
        allowed = await as_citizen(work, one, theirs, own["id"], own["token"])
        assert allowed.status_code not in (401, 403), (str(one), allowed.text)
    assert await kept_of(work, OTHER_OFFICE) == before


async def test_a_code_of_one_office_checks_nobody_in_at_another(work: AtWork) -> None:
    theirs = await what_they_have(work, await work.colleague(*ROLES, office=OTHER_OFFICE))
    async with a_client(work.app) as client:
        given = {"code": theirs.code}
        there, nowhere = [
            await client.post(f"/v1/offices/{OFFICE}/check-in", json=code)
            for code in (given, {"code": "ZZZZ2345"})
        ]
    assert (there.status_code, what_it_says(there)) == (nowhere.status_code, what_it_says(nowhere))
    assert there.status_code == 404


async def test_one_key_used_at_two_offices_shows_neither_the_others_booking(work: AtWork) -> None:
    """An idempotency key makes the appointment's id: whoever guesses one is not answered with what it made."""
    us, them = [await work.colleague(*ROLES, office=office) for office in (OFFICE, OTHER_OFFICE)]
    key = {"Idempotency-Key": str(uuid4())}
    wanted = {**work.wanted("11:00"), "family_name": NAME}
    made = await them("POST", f"/v1/staff/offices/{OTHER_OFFICE}/appointments", json=wanted, headers=key)
    again = await us("POST", f"/v1/staff/offices/{OFFICE}/appointments", json=wanted, headers=key)
    assert made.status_code == 201
    assert again.status_code == 422
    assert made.json()["id"] not in again.text


def tries(work: AtWork, *, scheme: str = "Staff") -> Iterator[Try]:
    document = work.app.openapi()
    for template, operations in document["paths"].items():
        for method, operation in operations.items():
            if {scheme: []} in operation.get("security", ()):
                yield Try(method.upper(), template, operation, document["components"]["schemas"])


async def what_they_have(work: AtWork, them: Colleague) -> Theirs:
    """An appointment that somebody has to be phoned about, an invitation, an account, a session."""
    offices = f"/v1/staff/offices/{OTHER_OFFICE}"
    contact = {"phone": PHONE, "language": "de"}
    booked = await them.post(
        f"{offices}/appointments", {**work.wanted("10:00"), "family_name": NAME, "contact": contact}
    )
    far = work.at("12:00", days=9).isoformat()
    invited = await them.post(f"{offices}/invitations", {"service": "settlement", "expires_at": far})
    await them.post(
        f"/v1/staff/appointments/{booked['id']}/reschedule",
        {"starts_at": work.at("10:30").isoformat(), "reason": "closure"},
    )
    _, session = await work.staff.sessions.open(them.account.id, now=work.desk.clock.now())
    office = await them.get(offices)
    day, after = (work.at("00:00", days=days).astimezone(work.day.tzinfo).date().isoformat() for days in (7, 8))
    return Theirs(
        ids={
            "appointments": booked["id"],
            "call-list": booked["id"],
            "accounts": them.account.id,
            "sessions": session.id,
            "invitations": invited["id"],
        },
        code=booked["code"],
        login=them.account.login,
        version=office["version"],
        data=office["data"],
        times={"free": work.at("11:00", days=1).isoformat(), "far": far, "day": day, "day after": after},
    )


async def as_citizen(work: AtWork, one: Try, theirs: Theirs, id: object, token: str) -> httpx.Response:
    day = theirs.times["day"]
    known = {"wanted": False, "first": day, "last": day, "email": "a@example.org"}
    body = None
    if "requestBody" in one.operation:
        schema = one.schema
        own = {name: known[name] for name in known if name in schema["properties"]}
        body = {
            **theirs.body({**schema, "required": [n for n in schema.get("required", ()) if n not in known]}),
            **own,
        }
    async with a_client(work.app) as client:
        path = one.template.replace("{id}", str(id))
        return await client.request(one.method, path, json=body, headers={"Authorization": f"Bearer {token}"})


async def kept_of(work: AtWork, office: str) -> dict[str, list[Any]]:
    """All that the database holds of an office. Sessions are opened with each request of these tests."""
    database = work.desk.database
    names = sorted(set(await database.list_collection_names()) - {"sessions"})
    of = {"$or": [{"office": office}, {"_id": office}]}
    found = {name: await database[name].find(of).sort("_id", 1).to_list(None) for name in names}
    return {name: documents for name, documents in found.items() if documents}


def what_it_says(answer: httpx.Response) -> tuple[int, str | None]:
    """Status and kind of problem."""
    is_problem = answer.headers.get("Content-Type", "").startswith("application/problem+json")
    return answer.status_code, answer.json()["type"] if is_problem else None


async def test_staff_take_no_cooling_time_of_an_office_whose_desks_have_the_same_names(work: AtWork) -> None:
    """A cell's text names team, desk and time; only with its office it is one desk's."""
    us, them = [await work.colleague(*ROLES, office=office) for office in (OFFICE, OTHER_OFFICE)]
    cooling = await work.booked_by_citizen("10:00", days=1)
    async with a_client(work.app) as client:
        own = {"Authorization": f"Bearer {cooling['token']}"}
        cancelled = await client.post(f"/v1/appointments/{cooling['id']}/cancel", headers=own)
    assert cancelled.is_success
    before = await work.desk.document(cooling["id"])
    wanted = {**work.wanted("10:00", days=1), "lane": before["lane"]}

    made = await them("POST", f"/v1/staff/offices/{OTHER_OFFICE}/appointments", json=wanted)

    assert made.status_code == 201, made.text
    assert await work.desk.document(cooling["id"]) == before
    taken = await us("POST", f"/v1/staff/offices/{OFFICE}/appointments", json=wanted)
    assert taken.status_code == 201, "the own office takes what cools"
    assert before["cells"]
    assert "cells" not in await work.desk.document(cooling["id"])
