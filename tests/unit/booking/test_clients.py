"""Whom the guard sees at the other end, behind whichever proxies, and what it remembers of them."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import ValidationError

from services.booking.domain.limits import Limit
from services.booking.guard.addresses import Proxies, ProxyHeader
from services.booking.guard.counters import Buckets, DailySalt, PerMinute
from services.booking.settings import Settings
from tests.sealed import PRIVATE

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def seen(
    *sent: tuple[str, str], peer: str = "10.0.0.1", trusted: str = "10.0.0.0/8", header: ProxyHeader = "Forwarded"
) -> str:
    headers = [(name.lower().encode(), value.encode()) for name, value in sent]
    scope: dict[str, Any] = {"client": (peer, 1234), "headers": headers}
    return Proxies((ip_network(trusted),), header).client(scope)


def by_list(*values: str, **more: Any) -> str:
    return seen(*(("X-Forwarded-For", v) for v in values), header="X-Forwarded-For", **more)


def test_a_client_that_is_no_proxy_is_not_believed() -> None:
    assert by_list("203.0.113.9", peer="198.51.100.1") == "198.51.100.1"


def test_a_forged_chain_counts_only_from_the_proxies_on() -> None:
    """Seen to fail with the leftmost hop taken, as many do."""
    assert by_list("1.1.1.1, 203.0.113.9") == "203.0.113.9"
    assert by_list("10.9.9.9, 203.0.113.9, 10.0.0.2") == "203.0.113.9"
    assert by_list("1.1.1.1", "203.0.113.9, 10.0.0.2") == "203.0.113.9"


@pytest.mark.parametrize(
    ("sent", "client"),
    [
        ("203.0.113.9:4711", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("203.0.113.9, rubbish", "10.0.0.1"),
        ("203.0.113.9, rubbish, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("", "10.0.0.1"),
    ],
)
def test_hops_are_read_with_ports_and_up_to_what_cannot_be_read(sent: str, client: str) -> None:
    assert by_list(sent) == client


@pytest.mark.parametrize(
    ("sent", "client"),
    [
        ('for="[2001:db8::1]:4711";proto=https', "2001:db8::1"),
        ("for=1.1.1.1, For=203.0.113.9;by=10.0.0.1", "203.0.113.9"),
        ("for=203.0.113.9, for=_hidden", "10.0.0.1"),
        ("for=203.0.113.9, proto=https", "10.0.0.1"),
    ],
)
def test_the_standard_header_is_read_as_its_rfc_says(sent: str, client: str) -> None:
    assert seen(("Forwarded", sent)) == client


def test_only_the_header_that_the_proxies_write_counts() -> None:
    both = (("X-Forwarded-For", "1.1.1.1"), ("Forwarded", "for=203.0.113.9"))

    assert seen(*both) == "203.0.113.9"
    assert seen(*both, header="X-Forwarded-For") == "1.1.1.1"


def test_a_proxy_seen_by_a_mapped_address_is_the_same_proxy() -> None:
    assert by_list("203.0.113.9", peer="::ffff:10.0.0.1") == "203.0.113.9"


def test_trusted_networks_are_read_from_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("MONGODB_URI", "mongodb://x"),
        ("AMQP_URL", "amqp://x"),
        ("SIGNING_KEYS", f"k1:{'0' * 64}"),
        ("CONTACT_KEYS", f"k1:{'0' * 64}"),
        ("CONTACT_PUBLIC_KEYS", PRIVATE.public),
    ):
        monkeypatch.setenv(f"BOOKING_{name}", value)
    assert Settings().trusted_proxies == ()

    monkeypatch.setenv("BOOKING_TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8,127.0.0.1")
    assert Settings().trusted_proxies == tuple(map(ip_network, ("10.0.0.0/8", "fd00::/8", "127.0.0.1")))

    monkeypatch.setenv("BOOKING_TRUSTED_PROXIES", "everybody")
    with pytest.raises(ValidationError):
        Settings()


def test_memory_is_bounded_and_forgets_the_longest_unseen() -> None:
    buckets = Buckets(Limit(1, 1, timedelta(hours=1)), most_keys=2)
    for key in (b"a", b"b", b"a", b"c"):
        buckets.use(key, NOON)

    assert len(buckets) == 2
    assert buckets.wait(b"a", NOON)
    assert not buckets.wait(b"b", NOON)


def test_an_address_has_another_hash_on_another_day_and_elsewhere() -> None:
    salt, other = DailySalt(), DailySalt()
    assert salt.renewed(NOON)
    assert other.renewed(NOON)
    today = salt.hashed("192.0.2.7")

    assert not salt.renewed(NOON + timedelta(hours=11))
    assert salt.hashed("192.0.2.7") == today
    assert b"192" not in today
    assert other.hashed("192.0.2.7") != today
    assert salt.renewed(NOON + timedelta(hours=12))
    assert salt.hashed("192.0.2.7") != today
    assert not salt.renewed(NOON)


def test_many_holds_are_counted_within_one_minute_only() -> None:
    counter = PerMinute()

    assert [counter.count(b"a", NOON + timedelta(seconds=s)) for s in (0, 30, 59, 60)] == [1, 2, 3, 1]
