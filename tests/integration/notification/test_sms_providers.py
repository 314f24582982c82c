"""Each kind of SMS provider against a server that speaks as its documents say, and faultily."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr

from services.notification.channels import PermanentFailure, SmsProvider, Taken, TemporaryFailure, Unavailable
from services.notification.channels.sms.configuration import HttpGateway
from services.notification.channels.sms.http import HttpProvider
from services.notification.channels.sms.seven import SevenProvider
from services.notification.channels.sms.through_apprise import AppriseProvider
from tests.integration.notification.talker import Answer, Mood, Seven, Talker, talking

pytestmark = pytest.mark.anyio

NUMBER = "+4915112345678"
REFERENCE = "0192aaaa-0000-7000-8000-000000000001:confirmation:sms"
JSON = {"recipients": ["{to_digits}"], "content": {"body": "{text}", "type": "{encoding}"}, "ref": "{reference}"}
ANSWERS = (
    {"status": 200, "field": "state", "equals": "queued", "means": "taken"},
    {"status": "2xx", "field": "state", "equals": ["blocked", "17"], "means": "permanent"},
    {"field": "state", "equals": "no_credit", "means": "unavailable"},
    {"status": 404, "means": "permanent"},
    {"status": "5xx", "means": "unavailable"},
)


@pytest.fixture
def talker() -> Iterator[Talker]:
    one = Talker()
    with talking(one):
        yield one


@pytest.fixture
def seven() -> Iterator[Seven]:
    one = Seven()
    with talking(one):
        yield one


@pytest.fixture
async def by_seven(seven: Seven) -> AsyncIterator[SmsProvider]:
    one = SevenProvider(
        name="seven", url=seven.url, key=SecretStr(seven.key), sender="LRA ZAK", timeout=timedelta(seconds=3)
    )
    yield one
    await one.close()


def a_gateway(talker: Talker, **changes: Any) -> HttpProvider:
    values = {"kind": "http", "name": "some", "url": talker.url, "json": JSON, **changes}
    secrets = {"token": SecretStr("hunter2")}
    return HttpProvider(HttpGateway.model_validate(values), secrets=secrets, timeout=timedelta(seconds=5))


async def send(provider: SmsProvider, text: str = "Ihr Termin: 3.12., 10:30 Uhr. Grüße") -> Taken:
    try:
        return await provider.send(to=NUMBER, text=text, reference=REFERENCE)
    finally:
        if isinstance(provider, HttpProvider):
            await provider.close()


async def test_a_gateway_gets_the_json_it_wants(talker: Talker) -> None:
    talker.answers = [Answer(200, {"state": "queued", "data": [{"id": 12}]})]
    headers = {"Authorization": "App {secret:token}", "X-Ref": "{reference}"}
    provider = a_gateway(talker, headers=headers, answers=ANSWERS, message_id="data.0.id", method="PUT")
    assert await send(provider, "Grüße {secret:token}") == Taken("some", "12")
    (asked,) = talker.asked
    content = {"body": "Grüße {secret:token}", "type": "gsm7"}
    assert asked.json == {"recipients": ["4915112345678"], "content": content, "ref": REFERENCE}
    assert asked.headers["authorization"] == "App hunter2"
    assert asked.headers["x-ref"] == REFERENCE
    assert b"hunter2" not in asked.body


async def test_a_gateway_gets_the_form_it_wants(talker: Talker) -> None:
    form = {"receiver": "{to}", "msg": "{text}", "key": "{secret:token}", "type": "{encoding}"}
    assert await send(a_gateway(talker, json=None, form=form), "a&key=b\r\nПривіт") == Taken("some", None)
    sent = parse_qs(talker.asked[0].body.decode(), strict_parsing=True)
    assert sent == {"receiver": [NUMBER], "msg": ["a&key=b\r\nПривіт"], "key": ["hunter2"], "type": ["ucs2"]}


@pytest.mark.parametrize(
    ("answer", "kind", "error"),
    [
        (Answer(200, {"state": "blocked"}), PermanentFailure, "HTTP 200 blocked"),
        (Answer(202, {"state": 17}), PermanentFailure, "HTTP 202 17"),
        (Answer(402, {"state": "no_credit"}), Unavailable, "HTTP 402 no_credit"),
        (Answer(404, {}), PermanentFailure, "HTTP 404"),
        (Answer(502, b"<html>"), Unavailable, "HTTP 502"),
        (Answer(400, {"to": NUMBER}), PermanentFailure, "HTTP 400"),
        (Answer(429, {}, {"Retry-After": "7"}), Unavailable, "HTTP 429"),
        (Answer(200, {"state": f"sorry {NUMBER}"}), TemporaryFailure, "unknown answer"),
        (Answer(200, b"<html>please log in</html>"), TemporaryFailure, "unreadable answer"),
        (Answer(200, b"\xff\xfe"), TemporaryFailure, "unreadable answer"),
        (Answer(200, b"[" * 20_000), TemporaryFailure, "unreadable answer"),
        (Answer(None), TemporaryFailure, "RemoteProtocolError"),
    ],
)
async def test_the_answer_table_decides(talker: Talker, answer: Answer, kind: type[Exception], error: str) -> None:
    talker.answers = [answer]
    with pytest.raises(kind) as failed:
        await send(a_gateway(talker, answers=ANSWERS))
    assert (type(failed.value), str(failed.value)) == (kind, error)
    if answer.headers:
        assert isinstance(failed.value, TemporaryFailure)
        assert failed.value.retry_after == timedelta(seconds=7)


async def test_without_a_table_any_success_is_a_yes(talker: Talker) -> None:
    talker.answers = [Answer(204, b"")]
    assert await send(a_gateway(talker, message_id="id")) == Taken("some", None)


async def test_seven_takes_a_message_over(seven: Seven, by_seven: SmsProvider) -> None:
    assert await send(by_seven) == Taken("seven", "77000000001")
    assert seven.asked[0].path == "/api/sms"
    assert seven.taken == [
        {
            "to": NUMBER,
            "text": "Ihr Termin: 3.12., 10:30 Uhr. Grüße",
            "from": "LRA ZAK",
            "foreign_id": "0192aaaa-0000-7000-8000-000000000001.confirmation.sms",
        }
    ]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *(dict.fromkeys(("202", "301", "305", "401", "403"), PermanentFailure).items()),
        *(dict.fromkeys(("201", "500", "900", "902", "903"), Unavailable).items()),
        *(dict.fromkeys(("11", "101", "600", "700", "999"), TemporaryFailure).items()),
    ],
)
async def test_each_code_of_seven_has_its_meaning(
    seven: Seven, by_seven: SmsProvider, code: str, kind: type[Exception]
) -> None:
    seven.code = code
    with pytest.raises(kind) as failed:
        await send(by_seven)
    assert type(failed.value) is kind


async def test_a_wrong_key_costs_no_message_an_attempt(seven: Seven) -> None:
    stranger = SevenProvider(name="seven", url=seven.url, key=SecretStr("wrong"), timeout=timedelta(seconds=1))
    with pytest.raises(Unavailable, match=r"^seven 900$"):
        await send(stranger)
    await stranger.close()


@pytest.mark.parametrize(
    ("mood", "kind", "error"),
    [
        (Mood.FAILING, TemporaryFailure, "HTTP 500"),
        (Mood.BUSY, Unavailable, "HTTP 429"),
        (Mood.SLOW, TemporaryFailure, "timeout"),
        (Mood.GARBLED, TemporaryFailure, "unreadable answer"),
        (Mood.CARRIER, TemporaryFailure, "seven 600"),
    ],
)
async def test_sevens_troubles_lead_to_one_message(
    seven: Seven, by_seven: SmsProvider, mood: Mood, kind: type[Exception], error: str
) -> None:
    """Seen to fail where code 402 is a failure: what was taken over silently never counts as sent."""
    seven.mood = mood
    with pytest.raises(kind) as failed:
        await send(by_seven)
    assert (type(failed.value), str(failed.value)) == (kind, error)
    seven.mood = Mood.FAIR
    taken = await send(by_seven)
    assert len(seven.taken) == 1
    assert taken.message_id == ("77000000001" if mood in (Mood.FAILING, Mood.BUSY, Mood.CARRIER) else None)


async def test_what_seven_surely_did_not_send_waits_for_its_lock(seven: Seven, by_seven: SmsProvider) -> None:
    seven.mood = Mood.CARRIER
    with pytest.raises(TemporaryFailure) as failed:
        await send(by_seven)
    assert failed.value.retry_after
    assert failed.value.retry_after > timedelta(seconds=180)


# One of its many plugins.
@pytest.mark.filterwarnings("ignore:.*imghdr.*:DeprecationWarning")
async def test_apprise_reaches_what_it_can_address(talker: Talker) -> None:
    address = f"json://127.0.0.1:{talker.port}/{{to_digits}}?-:x=1"
    provider = AppriseProvider(name="any", url=SecretStr(address))
    assert await send(provider, "Grüße 10:30") == Taken("any", None)
    (asked,) = talker.asked
    assert json.loads(asked.body)["message"] == "Grüße 10:30"
    assert "4915112345678" in asked.path
    talker.answers = [Answer(500)]
    with pytest.raises(TemporaryFailure, match=r"^not taken over$"):
        await send(provider)
    await provider.close()


@pytest.mark.filterwarnings("ignore:.*imghdr.*:DeprecationWarning")
def test_an_address_that_apprise_does_not_know_is_told() -> None:
    with pytest.raises(ValueError, match="does not understand"):
        AppriseProvider(name="any", url=SecretStr("pigeon://hunter2"))
