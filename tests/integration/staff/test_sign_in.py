"""Signing in with a local account: sessions, their end, and pauses after wrong attempts."""

import asyncio
from datetime import timedelta
from statistics import median
from time import perf_counter

import pytest

from services.booking.domain.passwords import FREE_PER_ADDRESS, FREE_PER_LOGIN
from services.booking.staff.passwords import Passwords
from tests.integration.staff.harness import OFFICE, OTHER_OFFICE, PASSWORD, Counter, kind, secret_of

pytestmark = pytest.mark.anyio


async def test_a_signed_in_account_is_known_by_its_token(counter: Counter) -> None:
    account = await counter.account("service_point", login="desk.one")

    answer = await counter.sign_in(" Desk.One ")

    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["roles"] == ["service_point"]
    assert answer.json()["permissions"] == ["see_day", "see_person", "serve", "book"]
    async with counter.client(token=answer.json()["token"]) as client:
        assert (await client.get("/v1/staff/me")).json()["id"] == account.id
        assert (await client.get(f"/desk/{OFFICE}")).json() == {"by": account.id}


async def test_the_database_holds_neither_token_nor_password(counter: Counter) -> None:
    account = await counter.account("lead")
    token = (await counter.sign_in(account.login)).json()["token"]

    for name in ("staff", "staff_sessions", "staff_attempts", "audit"):
        written = str(await counter.database[name].find().to_list(None))
        assert token not in written
        assert PASSWORD not in written
        assert "192.0.2.1" not in written
    assert account.login not in str(await counter.database["audit"].find().to_list(None))


@pytest.mark.parametrize("token", [None, "", "x" * 43, "ümläut"])
async def test_without_a_session_nobody_is_let_in(counter: Counter, token: str | None) -> None:
    headers = {b"Authorization": f"Bearer {token}".encode()} if token is not None else {}
    async with counter.client() as client:
        answer = await client.get("/v1/staff/me", headers=headers)
    assert kind(answer) == (401, "not-signed-in")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_unknown_wrong_and_disabled_look_the_same(counter: Counter) -> None:
    known, disabled = await counter.account("lead"), await counter.account("lead")
    await counter.staff.accounts.disable(disabled.id, now=counter.clock.now())

    answers = [
        await counter.sign_in("nobody.at.all"),
        await counter.sign_in(known.login, password="not this one at all"),
        await counter.sign_in(disabled.login),
    ]

    assert [kind(answer) for answer in answers] == [(401, "sign-in-refused")] * 3
    assert len({answer.text for answer in answers}) == 1


async def test_an_unknown_login_costs_as_much_time(counter: Counter) -> None:
    passwords = Passwords()
    stored = await passwords.hash(PASSWORD)
    times: dict[str | None, list[float]] = {stored: [], None: []}
    for _ in range(9):
        for hash, measured in times.items():
            began = perf_counter()
            assert not await passwords.fits("not this one at all", hash)
            measured.append(perf_counter() - began)

    # Without the work for nobody the second takes a thousandth of the first.
    assert median(times[None]) > median(times[stored]) / 3


async def test_an_unused_session_ends_after_an_hour(counter: Counter) -> None:
    _, client = await counter.at_work("lead")
    counter.clock.ahead = timedelta(minutes=59)
    assert (await client.get("/v1/staff/me")).status_code == 200

    counter.clock.ahead += timedelta(minutes=61)
    assert kind(await client.get("/v1/staff/me")) == (401, "not-signed-in")


async def test_a_used_session_ends_after_ten_hours(counter: Counter) -> None:
    _, client = await counter.at_work("lead")
    for _ in range(14):
        counter.clock.ahead += timedelta(minutes=42)
        assert (await client.get("/v1/staff/me")).status_code == 200

    counter.clock.ahead = timedelta(hours=10, seconds=1)
    assert kind(await client.get("/v1/staff/me")) == (401, "not-signed-in")


async def test_the_database_itself_forgets_old_sessions(counter: Counter) -> None:
    indexes = await counter.database["staff_sessions"].index_information()
    assert indexes["kept"]["expireAfterSeconds"] == 0
    assert indexes["kept"]["key"] == [("expires_at", 1)]
    assert indexes["token"]["unique"]


async def test_signing_out_ends_this_session_only(counter: Counter) -> None:
    account, here = await counter.at_work("lead")
    there = counter.client(token=(await counter.sign_in(account.login)).json()["token"])

    assert (await here.delete("/v1/staff/sessions/current")).status_code == 204

    assert (await here.get("/v1/staff/me")).status_code == 401
    assert (await there.get("/v1/staff/me")).status_code == 200


async def test_own_sessions_can_be_listed_and_revoked(counter: Counter) -> None:
    account, here = await counter.at_work("lead")
    there = counter.client(token=(await counter.sign_in(account.login)).json()["token"])
    sessions = (await here.get("/v1/staff/sessions")).json()
    assert [session["current"] for session in sessions] == [True, False]

    assert (await here.delete(f"/v1/staff/sessions/{sessions[1]['id']}")).status_code == 204

    assert (await there.get("/v1/staff/me")).status_code == 401
    assert len((await here.get("/v1/staff/sessions")).json()) == 1


async def test_nobody_revokes_the_session_of_another(counter: Counter) -> None:
    _, mine = await counter.at_work("admin")
    _, theirs = await counter.at_work("lead")
    id = (await theirs.get("/v1/staff/sessions")).json()[0]["id"]

    assert kind(await mine.delete(f"/v1/staff/sessions/{id}")) == (404, "not-here")
    assert (await theirs.get("/v1/staff/me")).status_code == 200


async def test_a_disabled_account_is_out_at_once(counter: Counter) -> None:
    account, client = await counter.at_work("lead")
    await counter.database["staff"].update_one({"_id": account.id}, {"$set": {"disabled_at": counter.clock.now()}})

    assert kind(await client.get("/v1/staff/me")) == (401, "not-signed-in")


async def test_new_roles_count_from_the_next_request(counter: Counter) -> None:
    account, client = await counter.at_work("service_point")
    assert (await client.get(f"/desk/{OFFICE}")).status_code == 200

    await counter.staff.accounts.change(account.id, {"roles": ["read_only"]})

    answer = await client.get(f"/desk/{OFFICE}")
    assert kind(answer) == (403, "not-allowed")
    assert answer.json()["needs"] == "serve"


async def test_another_office_does_not_exist_for_an_account(counter: Counter) -> None:
    _, client = await counter.at_work("lead")
    _, everywhere = await counter.at_work("admin", "lead", office="*")

    assert kind(await client.get(f"/desk/{OTHER_OFFICE}")) == (404, "not-here")
    assert (await everywhere.get(f"/desk/{OTHER_OFFICE}")).status_code == 200


async def test_wrong_passwords_make_a_login_wait(counter: Counter) -> None:
    account = await counter.account("lead")
    for number in range(FREE_PER_LOGIN + 1):
        answer = await counter.sign_in(account.login, password="not this one at all", address=f"192.0.2.{number}")
        assert answer.status_code == 401

    paused = await counter.sign_in(account.login)
    assert kind(paused) == (429, "sign-in-paused")
    assert 1 <= int(paused.headers["retry-after"]) <= 15
    counter.clock.ahead += timedelta(seconds=16)
    assert (await counter.sign_in(account.login)).status_code == 201
    assert (await counter.sign_in(account.login, password="not this one at all")).status_code == 401
    assert (await counter.sign_in(account.login)).status_code == 201


async def test_the_next_pause_is_longer(counter: Counter) -> None:
    account = await counter.account("lead")
    for _ in range(FREE_PER_LOGIN + 1):
        await counter.sign_in(account.login, password="not this one at all")
    counter.clock.ahead += timedelta(seconds=16)
    await counter.sign_in(account.login, password="not this one at all")

    assert 16 <= int((await counter.sign_in(account.login)).headers["retry-after"]) <= 30


async def test_guesses_at_the_same_moment_are_all_counted(counter: Counter) -> None:
    account = await counter.account("lead")

    answers = await asyncio.gather(
        *(counter.sign_in(account.login, password=f"guess number {n}", address=f"192.0.2.{n}") for n in range(30))
    )

    codes = [answer.status_code for answer in answers]
    assert (codes.count(401), codes.count(429)) == (FREE_PER_LOGIN + 1, 30 - FREE_PER_LOGIN - 1)


async def test_guessing_many_logins_makes_an_address_wait(counter: Counter) -> None:
    account = await counter.account("lead")
    for number in range(FREE_PER_ADDRESS + 1):
        assert (await counter.sign_in(f"guess-{number}", password="x")).status_code == 401

    assert kind(await counter.sign_in(account.login)) == (429, "sign-in-paused")
    assert (await counter.sign_in(account.login, address="192.0.2.2")).status_code == 201


async def test_a_whole_ipv6_network_counts_as_one_address(counter: Counter) -> None:
    for number in range(FREE_PER_ADDRESS + 1):
        await counter.sign_in(f"guess-{number}", password="x", address=f"2001:db8:1:2::{number:x}")

    account = await counter.account("lead")
    assert kind(await counter.sign_in(account.login, address="2001:db8:1:2:ffff::1")) == (429, "sign-in-paused")
    assert (await counter.sign_in(account.login, address="2001:db8:1:3::1")).status_code == 201


async def test_signing_in_does_not_pay_for_guesses(counter: Counter) -> None:
    """Whoever has an account cannot wash their address clean between guesses at others."""
    account = await counter.account("lead")
    for number in range(FREE_PER_ADDRESS):
        await counter.sign_in(f"guess-{number}", password="x")
        assert (await counter.sign_in(account.login)).status_code == 201
    await counter.sign_in("guess-last", password="x")

    assert kind(await counter.sign_in(account.login)) == (429, "sign-in-paused")


async def test_many_people_behind_one_address_may_sign_in(counter: Counter) -> None:
    account = await counter.account("lead")
    for _ in range(FREE_PER_ADDRESS + 5):
        assert (await counter.sign_in(account.login)).status_code == 201


async def test_an_attempt_counted_late_does_not_wait(counter: Counter) -> None:
    """Two of one office sign in at the same moment; the one that began first is counted last."""
    attempts, now = counter.staff.sign_in.attempts, counter.clock.now()
    later = await attempts.begin(login="one", address="192.0.2.1", now=now)
    earlier = await attempts.begin(login="other", address="192.0.2.1", now=now - timedelta(milliseconds=20))
    await attempts.succeeded(later)
    await attempts.begin(login="third", address="192.0.2.1", now=now - timedelta(milliseconds=10))

    await attempts.succeeded(earlier)


async def test_an_old_hash_is_renewed_at_sign_in(counter: Counter) -> None:
    account = await counter.account("lead")
    weak = await Passwords(memory_kib=8 * 1024, passes=1).hash(PASSWORD)
    await counter.database["staff"].update_one({"_id": account.id}, {"$set": {"password": weak}})

    assert (await counter.sign_in(account.login)).status_code == 201

    renewed = (await counter.staff.accounts.get(account.id)).password
    assert renewed
    assert "m=19456,t=2,p=1" in renewed
    assert (await counter.sign_in(account.login)).status_code == 201


async def test_a_flood_of_guesses_is_refused_not_queued(counter: Counter) -> None:
    answers = await asyncio.gather(
        *(counter.sign_in(f"guess-{n}", password="x", address=f"198.51.100.{n}") for n in range(200))
    )

    codes = [answer.status_code for answer in answers]
    assert set(codes) == {401, 503}
    assert all(answer.headers["retry-after"] == "5" for answer in answers if answer.status_code == 503)
    counted = counter.database["staff_attempts"].count_documents
    assert await counted({"failures": 1}) == 2 * codes.count(401)
    assert await counted({"failures": 0}) == 2 * codes.count(503)


async def test_hashing_leaves_the_loop_free(counter: Counter) -> None:
    passwords = Passwords(memory_kib=64 * 1024, passes=8)
    turns = 0
    hashing = asyncio.create_task(passwords.hash(PASSWORD))
    while not hashing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 100


async def test_a_link_sets_a_password_once(counter: Counter) -> None:
    _, admin = await counter.at_work("admin")
    made = (await admin.post("/v1/staff/accounts", json={"login": "new.one", "roles": ["lead"]})).json()
    secret = secret_of(made["link"])
    async with counter.client() as client:
        answers = await asyncio.gather(
            *(
                client.post("/v1/staff/password", json={"token": secret, "password": f"{PASSWORD} {n}"})
                for n in range(4)
            )
        )

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [204, 410, 410, 410]
    winner = next(n for n, answer in enumerate(answers) if answer.status_code == 204)
    assert (await counter.sign_in("new.one", password=f"{PASSWORD} {winner}")).status_code == 201


async def test_a_link_is_over_after_a_day(counter: Counter) -> None:
    account = await counter.account("lead")
    link = await counter.staff.administration.new_link(account)
    counter.clock.ahead = timedelta(hours=24, seconds=1)

    async with counter.client() as client:
        given = {"token": link.secret, "password": "another long one"}
        assert kind(await client.post("/v1/staff/password", json=given)) == (410, "link-used-up")
    assert (await counter.sign_in(account.login)).status_code == 201


async def test_a_newer_link_voids_the_older(counter: Counter) -> None:
    account = await counter.account("lead")
    old = await counter.staff.administration.new_link(account)
    new = await counter.staff.administration.new_link(account)

    async with counter.client() as client:
        for link, code in ((old, 410), (new, 204)):
            given = {"token": link.secret, "password": "another long one"}
            assert (await client.post("/v1/staff/password", json=given)).status_code == code


async def test_a_weak_password_leaves_the_link_valid(counter: Counter) -> None:
    account = await counter.account("lead", login="erika.musterfrau")
    link = await counter.staff.administration.new_link(account)

    async with counter.client() as client:
        for password in ("short", "Erika.Musterfrau"):
            given = {"token": link.secret, "password": password}
            assert kind(await client.post("/v1/staff/password", json=given)) == (422, "weak-password")
        given = {"token": link.secret, "password": "another long one"}
        assert (await client.post("/v1/staff/password", json=given)).status_code == 204


async def test_a_new_password_ends_sessions_and_pauses(counter: Counter) -> None:
    account, client = await counter.at_work("lead")
    for _ in range(FREE_PER_LOGIN + 1):
        await counter.sign_in(account.login, password="not this one at all")
    assert (await counter.sign_in(account.login)).status_code == 429
    link = await counter.staff.administration.new_link(account)

    await counter.staff.sign_in.set_password(secret=link.secret, password="another long one")

    assert (await client.get("/v1/staff/me")).status_code == 401
    assert (await counter.sign_in(account.login)).status_code == 401
    assert (await counter.sign_in(account.login, password="another long one")).status_code == 201


async def test_the_page_of_a_link_sets_the_password(counter: Counter) -> None:
    account = await counter.account("lead")
    link = await counter.staff.administration.new_link(account)
    async with counter.client() as client:
        url = counter.staff.link_url(link.secret)
        assert url.startswith("https://termine.example/staff/password?token=")
        shown = await client.get(url)
        assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
        assert f'value="{link.secret}"' in shown.text

        short = await client.post("/staff/password", data={"token": link.secret, "password": "kurz"})
        assert short.status_code == 422
        assert "mindestens 12" in short.text
        done = await client.post("/staff/password", data={"token": link.secret, "password": "another long one"})
        assert done.status_code == 200
        again = await client.post("/staff/password", data={"token": link.secret, "password": "another long one"})
        assert again.status_code == 410
    assert (await counter.sign_in(account.login, password="another long one")).status_code == 201


async def test_the_own_password_is_changed_while_signed_in(counter: Counter) -> None:
    account, client = await counter.at_work("caseworker")
    other = (await counter.sign_in(account.login)).json()["token"]
    new = "ein ganz anderer Satz"
    async with client:
        wrong = await client.put("/v1/staff/me/password", json={"present": "not this one", "password": new})
        weak = await client.put("/v1/staff/me/password", json={"present": PASSWORD, "password": "short"})
        done = await client.put("/v1/staff/me/password", json={"present": PASSWORD, "password": new})
        assert (await client.get("/v1/staff/me")).status_code == 200
    async with counter.client(token=other) as elsewhere:
        assert (await elsewhere.get("/v1/staff/me")).status_code == 401

    assert (kind(wrong), kind(weak), done.status_code) == ((403, "wrong-password"), (422, "weak-password"), 204)
    assert (await counter.sign_in(account.login)).status_code == 401
    assert (await counter.sign_in(account.login, password=new)).status_code == 201
    assert (await counter.recorded(account.id)).count("account.password_changed") == 1


async def test_the_present_password_is_not_guessed_at_will(counter: Counter) -> None:
    _, client = await counter.at_work("caseworker")
    async with client:
        wrong = {"present": "not this one at all", "password": "ein ganz anderer Satz"}
        answers = [await client.put("/v1/staff/me/password", json=wrong) for _ in range(FREE_PER_LOGIN + 2)]
    assert kind(answers[-1]) == (429, "sign-in-paused")


async def test_the_record_is_kept_so_long_and_no_longer(counter: Counter) -> None:
    account = await counter.account("lead")
    await counter.sign_in(account.login)
    now = counter.clock.now()

    assert await counter.staff.audit.forget(before=now - timedelta(days=1)) == 0
    assert await counter.staff.audit.forget(before=now + timedelta(seconds=1)) > 0
    assert await counter.recorded(account.id) == []
