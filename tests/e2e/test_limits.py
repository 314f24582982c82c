"""Limits on the real service: two processes behind a proxy that says for whom it asks."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import sync_playwright
from pydantic import SecretStr
from pymongo.database import Database

from deploy.local.process import ROOT
from deploy.local.reading import text_of
from deploy.local.stack import Stack
from services.booking.domain.limits import RUNGS
from services.booking.domain.passwords import FREE_PER_ADDRESS
from services.booking.guard.helpers import verifier
from services.booking.guard.proofs import HOLDS_PER_ENTRY, Proofs
from services.booking.guard.storage import ProofStore
from services.booking.tokens import Keys
from shared.mongo import DatabaseClock
from tests.browser.conftest import CHROMIUM
from tests.browser.walking import Walker
from tests.builders import HECHINGEN
from tests.citizen import OFFICE, Citizen, Mailbox, link_in
from tests.ledger import Ledger
from tests.proofs import solve
from tests.unit.booking.test_guard import Hands
from tests.waiting import eventually

HELPER, SECRET, QUOTA = "caritas", "s3cret-of-caritas", 3


class Door:
    """The public interface as somebody at `address` sees it, through a proxy."""

    def __init__(self, url: str, address: str) -> None:
        self.address = address
        self.http = httpx.Client(base_url=url, timeout=30, headers={"X-Forwarded-For": f"192.0.2.66, {address}"})

    def knock(self, *, key: str = "", **headers: str) -> httpx.Response:
        """Tries to hold a time that is over: whoever is let in hears 422."""
        wish: dict[str, Any] = {"office": OFFICE, "service": "eat_pickup", "starts_at": "2020-01-02T08:00:00Z"}
        wish |= {"family_name": "Öztürk", "members": [{"municipality": HECHINGEN}]}
        wish |= {"preconditions": {"pin_letter": True}}
        return self.http.post(
            "/v1/appointments", json=wish, headers={"Idempotency-Key": key or str(uuid4()), **headers}
        )

    def wait_for_a_time(
        self, *, key: str = "", first: str = "2020-01-01", last: str = "2020-01-31", **headers: str
    ) -> httpx.Response:
        """Tries to enter the waiting list, as a rule for days that are over: whoever is let in hears 422."""
        wanted = {"office": OFFICE, "service": "eat_pickup", "family_name": "Öztürk"}
        wanted |= {"members": [{"municipality": HECHINGEN}], "preconditions": {"pin_letter": True}}  # type: ignore[dict-item]
        wanted |= {"wish": {"first": first, "last": last}}  # type: ignore[dict-item]
        return self.http.post(
            "/v1/waiting-list", json=wanted, headers={"Idempotency-Key": key or str(uuid4()), **headers}
        )

    def sign_in(self) -> httpx.Response:
        wrong = {"login": f"{uuid4().hex[:12]}@amt.example", "password": "certainly not this one"}
        return self.http.post("/v1/staff/sessions", json=wrong)

    def use_up_what_is_free(self) -> httpx.Response:
        """The first answer that asks for a proof. For some time proofs are needed from then on."""
        for _ in range(30):
            asked = self.knock()
            if asked.status_code != 422:
                for _ in range(4):
                    self.prove()
                return asked
        raise AssertionError("no proof was asked for")

    def prove(self) -> httpx.Response:
        return self.knock(Proof=solve(self.challenge()).header)

    def challenge(self) -> dict[str, Any]:
        answer = self.http.get("/v1/proof")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        return cast(dict[str, Any], answer.json())


NewDoor = Callable[..., Door]


@pytest.fixture(scope="module")
def doors(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Where two processes with limits answer; they share database and keys with the others."""
    folder = tmp_path_factory.mktemp("offices")
    helper = f'\n[[helpers]]\nid = "{HELPER}"\nname = "Caritas"\nholds_per_day = {QUOTA}\n'
    text = (ROOT / "deploy" / "offices" / f"{OFFICE}.toml").read_text()
    (folder / f"{OFFICE}.toml").write_text(f'{text}{helper}verifier = "{verifier(HELPER, SECRET)}"\n')
    settings = {
        "BOOKING_LIMITS": "on",
        # However fast the tests are: what the load of all asks for is seen in tests/unit/booking/test_guard.py.
        "BOOKING_LIMITS_PROOF_ABOVE": "1000",
        "BOOKING_OFFICES": str(folder),
        "BOOKING_TRUSTED_PROXIES": "127.0.0.0/8",
    }
    services = [stack.start_service("booking", name=f"limited-{n}", environment=settings) for n in (1, 2)]
    yield [service.url for service in services]
    for service in services:
        service.stop()
        del stack.services[service.name]


@pytest.fixture
def new_door(doors: list[str]) -> Iterator[NewDoor]:
    opened: list[Door] = []

    def make(*, address: str = "", process: int = 0) -> Door:
        opened.append(Door(doors[process], address or an_address()))
        return opened[-1]

    yield make
    for found in opened:
        found.http.close()


def test_a_device_with_scripts_solves_the_proof_by_itself_and_one_without_gets_a_link(
    new_door: NewDoor, stack: Stack
) -> None:
    door = new_door()
    door.use_up_what_is_free()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for scripts in (True, False):
            context = chromium.new_context(
                base_url=str(door.http.base_url),
                java_script_enabled=scripts,
                extra_http_headers={"X-Forwarded-For": f"192.0.2.66, {door.address}"},
            )
            walker = Walker(context.new_page(), stack.mail.maildir)
            walker.jump_to_check()
            if scripts:
                walker.page.locator("#book").wait_for(timeout=60_000)
                continue
            walker.click("form[action='/book/entry'] button")
            assert walker.link("entry")
        chromium.close()


@pytest.fixture
def door(new_door: NewDoor) -> Door:
    return new_door()


def an_address() -> str:
    """One that no other test uses."""
    return f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::{uuid4().hex[:4]}"


def proofs_of(stack: Stack, *, ago: timedelta = timedelta(0)) -> Proofs:
    """Makes what this installation made so long `ago`."""
    clock = Hands()
    clock.at -= ago
    keys = Keys.read(SecretStr(stack.secret("booking_signing_keys")))
    return Proofs(keys=keys, store=cast(ProofStore, None), clock=cast(DatabaseClock, clock))


def days_ahead(days: int) -> str:
    return f"{datetime.now(UTC).date() + timedelta(days=days)}"


def everything_in(database: Database[dict[str, Any]]) -> str:
    return "".join(str(list(database[name].find())) for name in database.list_collection_names())


def reason(answer: httpx.Response) -> str:
    assert answer.status_code == 429, answer.text
    assert answer.json()["type"] == "proof-needed"
    return str(answer.json()["reason"])


def test_many_holds_are_free_then_cost_work_then_are_refused(door: Door, new_door: NewDoor) -> None:
    asked = door.use_up_what_is_free()
    assert reason(asked) == "missing"
    assert 1 <= int(asked.headers["Retry-After"]) <= 5
    assert "/v1/proof" in asked.json()["detail"]

    rungs = [1]
    for _ in range(90):
        challenge = door.challenge()
        answer = door.knock(Proof=solve(challenge).header)
        if answer.status_code != 422:
            break
        rungs.append(challenge["parameters"]["data"]["rung"])

    assert answer.status_code == 429
    assert answer.json()["type"] == "too-many-requests"
    assert 1 <= int(answer.headers["Retry-After"]) <= 5
    assert "+49 7433" in answer.json()["detail"]
    assert set(rungs) == set(range(1, RUNGS + 1))
    assert new_door().knock().status_code == 422


def test_who_forges_the_chain_stays_the_same_client(door: Door) -> None:
    own = door.http.headers["X-Forwarded-For"]
    answers = []
    for _ in range(20):
        door.http.headers["X-Forwarded-For"] = f"{an_address()}, {own}"
        answers.append(door.knock().status_code)

    assert answers[:12] == [422] * 12
    assert 429 in answers


def test_a_proof_counts_once_in_all_processes(door: Door, new_door: NewDoor) -> None:
    other = new_door(address=door.address, process=1)
    door.use_up_what_is_free()
    other.use_up_what_is_free()
    header, key = solve(door.challenge()).header, str(uuid4())

    assert door.knock(key=key, Proof=header).status_code == 422
    assert reason(other.knock(Proof=header)) == "used"
    assert reason(door.knock(Proof=header)) == "used"
    # A client whose answer was lost repeats the same request.
    assert other.knock(key=key, Proof=header).status_code == 422


def test_an_entry_of_the_waiting_list_counts_like_a_hold(door: Door) -> None:
    assert [door.wait_for_a_time().status_code for _ in range(6)] == [422] * 6
    door.use_up_what_is_free()
    assert reason(door.wait_for_a_time()) == "missing"
    header, key = solve(door.challenge()).header, str(uuid4())

    assert door.wait_for_a_time(key=key, Proof=header).status_code == 422
    # The same key on a hold is another request.
    assert reason(door.knock(key=key, Proof=header)) == "used"


def test_wrong_sign_ins_pause_their_own_address_only(door: Door, new_door: NewDoor) -> None:
    """Seen to fail with the proxy's address counted: then one guesser locks out all staff."""
    answers = [door.sign_in().status_code for _ in range(FREE_PER_ADDRESS + 2)]

    assert answers == [401] * (FREE_PER_ADDRESS + 1) + [429]
    assert new_door().sign_in().status_code == 401


def test_old_forged_and_broken_proofs_are_not_taken(stack: Stack, door: Door) -> None:
    door.use_up_what_is_free()
    old = solve(proofs_of(stack, ago=timedelta(minutes=6)).challenge(1)).header
    challenge = door.challenge()
    forged = solve({**challenge, "parameters": {**challenge["parameters"], "keyPrefix": ""}}).header

    assert reason(door.knock(Proof=old)) == "expired"
    assert reason(door.knock(Proof=forged)) == "wrong"
    assert reason(door.knock(Proof="rubbish")) == "wrong"
    assert reason(door.knock(Proof="entry.a.1.k1.b")) == "wrong"
    assert reason(door.knock()) == "missing"


def test_a_mailed_link_stands_in_for_the_work(stack: Stack, door: Door, ledger: Ledger) -> None:
    door.use_up_what_is_free()
    email = f"{uuid4().hex[:12]}@example.org"
    wish = {"office": OFFICE, "email": email, "language": "en"}

    assert door.http.post("/v1/proof/mail", json=wish).status_code == 202
    mailbox = Mailbox(stack.mail.maildir)
    (mail,) = eventually(lambda: mailbox.to(email), what="the mail with the link")
    assert "five appointments" in text_of(mail)
    link = httpx.URL(link_in(mail, "entry"))
    token = link.params["token"]
    page = door.http.get(link.raw_path.decode())
    assert page.status_code == 200
    assert token in page.text

    for _ in range(HOLDS_PER_ENTRY):
        assert door.knock(Proof=token).status_code == 422
    assert reason(door.knock(Proof=token)) == "used"
    stored = ledger.client["booking"]["proofs"]
    eventually(lambda: stored.count_documents({"_id": token.split(".")[1], "outbox": []}), what="it is told")
    databases = ("booking", "notification", "notification_keys")
    everything = "".join(everything_in(ledger.client[name]) for name in databases)
    assert "entry_keys" in str(ledger.client["notification_keys"].list_collection_names())
    assert email not in everything
    assert token not in everything
    for database, name in (
        ("booking", "proofs"),
        ("notification", "entries"),
        ("notification_keys", "entry_keys"),
    ):
        indexes = ledger.client[database][name].index_information()
        assert indexes["expires"]["expireAfterSeconds"] == 0


def test_a_link_that_is_over_leads_to_a_page_that_says_so(stack: Stack, door: Door) -> None:
    token = proofs_of(stack, ago=timedelta(minutes=31)).new_entry("an-id").text

    for broken in (token, f"{token}x", "rubbish", ""):
        page = door.http.get("/entry", params={"token": broken})
        assert page.status_code in (403, 410)
        assert "text/html" in page.headers["Content-Type"]
        assert broken not in page.text or not broken


def test_a_helper_has_a_quota_and_no_work(door: Door, stack: Stack, ledger: Ledger) -> None:
    helper = door
    helper.use_up_what_is_free()
    person = Citizen(stack)
    person.http.close()
    person.http = helper.http
    times = person.free_times()

    person.http.headers["Helper"] = f"{HELPER}.{SECRET}"
    assert person.hold(times[-1]).status_code == 201
    waits = helper.wait_for_a_time(first=days_ahead(20), last=days_ahead(60))
    assert waits.status_code == 201, waits.text
    for id in (person.booked["id"], waits.json()["id"]):
        document = ledger.appointments.find_one({"_id": id})
        assert document
        assert document["channel"] == "helper"
    for _ in range(QUOTA - 2):
        assert helper.knock().status_code == 422
    over = helper.knock()
    assert (over.status_code, over.json()["type"]) == (429, "too-many-requests")
    assert int(over.headers["Retry-After"]) > 3600

    wrong = helper.knock(Helper=f"{HELPER}.guessed")
    assert (wrong.status_code, wrong.json()["type"]) == (401, "helper-unknown")


def test_one_mailbox_gets_no_more_than_twenty_mails_a_day(door: Door) -> None:
    """Whether or not anybody is known by it, and whoever asks."""
    email = f"{uuid4().hex[:12]}@example.org"
    answers = []
    for _ in range(21):
        door.http.headers["X-Forwarded-For"] = an_address()
        answers.append(door.http.post("/v1/links", json={"email": email}))

    assert [answer.status_code for answer in answers] == [202] * 20 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert door.http.post("/v1/links", json={"email": f"other-{email}"}).status_code == 202


def test_indicators_become_figures_of_the_day(door: Door, ledger: Ledger) -> None:
    before = ledger.figures()
    door.use_up_what_is_free()
    assert reason(door.knock(Proof="rubbish")) == "wrong"
    # More than twice as many as are many: a minute may end meanwhile.
    for _ in range(14):
        door.prove()
    expected = {"proofs_asked": 1, "proofs_failed": 1, "many_holds": 1}

    def counted() -> bool:
        now = ledger.figures()
        return all(now[name] - before[name] >= n for name, n in expected.items())

    eventually(counted, what="proofs and holds in the figures")


def test_switched_off_nothing_is_counted_or_asked(stack: Stack, door: Door) -> None:
    door.http.base_url = httpx.URL(stack["booking"].url)

    assert {door.knock().status_code for _ in range(60)} == {422}
    assert door.challenge()["parameters"]["data"] == {"rung": 1}


def test_nothing_of_the_client_is_stored_or_logged(stack: Stack, door: Door, ledger: Ledger) -> None:
    door.use_up_what_is_free()
    door.http.post("/v1/proof/mail", json={"office": OFFICE, "email": f"{uuid4().hex[:8]}@example.org"})
    booking = ledger.client["booking"]
    stored = everything_in(booking)
    logged = stack["limited-1"].log.read_text()

    assert "used_by" in stored
    assert "/v1/proof" in logged
    assert door.address not in stored + logged
    assert "example.org" not in logged
