"""The pages for accounts: each does what the API does, by the same rules, and leaves the same record."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from services.booking.domain.actors import EVERYWHERE
from services.booking.staff.accounts import Account
from tests.integration.office_harness import OFFICE, OTHER_OFFICE, AtWork, an_office_at_work
from tests.integration.pages_harness import (
    OURS,
    PASSWORD,
    AtTheScreen,
    a_browser,
    at_the_screen,
    text_of,
)

pytestmark = pytest.mark.anyio
_LINK = re.compile(r"https://termine\.example(/staff/password\?token=[A-Za-z0-9_-]+)")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


async def added(by: AtTheScreen, work: AtWork, *roles: str, **more: str) -> tuple[Account, str]:
    """By the page; the account and the page that follows."""
    login = f"kim-{uuid4().hex[:8]}"
    page = await by.sent("/staff/accounts", login=login, roles=list(roles), **more)
    account = await work.staff.accounts.by_login(login)
    assert account
    return account, page


async def test_a_new_account_is_for_the_office_at_hand_unless_chosen(work: AtWork) -> None:
    """Who looks after all of them would else offer what no other role may have."""
    by = await at_the_screen(work, "admin", office=EVERYWHERE)

    page = await by.see("/staff/accounts")

    chosen = re.findall(r'<option value="([^"]+)" selected', page)
    assert EVERYWHERE not in chosen
    assert set(chosen) & {OFFICE, OTHER_OFFICE}


async def test_a_new_colleague_sets_a_password_by_the_link_and_comes_in(work: AtWork) -> None:
    by = await at_the_screen(work, "admin")

    account, page = await added(by, work, "service_point", "caseworker", name="Kim Beispiel")

    assert (account.office, account.roles, account.name) == (
        OFFICE,
        ("caseworker", "service_point"),
        "Kim Beispiel",
    )
    link = _LINK.search(page)
    assert link
    async with a_browser(work.app) as http:
        shown = (await http.get(link[1])).text
        token = re.search(r'name="token" value="([^"]+)"', shown)
        assert token
        form = {"token": token[1], "password": PASSWORD, "again": PASSWORD}
        set_now = await http.post("/staff/password", data=form, headers=OURS)
        assert (set_now.status_code, 'href="/staff/sign-in"' in set_now.text) == (200, True)
        signed_in = {"login": account.login, "password": PASSWORD}
        assert (await http.post("/staff/sign-in", data=signed_in, headers=OURS)).status_code == 303
        assert account.login in await by.see("/staff/accounts")
    shown = text_of(await by.see(f"/staff/accounts/{account.id}"))
    done = ("Konto angelegt", "Link zum Passwort gemacht", "Passwort festgelegt", "angemeldet")
    assert all(what in shown for what in done)
    assert not _LINK.search(shown)


async def test_what_was_typed_stays_where_an_account_cannot_be_made(work: AtWork) -> None:
    by = await at_the_screen(work, "admin")
    account, _ = await added(by, work, "lead")

    for fields, status, fault in (
        ({"login": account.login, "roles": "lead"}, 409, "schon"),
        ({"login": "zwei Wörter", "roles": "lead"}, 422, "ohne Leerzeichen"),
        ({"login": "anna"}, 422, "mindestens eine Rolle"),
    ):
        answer = await by.send("/staff/accounts", name="Anna Muster", **fields)
        assert answer.status_code == status, fields
        assert fault in answer.text
        assert 'value="Anna Muster"' in answer.text
        assert f'value="{fields["login"]}"' in answer.text


async def test_roles_change_and_hold_with_the_next_request(work: AtWork) -> None:
    by = await at_the_screen(work, "admin")
    colleague = await at_the_screen(work, "service_point")
    path = f"/staff/accounts/{colleague.account.id}"

    await by.sent(path, rights="yes", roles=["lead", "service_point"], name="Kim Neu")

    assert (await colleague.http.get("/staff/closures")).status_code == 200
    changed = await work.staff.accounts.get(colleague.account.id)
    assert (changed.name, changed.roles) == ("Kim Neu", ("lead", "service_point"))
    none = await by.send(path, rights="yes")
    assert none.status_code == 422
    assert "mindestens eine Rolle" in none.text
    assert await work.recorded(colleague.account.id) == ["account.added", "account.link_made", "account.changed"]


async def test_whoever_is_blocked_is_out_at_once_until_let_in_again(work: AtWork) -> None:
    by = await at_the_screen(work, "admin")
    colleague = await at_the_screen(work, "service_point")
    path = f"/staff/accounts/{colleague.account.id}"

    assert "überall abgemeldet" in await by.sent(f"{path}/block")
    assert (await colleague.http.get("/staff/today")).status_code == 303
    assert (await by.send(f"{path}/link")).status_code == 404

    assert "wieder anmelden" in await by.sent(f"{path}/unblock")
    assert (await colleague.http.get("/staff/today")).status_code == 303
    assert _LINK.search(await by.sent(f"{path}/link"))
    recorded = ["account.disabled", "account.enabled", "account.link_made"]
    assert (await work.recorded(colleague.account.id))[-3:] == recorded


async def test_nobody_changes_or_blocks_themselves(work: AtWork) -> None:
    by = await at_the_screen(work, "admin")
    path = f"/staff/accounts/{by.account.id}"

    assert 'name="roles"' not in await by.see(path)
    assert (await by.send(path, rights="yes", roles=["lead"])).status_code == 409
    assert (await by.send(f"{path}/block")).status_code == 409
    await by.sent(path, name="Kim Beispiel")

    kept = await work.staff.accounts.get(by.account.id)
    assert (kept.roles, kept.name, kept.disabled_at) == (("admin",), "Kim Beispiel", None)


async def test_an_offices_admin_reaches_no_account_of_another_office(work: AtWork) -> None:
    by = await at_the_screen(work, "admin")
    stranger = (await at_the_screen(work, "lead", office=OTHER_OFFICE)).account
    path = f"/staff/accounts/{stranger.id}"

    assert stranger.login not in await by.see("/staff/accounts")
    assert (await by.http.get(path)).status_code == 404
    for send in (path, f"{path}/link", f"{path}/block", f"{path}/unblock"):
        assert (await by.send(send, rights="yes", roles=["admin"])).status_code == 404, send
    for office in (OTHER_OFFICE, EVERYWHERE):
        answer = await by.send("/staff/accounts", login=f"x{uuid4().hex}", roles=["admin"], office=office)
        assert answer.status_code == 404
    own, _ = await added(by, work, "lead")
    assert (await by.send(f"/staff/accounts/{own.id}", office=OTHER_OFFICE)).status_code == 404

    assert await work.staff.accounts.get(stranger.id) == stranger
    assert (await work.staff.accounts.get(own.id)).office == OFFICE


async def test_the_installations_admin_gives_every_office(work: AtWork) -> None:
    by = await at_the_screen(work, "admin", office=EVERYWHERE)

    there, _ = await added(by, work, "lead", office=OTHER_OFFICE)
    everywhere, _ = await added(by, work, "admin", office=EVERYWHERE)
    refused = await by.send("/staff/accounts", login=f"x{uuid4().hex}", roles=["lead"], office=EVERYWHERE)

    assert (there.office, everywhere.office) == (OTHER_OFFICE, EVERYWHERE)
    assert refused.status_code == 422
    shown = await by.see("/staff/accounts")
    assert there.login in shown
    assert everywhere.login in shown
    await by.sent(f"/staff/accounts/{there.id}", office=OFFICE)
    assert (await work.staff.accounts.get(there.id)).office == OFFICE


async def test_a_lead_gives_no_rights_and_is_offered_no_page_for_it(work: AtWork) -> None:
    by = await at_the_screen(work, "lead")
    answer = await by.send("/staff/accounts", login="mine", roles=["admin"])
    assert answer.status_code == 403
    assert await work.staff.accounts.by_login("mine") is None
    assert "/staff/accounts" not in await by.see("/staff/today")
