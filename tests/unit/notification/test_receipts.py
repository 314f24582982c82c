"""Which receipts are believed, what they say, and what follows from them."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from services.notification.arrivals import Report, Then, Told, delivery_of, what_follows
from services.notification.channels.sms.configuration import Receipts
from services.notification.channels.sms.receipts import (
    NotBelieved,
    NotRead,
    Posted,
    ReceiptReader,
    SevenReceipts,
    SignedReceipts,
)
from services.notification.domain import Status

NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
SECRET = "s3cret"
URL = "https://termine.example/notification/v1/receipts/seven"
HOW = Receipts(
    signature_header="X-Sig",
    timestamp_header="X-Time",
    message_id="result.id",
    reference="result.ref",
    status="result.state",
    delivered=("arrived", "read"),
    failed=("lost",),
)


def _hmac(text: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def from_gateway(body: bytes, *, at: datetime = NOW, secret: str = SECRET) -> Posted:
    stamp = str(int(at.timestamp()))
    return Posted(headers={"x-time": stamp, "x-sig": _hmac(f"{stamp}.".encode() + body, secret)}, body=body)


def from_seven(body: bytes, *, at: datetime = NOW, secret: str = SECRET, url: str = URL) -> Posted:
    """By the document's own words: timestamp, nonce, method, address and the content's MD5, each on a line."""
    stamp, nonce = str(int(at.timestamp())), "fpPRhAd1s8GXacfR39mWqKPynmmXfJnc"
    lines = [stamp, nonce, "POST", url, hashlib.md5(body).hexdigest()]  # noqa: S324 - as documented
    signature = _hmac("\n".join(lines).encode(), secret)
    return Posted(headers={"x-timestamp": stamp, "x-nonce": nonce, "x-signature": signature}, body=body)


def a_gateways(state: Any = "arrived", **more: Any) -> bytes:
    return json.dumps({"result": {"id": 12, "ref": "e:confirmation:sms", "state": state, **more}}).encode()


def a_sevens(status: Any = "DELIVERED", **more: Any) -> bytes:
    data = {"msg_id": "77149843739", "status": status, "timestamp": "2026-12-01 10:59:00.000000", **more}
    return json.dumps({"data": data, "webhook_event": "dlr", "webhook_timestamp": "2026-12-01T11:00:00"}).encode()


GATEWAY: ReceiptReader = SignedReceipts(name="some", how=HOW, secret=SecretStr(SECRET))
SEVEN: ReceiptReader = SevenReceipts(name="seven", url=URL, secret=SecretStr(SECRET))
BOTH = [(GATEWAY, from_gateway, a_gateways), (SEVEN, from_seven, a_sevens)]


def test_a_gateways_receipt_is_read_by_its_configuration() -> None:
    arrived = GATEWAY.read(from_gateway(a_gateways("read")), now=NOW)
    assert arrived == Report(by="some", told=Told.DELIVERED, message_id="12", delivery="e:confirmation:sms")
    lost = GATEWAY.read(from_gateway(a_gateways("lost")), now=NOW)
    assert lost
    assert (lost.told, lost.error) == (Told.FAILED, "receipt lost")
    assert GATEWAY.read(from_gateway(a_gateways("on its way")), now=NOW) is None


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("DELIVERED", Told.DELIVERED),
        *((status, Told.FAILED) for status in ("NOTDELIVERED", "EXPIRED", "REJECTED", "FAILED")),
        *((status, None) for status in ("TRANSMITTED", "BUFFERED", "ACCEPTED", "UNKNOWN")),
    ],
)
def test_each_status_of_seven_has_its_meaning(status: str, told: Told | None) -> None:
    report = SEVEN.read(from_seven(a_sevens(status)), now=NOW)
    assert (report.told if report else None) is told
    assert report is None or report.message_id == "77149843739"


def test_sevens_receipt_names_our_delivery_where_it_can() -> None:
    report = SEVEN.read(from_seven(a_sevens(foreign_id="e.confirmation.sms")), now=NOW)
    assert report
    assert delivery_of(report.delivery or "") == "e:confirmation:sms"


def test_other_news_of_seven_are_no_receipt() -> None:
    body = json.dumps({"webhook_event": "sms_mo", "data": {"id": "1", "text": "Danke"}}).encode()
    assert SEVEN.read(from_seven(body), now=NOW) is None


@pytest.mark.parametrize(("reader", "signed", "body"), BOTH)
def test_only_the_providers_own_words_are_believed(
    reader: ReceiptReader, signed: Callable[..., Posted], body: Callable[..., bytes]
) -> None:
    """Seen to fail with a comparison that ignores the body, and without the check of the time."""
    right = signed(body())
    assert reader.read(right, now=NOW)
    forged = [
        signed(body(), secret="another"),
        Posted(headers=right.headers, body=right.body + b" "),
        Posted(headers={}, body=right.body),
        *(Posted(headers={**right.headers, name: ""}, body=right.body) for name in right.headers),
        *(Posted(headers={**right.headers, name: "é"}, body=right.body) for name in right.headers),
    ]
    for posted in forged:
        with pytest.raises(NotBelieved, match="signature"):
            reader.read(posted, now=NOW)


@pytest.mark.parametrize(("reader", "signed", "body"), BOTH)
@pytest.mark.parametrize("late", [timedelta(minutes=6), timedelta(minutes=-6), timedelta(days=400)])
def test_what_was_caught_is_not_believed_later(
    reader: ReceiptReader, signed: Callable[..., Posted], body: Callable[..., bytes], late: timedelta
) -> None:
    with pytest.raises(NotBelieved, match="time"):
        reader.read(signed(body(), at=NOW - late), now=NOW)


def test_a_receipt_for_another_address_is_not_believed() -> None:
    with pytest.raises(NotBelieved):
        SEVEN.read(from_seven(a_sevens(), url="https://evil.example/v1/receipts/seven"), now=NOW)


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[]", b"[" * 50_000, b"{}", a_gateways(None), a_gateways(id=None, ref=None)]
)
def test_what_cannot_be_read_is_said(body: bytes) -> None:
    with pytest.raises(NotRead):
        GATEWAY.read(from_gateway(body), now=NOW)


def test_an_endless_id_is_refused() -> None:
    with pytest.raises(NotRead):
        GATEWAY.read(from_gateway(a_gateways(id="7" * 5000)), now=NOW)


@pytest.mark.parametrize(
    ("told", "status", "leased", "arrived", "then"),
    [
        (Told.DELIVERED, Status.SENT, False, False, Then.ARRIVED),
        (Told.FAILED, Status.SENT, False, False, Then.LOST),
        (Told.DELIVERED, Status.DUE, True, False, Then.WAIT),
        (Told.FAILED, Status.DUE, True, False, Then.WAIT),
        # The answer to that attempt was lost on its way.
        (Told.DELIVERED, Status.DUE, False, False, Then.ARRIVED),
        (Told.FAILED, Status.DUE, False, False, Then.NOTHING),
        (Told.DELIVERED, Status.FAILED, False, False, Then.ARRIVED),
        (Told.FAILED, Status.FAILED, False, False, Then.NOTHING),
        (Told.FAILED, Status.SENT, False, True, Then.NOTHING),
        (Told.DELIVERED, Status.SENT, False, True, Then.NOTHING),
        (Told.DELAYED, Status.SENT, False, False, Then.NOTHING),
        (Told.DELIVERED, Status.SUPERSEDED, False, False, Then.ARRIVED),
    ],
)
def test_what_follows_from_a_report(told: Told, status: Status, leased: bool, arrived: bool, then: Then) -> None:
    assert what_follows(told, status=status, leased=leased, arrived=arrived) is then


@pytest.mark.parametrize(
    ("reference", "delivery"),
    [
        ("e:confirmation:sms", "e:confirmation:sms"),
        ("e.day_list.email", "e:day_list:email"),
        *((wrong, None) for wrong in ("e", "", "a.b.c.d", "a..c")),
    ],
)
def test_a_reference_leads_to_its_delivery(reference: str, delivery: str | None) -> None:
    assert delivery_of(reference) == delivery
