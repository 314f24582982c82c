"""Which proofs the guard takes, and what it counts for whom."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_network
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from structlog.testing import capture_logs

from services.booking.demand import DemandCounter
from services.booking.domain.limits import RUNGS, Limit, Limits
from services.booking.domain.office import Office
from services.booking.domain.rules import Helper
from services.booking.guard import Guard, ProofNeeded, TooMany
from services.booking.guard.addresses import Proxies
from services.booking.guard.counters import Buckets
from services.booking.guard.helpers import verifier
from services.booking.guard.proofs import HOLDS_PER_ENTRY, ProofRejected, Proofs
from services.booking.guard.storage import ProofStore
from services.booking.tokens import Keys
from shared.contracts import EntryRequested
from shared.mongo import DatabaseClock
from tests.builders import an_office
from tests.proofs import solve
from tests.sealed import PUBLIC, opened_entry

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
KEYS = Keys({"k1": b"x" * 32, "k0": b"y" * 32})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Hands:
    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def now(self) -> datetime:
        return self.at


class Store:
    """As the real one: each request uses up one of an id's uses."""

    def __init__(self) -> None:
        self.used: dict[str, set[str]] = {}
        self.told: list[EntryRequested] = []

    async def tell_entry(self, event: EntryRequested) -> None:
        self.told.append(event)

    async def spend(self, id: str, *, by: str, most: int, until: datetime) -> bool:
        users = self.used.setdefault(id, set())
        if by not in users and len(users) >= most:
            return False
        users.add(by)
        return True


def some_proofs(keys: Keys = KEYS) -> tuple[Proofs, Hands]:
    clock = Hands()
    return Proofs(keys=keys, store=cast(ProofStore, Store()), clock=cast(DatabaseClock, clock)), clock


async def fault(proofs: Proofs, given: str, *, rung: int = 1, request: str = "r") -> str:
    with pytest.raises(ProofRejected) as rejected:
        await proofs.spend(given, rung=rung, request=request)
    return rejected.value.fault


async def test_a_solution_counts_once_and_again_for_its_own_request() -> None:
    proofs, _ = some_proofs()
    header = solve(proofs.challenge(1)).header

    await proofs.spend(header, rung=1, request="mine")
    await proofs.spend(header, rung=1, request="mine")

    assert await fault(proofs, header, request="another") == "used"


async def test_a_challenge_of_ours_cannot_be_made_easier_or_longer() -> None:
    """Seen to fail with the signature not looked at."""
    proofs, _ = some_proofs()
    challenge = proofs.challenge(2)
    changes: list[dict[str, Any]] = [
        {"keyPrefix": ""},
        {"keyPrefix": "", "cost": 1},
        {"expiresAt": 4_000_000_000},
        {"data": {"rung": 4}},
    ]
    for change in changes:
        forged = {**challenge, "parameters": {**challenge["parameters"], **change}}
        assert await fault(proofs, solve(forged).header) == "wrong", change


async def test_a_solution_for_another_installation_is_worth_nothing() -> None:
    elsewhere, _ = some_proofs(Keys({"k1": b"z" * 32}))
    proofs, _ = some_proofs()

    assert await fault(proofs, solve(elsewhere.challenge(1)).header) == "wrong"


async def test_a_key_that_no_longer_signs_still_verifies() -> None:
    before, _ = some_proofs(Keys({"k0": b"y" * 32}))
    after, _ = some_proofs(KEYS)

    await after.spend(solve(before.challenge(1)).header, rung=1, request="r")


async def test_a_solution_is_refused_when_its_time_is_over() -> None:
    proofs, clock = some_proofs()
    header = solve(proofs.challenge(1)).header
    clock.at += timedelta(minutes=5)

    assert await fault(proofs, header) == "expired"


async def test_one_rung_less_is_enough_and_two_are_not() -> None:
    """The need may rise while a device works."""
    proofs, _ = some_proofs()

    await proofs.spend(solve(proofs.challenge(2)).header, rung=3, request="r")

    assert await fault(proofs, solve(proofs.challenge(2)).header, rung=4) == "too-easy"


@pytest.mark.parametrize("rung", range(1, RUNGS + 1))
def test_no_challenge_takes_more_steps_than_its_rung_allows(rung: int) -> None:
    proofs, _ = some_proofs()

    assert solve(proofs.challenge(rung)).number < 2**rung * 16


async def test_an_entry_link_stands_in_for_a_few_proofs() -> None:
    proofs, clock = some_proofs()
    token = proofs.new_entry("an-id").text

    for number in range(HOLDS_PER_ENTRY):
        await proofs.spend(token, rung=RUNGS, request=f"{number}")
    await proofs.spend(token, rung=RUNGS, request="0")
    assert await fault(proofs, token, request="one too many") == "used"
    clock.at += timedelta(minutes=30)
    assert await fault(proofs, token, request="0") == "expired"


@pytest.mark.parametrize(
    "change", [("an-id", "other"), ("k1", "k0"), ("entry.", "entry.."), ("k1.", "k1.A")], ids=lambda c: c[1]
)
async def test_an_entry_link_cannot_be_forged(change: tuple[str, str]) -> None:
    proofs, _ = some_proofs()
    token = proofs.new_entry("an-id").text

    assert await fault(proofs, token.replace(*change)) == "wrong"
    id, ends, rest = token.split(".", 3)[1:]
    assert await fault(proofs, f"entry.{id}.{int(ends) + 60}.{rest}") == "wrong"


async def test_an_appointments_secret_is_no_entry_link() -> None:
    proofs, clock = some_proofs()
    ends = int(clock.at.timestamp()) + 600
    stolen = KEYS.secret("manage", f"an-id.{ends}")

    assert await fault(proofs, f"entry.an-id.{ends}.{stolen}") == "wrong"


class Counted:
    """What the figures are told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda office: self.told.append(name)


def a_guard(limits: Limits | None, *, trusted: str | None = None) -> tuple[Guard, Hands, Counted]:
    proofs, clock = some_proofs()
    counted = Counted()
    guard = Guard(
        limits=limits,
        proxies=Proxies((ip_network(trusted),) if trusted else ()),
        offices={"zollernalbkreis": an_office()},
        proofs=proofs,
        store=cast(ProofStore, Store()),
        demand=cast(DemandCounter, counted),
        clock=cast(DatabaseClock, clock),
        notification_keys=PUBLIC,
        public_url="https://termine.example",
    )
    return guard, clock, counted


def asking(address: str, *, for_: str | None = None) -> Request:
    headers = [(b"x-forwarded-for", for_.encode())] if for_ else []
    return Request({"type": "http", "client": (address, 1), "headers": headers})


FEW = Limit(2, 2, timedelta(minutes=1))


def test_searches_are_refused_by_address_until_the_time_told() -> None:
    guard, clock, counted = a_guard(Limits(searches=FEW))
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        guard.search(asking(address), office="zollernalbkreis")

    with pytest.raises(TooMany) as refused:
        guard.search(asking("192.0.2.1"), office="zollernalbkreis")
    assert refused.value.again_after == timedelta(seconds=30)
    assert refused.value.phone == an_office().data.phone
    assert counted.told == ["refused"]
    clock.at += timedelta(seconds=30)
    guard.search(asking("192.0.2.1"), office="zollernalbkreis")


def test_all_of_an_ipv6_64_is_one_client() -> None:
    guard, _, _ = a_guard(Limits(searches=FEW))
    for host in ("1", "2"):
        guard.search(asking(f"2001:db8:1:2::{host}"), office="zollernalbkreis")

    with pytest.raises(TooMany):
        guard.search(asking("2001:db8:1:2:ffff::3"), office="zollernalbkreis")
    guard.search(asking("2001:db8:1:3::3"), office="zollernalbkreis")


def test_a_new_day_forgets_all_of_the_old_one() -> None:
    guard, clock, _ = a_guard(Limits(searches=Limit(1, 1, timedelta(days=30))))
    guard.search(asking("192.0.2.1"), office="zollernalbkreis")
    clock.at += timedelta(days=1)

    guard.search(asking("192.0.2.1"), office="zollernalbkreis")
    assert len(guard._searches) == 1


def test_mails_to_one_mailbox_are_counted_whoever_asks() -> None:
    guard, _, _ = a_guard(Limits(mails_to=FEW))
    entry = partial(guard.entry, office="zollernalbkreis")

    def contact(request: Request, *, email: str) -> None:
        guard.contact(request, addresses=[email], helper=None)

    def links(request: Request, *, email: str) -> None:
        guard.links(request, to=email)

    asks: tuple[Callable[..., None], ...] = (links, entry, contact, contact)
    for host, ask in enumerate(asks):
        ask(asking(f"192.0.2.{host}"), email="someone@example.org")

    for ask in asks:
        with pytest.raises(TooMany) as refused:
            ask(asking("192.0.2.200"), email="someone@example.org")
        assert refused.value.what == "mailbox"
    contact(asking("192.0.2.200"), email="other@example.org")


def test_links_to_a_stranger_do_not_keep_him_from_booking() -> None:
    guard, _, _ = a_guard(Limits(mails_to=FEW))
    for _ in range(2):
        guard.links(asking("192.0.2.66"), to="someone@example.org")

    guard.contact(asking("192.0.2.1"), addresses=["someone@example.org"], helper=None)


def test_nothing_is_remembered_as_plain_address_or_mailbox() -> None:
    guard, _, _ = a_guard(Limits())
    guard.links(asking("192.0.2.1"), to="someone@example.org")
    guard.search(asking("192.0.2.1"), office="zollernalbkreis")

    remembered = repr([vars(part) for part in vars(guard).values() if isinstance(part, Buckets)])
    assert "level" in remembered
    assert "192.0.2.1" not in remembered
    assert "someone" not in remembered


async def test_load_of_all_asks_also_who_never_held_before() -> None:
    guard, _, counted = a_guard(Limits(load=Limit(2, 8, timedelta(minutes=1))))
    knock = partial(guard.hold, office="zollernalbkreis", helper=None, idempotency_key="k")
    for host in (1, 2):
        await knock(asking(f"192.0.2.{host}"), proof=None)

    with pytest.raises(ProofNeeded) as asked:
        await knock(asking("192.0.2.3"), proof=None)
    # A proof takes no place from anybody: the waiting that is told is the others' use.
    assert timedelta(seconds=29) < asked.value.free_after <= timedelta(seconds=30)
    assert counted.told == ["proof_asked"]
    header = solve(guard.challenge(asking("192.0.2.3"))).header
    assert await knock(asking("192.0.2.3"), proof=header) == "web"


async def test_a_link_to_book_with_is_sealed_before_it_is_stored() -> None:
    guard, _, _ = a_guard(Limits())
    await guard.mail_entry(office="zollernalbkreis", email="someone@example.org", language="tr")

    (event,) = cast(Store, guard._store).told
    opened = opened_entry(event.data)
    token = opened.entry_url.removeprefix("https://termine.example/entry?token=")
    known = guard.proofs.entry(token)
    assert known
    assert (event.subject, opened.email, opened.language) == (known.id, "someone@example.org", "tr")
    assert event.data.expires_at == known.until
    for secret in ("someone", token, known.text):
        assert secret not in event.body().decode()


async def test_a_changed_quota_of_a_helper_holds_at_once() -> None:
    def helper(quota: int) -> Office:
        found = Helper(id="caritas", name="Caritas", verifier=verifier("caritas", "right"), holds_per_day=quota)
        return Office(an_office().data.model_copy(update={"helpers": (found,)}))

    guard, _, _ = a_guard(Limits())
    offices = cast(dict[str, Office], guard._offices)
    knock = partial(
        guard.hold, asking("192.0.2.1"), office="zollernalbkreis", proof=None, helper="caritas.right",
        idempotency_key="k",
    )  # fmt: skip
    offices["zollernalbkreis"] = helper(1)
    assert await knock() == "helper"
    with pytest.raises(TooMany):
        await knock()

    offices["zollernalbkreis"] = helper(2)
    assert await knock() == "helper"
    with pytest.raises(TooMany):
        await knock()


async def test_switched_off_the_guard_counts_nothing() -> None:
    guard, _, counted = a_guard(None)
    for _ in range(1300):
        guard.search(asking("192.0.2.1"), office="zollernalbkreis")
        await guard.hold(
            asking("192.0.2.1"), office="zollernalbkreis", proof=None, helper=None, idempotency_key="k"
        )

    assert counted.told == []


@pytest.mark.parametrize(("trusted", "warned"), [(None, 1), ("10.0.0.0/8", 0)])
def test_a_proxy_that_nobody_registered_is_told_once(trusted: str | None, warned: int) -> None:
    guard, _, _ = a_guard(Limits(), trusted=trusted)
    with capture_logs() as lines:
        for _ in range(3):
            guard.search(asking("10.0.0.1", for_="192.0.2.1"), office="zollernalbkreis")

    assert [line["event"] for line in lines] == ["proxy_not_trusted"] * warned


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["challenge", "solution", "parameters", "signature", "counter", "derivedKey", "expiresAt"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(_anything)
def test_whatever_is_sent_as_a_proof_is_answered(sent: Any) -> None:
    proofs, _ = some_proofs()
    as_header = base64.b64encode(json.dumps(sent).encode()).decode()

    for text in (as_header, str(sent), f"entry.{sent}"):
        with pytest.raises(ProofRejected):
            _ = proofs.entry(text) or proofs._solved(text, at_least=0)
