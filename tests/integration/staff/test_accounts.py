"""Administrators look after the accounts of their office, and everything done is on record."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.booking.domain.actors import ROLES, SYSTEM, Role, staff
from tests.integration.staff.harness import OFFICE, OTHER_OFFICE, Counter, kind

pytestmark = pytest.mark.anyio
ACCOUNTS, AUDIT = "/v1/staff/accounts", "/v1/staff/audit"


async def test_an_administrator_adds_lists_and_changes_accounts(counter: Counter) -> None:
    _, admin = await counter.at_work("admin")

    new = {"login": "Desk.Two", "name": "Servicepoint 2", "roles": ["service_point"]}
    answer = await admin.post(ACCOUNTS, json=new)
    assert answer.status_code == 201
    made = answer.json()
    id = made["id"]
    assert (made["login"], made["office"], made["has_password"]) == ("desk.two", OFFICE, False)
    assert made["link"] not in (await admin.get(ACCOUNTS)).text

    changes = {"roles": ["lead", "caseworker", "lead"], "name": "Leitung"}
    changed = await admin.patch(f"{ACCOUNTS}/{id}", json=changes)
    assert changed.status_code == 200
    listed = {account["id"]: account for account in (await admin.get(ACCOUNTS)).json()}
    assert (listed[id]["roles"], listed[id]["name"]) == (["caseworker", "lead"], "Leitung")
    assert await counter.recorded(id) == ["account.added", "account.link_made", "account.changed"]


@pytest.mark.parametrize("role", [role for role in ROLES if role != "admin"])
async def test_accounts_are_the_business_of_administrators(counter: Counter, role: Role) -> None:
    account, client = await counter.at_work(role)

    answers = [
        await client.get(ACCOUNTS),
        await client.post(ACCOUNTS, json={"login": "somebody.new", "roles": ["admin"]}),
        await client.patch(f"{ACCOUNTS}/{account.id}", json={"roles": ["admin"]}),
        await client.post(f"{ACCOUNTS}/{account.id}/link"),
    ]

    assert [kind(answer) for answer in answers] == [(403, "not-allowed")] * 4


async def test_a_login_is_given_once_whatever_its_case(counter: Counter) -> None:
    _, admin = await counter.at_work("admin")

    answers = await asyncio.gather(
        *(
            admin.post(ACCOUNTS, json={"login": login, "roles": ["lead"]})
            for login in ("same.one", "SAME.one", "Same.One")
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_accounts_of_another_office_do_not_exist(counter: Counter) -> None:
    _, admin = await counter.at_work("admin")
    theirs = await counter.account("lead", office=OTHER_OFFICE)
    above = await counter.account("admin", office="*")

    for account in (theirs, above):
        assert account.id not in (await admin.get(ACCOUNTS)).text
        answer = await admin.patch(f"{ACCOUNTS}/{account.id}", json={"disabled": True})
        assert kind(answer) == (404, "account-unknown")
        assert kind(await admin.post(f"{ACCOUNTS}/{account.id}/link")) == (404, "account-unknown")
    assert (await counter.sign_in(theirs.login)).status_code == 201


@pytest.mark.parametrize("office", [OTHER_OFFICE, "*"])
async def test_an_office_administrator_reaches_no_further(counter: Counter, office: str) -> None:
    _, admin = await counter.at_work("admin")
    mine = await counter.account("admin")

    new = {"login": "somebody.new", "roles": ["admin"], "office": office}
    assert kind(await admin.post(ACCOUNTS, json=new)) == (404, "not-here")
    assert kind(await admin.patch(f"{ACCOUNTS}/{mine.id}", json={"office": office})) == (404, "not-here")


async def test_an_administrator_of_all_offices_sees_all(counter: Counter) -> None:
    _, admin = await counter.at_work("admin", office="*")
    theirs = await counter.account("lead", office=OTHER_OFFICE)

    assert theirs.id in (await admin.get(ACCOUNTS)).text
    moved = await admin.patch(f"{ACCOUNTS}/{theirs.id}", json={"office": OFFICE})
    assert moved.json()["office"] == OFFICE
    unknown = {"login": "somebody.new", "roles": ["lead"], "office": "nowhere"}
    assert kind(await admin.post(ACCOUNTS, json=unknown)) == (422, "office-unknown")
    everywhere = {"login": "somebody.new", "roles": ["lead"], "office": "*"}
    assert kind(await admin.post(ACCOUNTS, json=everywhere)) == (422, "office-not-possible")


@pytest.mark.parametrize("change", [{"roles": ["admin", "lead"]}, {"disabled": True}])
async def test_nobody_changes_their_own_rights(counter: Counter, change: dict[str, Any]) -> None:
    account, admin = await counter.at_work("admin")

    answer = await admin.patch(f"{ACCOUNTS}/{account.id}", json={**change, "name": "Somebody"})

    assert kind(answer) == (409, "own-account")
    after = await counter.staff.accounts.get(account.id)
    assert (after.roles, after.disabled_at, after.name) == (("admin",), None, None)


async def test_disabling_ends_sessions_and_links(counter: Counter) -> None:
    _, admin = await counter.at_work("admin")
    account, client = await counter.at_work("lead")
    link = await counter.staff.administration.new_link(account)

    assert (await admin.patch(f"{ACCOUNTS}/{account.id}", json={"disabled": True})).status_code == 200

    assert (await client.get("/v1/staff/me")).status_code == 401
    assert await counter.database["staff_sessions"].count_documents({"account_id": account.id}) == 0
    assert (await counter.sign_in(account.login)).status_code == 401
    assert (await admin.post(f"{ACCOUNTS}/{account.id}/link")).status_code == 404
    async with counter.client() as anybody:
        given = {"token": link.secret, "password": "another long one"}
        assert (await anybody.post("/v1/staff/password", json=given)).status_code == 410


async def test_enabling_lets_in_again(counter: Counter) -> None:
    _, admin = await counter.at_work("admin")
    account = await counter.account("lead")
    await admin.patch(f"{ACCOUNTS}/{account.id}", json={"disabled": True})

    assert (await admin.patch(f"{ACCOUNTS}/{account.id}", json={"disabled": False})).json()["disabled_at"] is None

    assert (await counter.sign_in(account.login)).status_code == 201
    assert (await counter.recorded(account.id))[-3:] == ["account.disabled", "account.enabled", "session.opened"]


async def test_the_record_names_who_did_what(counter: Counter) -> None:
    admin_account, admin = await counter.at_work("admin")
    id = (await admin.post(ACCOUNTS, json={"login": "desk.two", "roles": ["lead"]})).json()["id"]

    entries = (await admin.get(AUDIT, params={"subject": id})).json()["entries"]

    assert [entry["action"] for entry in entries] == ["account.link_made", "account.added"]
    assert entries[1]["actor"] == {"kind": "staff", "id": admin_account.id}
    assert entries[1]["detail"] == {"roles": ["lead"]}
    assert "desk.two" not in str(entries)


async def test_the_record_is_filtered_by_all_that_is_asked(counter: Counter) -> None:
    account, lead = await counter.at_work("lead")
    began = counter.clock.now()
    for hour, subject in enumerate(["a", "b", "a"]):
        counter.clock.ahead = timedelta(minutes=20 * hour)
        await counter.staff.audit.record(staff(account.id), "person.seen", office=OFFICE, subject=subject)
        await counter.staff.audit.record(SYSTEM, "person.seen", office=OFFICE, subject=subject)

    async def found(**asked: Any) -> list[tuple[str, str]]:
        entries = (await lead.get(AUDIT, params=asked)).json()["entries"]
        return [
            (entry["actor"]["kind"], entry["subject"]) for entry in entries if entry["action"] == "person.seen"
        ]

    assert await found(subject="a") == [("system", "a"), ("staff", "a"), ("system", "a"), ("staff", "a")]
    assert await found(subject="a", actor=account.id) == [("staff", "a"), ("staff", "a")]
    middle = {
        "from": (began + timedelta(minutes=10)).isoformat(),
        "to": (began + timedelta(minutes=30)).isoformat(),
    }
    assert await found(**middle) == [("system", "b"), ("staff", "b")]


async def test_pages_of_the_record_lose_and_repeat_nothing(counter: Counter) -> None:
    _, lead = await counter.at_work("lead")
    frozen = counter.clock.now()
    await counter.database["audit"].insert_many(
        [
            {
                "_id": f"entry-{number:03}",
                "at": frozen,
                "actor": {"kind": "system", "id": None},
                "action": "person.seen",
                "office": OFFICE,
                "subject": "one",
                "detail": {},
            }
            for number in range(25)
        ]
    )

    seen: list[str] = []
    asked: dict[str, Any] = {"subject": "one", "limit": 10}
    sizes = []
    while True:
        page = (await lead.get(AUDIT, params=asked)).json()
        sizes.append(len(page["entries"]))
        seen += [entry["id"] for entry in page["entries"]]
        await counter.staff.audit.record(SYSTEM, "person.seen", office=OFFICE, subject="one")
        if page["next"] is None:
            break
        asked["after"] = page["next"]

    assert sizes == [10, 10, 5]
    assert seen == [f"entry-{number:03}" for number in reversed(range(25))]


@pytest.mark.parametrize("cursor", ["x", "bm90aGluZw==", "äöü", "MjAyNi0xMS0yNVQwMDowMDowMHxh"])
async def test_an_invented_page_is_refused(counter: Counter, cursor: str) -> None:
    _, lead = await counter.at_work("lead")
    assert kind(await lead.get(AUDIT, params={"after": cursor})) == (422, "cursor-unknown")


async def test_the_record_of_another_office_is_hidden(counter: Counter) -> None:
    _, lead = await counter.at_work("lead")
    _, above = await counter.at_work("admin", office="*")
    await counter.staff.audit.record(SYSTEM, "person.seen", office=OTHER_OFFICE, subject="theirs")

    assert (await lead.get(AUDIT, params={"subject": "theirs"})).json()["entries"] == []
    assert kind(await lead.get(AUDIT, params={"office": OTHER_OFFICE})) == (404, "not-here")
    assert kind(await lead.get(AUDIT, params={"office": "*"})) == (404, "not-here")
    assert len((await above.get(AUDIT, params={"subject": "theirs"})).json()["entries"]) == 1


@pytest.mark.parametrize("role", ["service_point", "caseworker", "read_only"])
async def test_the_record_is_not_for_everybody(counter: Counter, role: Role) -> None:
    _, client = await counter.at_work(role)
    assert kind(await client.get(AUDIT)) == (403, "not-allowed")
