"""What an SMS gateway's answers mean, and which gateways a setting may name."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from services.notification.channels import PermanentFailure, SmsProvider, TemporaryFailure, Unavailable
from services.notification.channels.sms import choose
from services.notification.channels.sms.answers import failure_of, pause_asked
from services.notification.channels.sms.file import FileProvider
from services.notification.channels.sms.http import HttpProvider
from services.notification.settings import Settings
from tests.unit.notification.builders import SENDER

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_success_takes_the_message_over(status: int) -> None:
    assert failure_of(status, retry_after=None) is None


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        ((301, 307, 401, 402, 403, 404, 405, 407, 429, 503), Unavailable),
        ((408, 409, 425, 500, 501, 502, 504, 599), TemporaryFailure),
        ((400, 406, 410, 413, 415, 422, 451), PermanentFailure),
    ],
)
def test_each_answer_has_one_meaning(statuses: tuple[int, ...], kind: type[Exception]) -> None:
    for status in statuses:
        failure = failure_of(status, retry_after=None)
        assert type(failure) is kind
        assert str(failure) == f"HTTP {status}"


def test_a_busy_gateway_says_when_to_come_again() -> None:
    for status in (429, 503, 500):
        failure = failure_of(status, retry_after=timedelta(seconds=7))
        assert isinstance(failure, TemporaryFailure)
        assert failure.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("2", timedelta(seconds=2)),
        ("0", timedelta(seconds=1)),
        ("86400", timedelta(hours=1)),
        ("9" * 30, timedelta(hours=1)),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), timedelta(seconds=90)),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), timedelta(seconds=1)),
        ("Wed, 21 Oct 2099 07:28:00 -0000", timedelta(hours=1)),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, pause: timedelta) -> None:
    assert pause_asked(value, now=NOW) == pause


@pytest.mark.parametrize(
    "value", [None, "", "soon", "-3", "1.5", "²", "9" * 5000, "Wed, 99 Foo 2026 07:28:00 GMT"]
)
def test_an_unreadable_retry_after_is_none(value: str | None) -> None:
    assert pause_asked(value, now=NOW) is None


@pytest.mark.parametrize(
    "setting",
    ["https://sms.example/messages", "http://127.0.0.1:8080/messages", "http://[::1]:80/", "http://localhost/"],
)
async def test_a_gateway_is_chosen_by_its_address(setting: str) -> None:
    (chosen,) = named_by(settings(sms=setting, sms_token=SecretStr("secret")))
    assert isinstance(chosen, HttpProvider)
    await chosen.close()


def test_a_file_or_nothing_can_be_chosen() -> None:
    assert named_by(settings(sms="none")) == []
    (chosen,) = named_by(settings(sms="file:/tmp/sms.jsonl"))
    assert isinstance(chosen, FileProvider)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("http://sms.example/messages", "must be https"),
        ("http://127.0.0.1.example/messages", "must be https"),
        ("http://10.0.0.7/messages", "must be https"),
        ("https://user:hunter2@sms.example/", "belongs into NOTIFICATION_SMS_TOKEN"),
        ("https://", "names no host"),
        ("https:sms.example", "names no host"),
        ("https://sms.example:port/", "no valid address"),
        ("file:", "it can be"),
        ("", "it can be"),
        ("ftp://sms.example", "it can be"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_reason(setting: str, reason: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(sms=setting)
    assert reason in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_the_token_is_never_shown() -> None:
    shown = repr(settings(sms="https://sms.example/messages", sms_token=SecretStr("hunter2")))
    assert "sms_token" in shown
    assert "hunter2" not in shown


def test_the_token_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notification_sms_token").write_text("put here by hand\n")
    monkeypatch.setenv("AMTSTERMIN_SECRETS_DIR", str(tmp_path))
    token = settings().sms_token
    assert token is not None
    assert token.get_secret_value() == "put here by hand"


def settings(**values: object) -> Settings:
    required = {
        "mongodb_uri": "mongodb://db/",
        "amqp_url": "amqp://broker/",
        "smtp_host": "smtp",
        "sender": SENDER,
        "contact_private_keys": f"n1:{'00' * 32}",
    }
    return Settings.model_validate({**required, **values})


def named_by(settings: Settings) -> list[SmsProvider]:
    secrets = settings.all_sms_secrets
    chosen = choose(settings.sms_gateways, secrets=secrets, timeout=timedelta(seconds=1))
    return [one.provider for one in chosen]
