"""What an SMS provider tells of its messages: again and again, in the wrong order, and by somebody else."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import httpx
from pymongo.collection import Collection

from tests.prove.faults import probe
from tests.prove.probes.client import Person, at_once
from tests.prove.world import World
from tests.waiting import eventually

_REPEATS = 10
# What is older is not believed.
_TOO_OLD_S = 600

Deliveries = Collection[dict[str, Any]]


@probe(
    27,
    "a provider's callbacks repeated, reordered, forged",
    expected="one effect, never back to an earlier state, signatures checked",
)
def receipts(world: World, chance: Random) -> str:
    """Seen to fail where what failed takes back what arrived, and where no signature is looked at."""
    with Person(world, chance) as person, world.auditor() as client:
        deliveries = client["notification"]["deliveries"]
        reference = _text_message(world, person, chance)
        before = _told(deliveries, reference)
        refused = _forge(world, reference)
        assert _told(deliveries, reference) == before, "a forged receipt changed a message"
        _repeat(world, reference, "delivered")
        eventually(
            lambda: _told(deliveries, reference)[-1:] == ["notification.delivered.v1"],
            what="the message is told to have arrived",
        )
        _repeat(world, reference, "failed")
        eventually(lambda: _all_looked_at(client["notification"]["reports"], reference), what="all are looked at")
        assert _told(deliveries, reference) == [*before, "notification.delivered.v1"], (
            "it arrived not once for ever"
        )
        assert person.cancel().status_code == 200, "the appointment could not be cancelled"
    return (
        f"{_REPEATS} receipts of arrival at once at two processes: told once; {_REPEATS} of failure after them: "
        f"nothing; {refused} forged, old or unreadable ones refused"
    )


def _text_message(world: World, person: Person, chance: Random) -> str:
    """Somebody books and wants text messages; the reference of the one that says so, taken over and recorded."""
    number = f"+49152{chance.randrange(10**8):08}"
    secret = person.request(chance, phone=number, sms_consent=True)
    assert person.confirm(secret).status_code == 200, "the appointment could not be confirmed"
    with world.auditor() as client:
        sent = {"appointment": person.id, "purpose": "confirmation", "channel": "sms", "status": "sent"}
        found = eventually(
            lambda: client["notification"]["deliveries"].find_one(sent), within=60, what="a text message is sent"
        )
    return str(found["_id"])


def _told(deliveries: Deliveries, reference: str) -> list[str]:
    found = deliveries.find_one({"_id": reference})
    assert found, f"there is no delivery {reference}"
    return [entry["type"] for entry in found["history"]]


def _all_looked_at(reports: Deliveries, reference: str) -> bool:
    """Both are stored, and neither is open."""
    return reports.count_documents({"delivery": reference, "next_at": {"$exists": False}}) == 2


def _repeat(world: World, reference: str, status: str) -> None:
    processes = world.of_kind("notification")
    calls: list[Callable[[], int]] = [
        partial(_post, processes[n % len(processes)].url, _signed(world, reference, status))
        for n in range(_REPEATS)
    ]
    codes = at_once(calls)
    assert set(codes) == {204}, f"receipts were answered {codes}"


def _forge(world: World, reference: str) -> int:
    """How many were refused."""
    url = world.of_kind("notification")[0].url
    body, right = _signed(world, reference, "failed")
    old = _signed(world, reference, "failed", at=time.time() - _TOO_OLD_S)
    other = _signed(world, reference.replace("confirmation", "reminder"), "failed")[0]
    forged = [
        (body, {**right, "X-Signature": "0" * 64}),
        (body, {name: value for name, value in right.items() if name != "X-Signature"}),
        (body, {**right, "X-Timestamp": str(int(time.time()) + 1)}),
        (other, right),
        old,
    ]
    codes = [_post(url, one) for one in forged]
    assert set(codes) == {401}, f"forged receipts were answered {codes}"
    unread = _post(url, _sign(world, b"no JSON"))
    assert unread == 422, f"a receipt that is no JSON was answered {unread}"
    unknown = _post(url, (body, right), provider="nobody")
    assert unknown == 404, f"a receipt of nobody's was answered {unknown}"
    return len(forged) + 2


def _signed(world: World, reference: str, status: str, *, at: float | None = None) -> tuple[bytes, dict[str, str]]:
    return _sign(world, json.dumps({"reference": reference, "status": status}).encode(), at=at)


def _sign(world: World, body: bytes, *, at: float | None = None) -> tuple[bytes, dict[str, str]]:
    stamp = str(int(at or time.time()))
    signature = hmac.new(world.gateway.receipts_secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
    return body, {"X-Timestamp": stamp, "X-Signature": signature.hexdigest()}


def _post(url: str, signed: tuple[bytes, dict[str, str]], *, provider: str = "gateway") -> int:
    body, headers = signed
    return httpx.post(f"{url}/v1/receipts/{provider}", content=body, headers=headers, timeout=15).status_code
