"""The providers' file: what it may say, and that every slip is told at the start."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from services.notification.channels.sms import WrongSms, choose, read_configuration
from services.notification.channels.sms.http import HttpProvider
from services.notification.channels.sms.seven import SevenProvider
from services.notification.settings import Settings
from tests.unit.notification.test_sms_gateway import settings

pytestmark = pytest.mark.anyio

GOOD = """
[[provider]]
kind = "seven"
weight = 9
sender = "LRA ZAK"

[[provider]]
kind = "http"
name = "reserve"
url = "https://sms.example/v1/messages"
headers = { Authorization = "Basic {secret:login}" }
json = { recipients = ["{to_digits}"], content = "{text}", ref = "{reference}" }
message_id = "data.id"
answers = [
  { status = [200, "202"], field = "state", equals = "queued", means = "taken" },
  { status = "4xx", field = "code", equals = [17, 18], means = "permanent" },
]
"""
HTTP = '[[provider]]\nkind = "http"\nname = "a"\nurl = "https://sms.example/"\n'
SECRETS = {"seven": {"key": SecretStr("k")}, "reserve": {"login": SecretStr("l")}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def written(folder: Path, text: str) -> Path:
    file = folder / "sms.toml"
    file.write_text(text)
    return file


async def test_several_providers_come_with_their_weights(tmp_path: Path) -> None:
    chosen = choose(read_configuration(written(tmp_path, GOOD)), secrets=SECRETS, timeout=timedelta(seconds=1))
    assert [(type(one.provider), one.provider.name, one.weight) for one in chosen] == [
        (SevenProvider, "seven", 9),
        (HttpProvider, "reserve", 1),
    ]
    for one in chosen:
        await one.provider.close()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "provider"),
        ("not toml", "sms.toml"),
        (HTTP, "either `json` or `form`"),
        (HTTP + 'json = { to = "{to}" }', "{text}"),
        (HTTP + 'form = { text = "{text}" }', "{to}"),
        (HTTP + 'form = { to = "{too}", text = "{text}" }', "{too}"),
        (HTTP + 'form = { to = "{to}", text = "{text}" }\nheaders = { X = "{text}" }', "into the body"),
        (HTTP + 'form = { to = "{to}", text = "{text}" }\nmethod = "GET"', "method"),
        (HTTP + 'form = { to = "{to}", text = "{text}" }\nanswers = [{ means = "taken" }]', "needs `status`"),
        (HTTP + 'form = { to = "{to}", text = "{text}" }\nanswers = [{ status = 20, means = "taken" }]', "status"),
        (HTTP.replace("https", "http") + 'form = { to = "{to}", text = "{text}" }', "must be https"),
        (HTTP.replace("sms.", "me:hunter2@sms.") + 'form = { to = "{to}", text = "{text}" }', "holds a password"),
        ('[[provider]]\nkind = "seven"\nkey = "hunter2"', "key"),
        ('[[provider]]\nkind = "pigeon"', "pigeon"),
        ('[[provider]]\nkind = "seven"\n[[provider]]\nkind = "seven"', "two providers have the name seven"),
        ('[[provider]]\nkind = "seven"\nname = "A/B"', "name"),
    ],
)
def test_a_slip_is_told_with_its_place(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(WrongSms) as wrong:
        read_configuration(written(tmp_path, text))
    assert reason in str(wrong.value)
    assert "sms.toml" in str(wrong.value)
    assert "hunter2" not in str(wrong.value)


def test_a_missing_file_or_secret_is_told(tmp_path: Path) -> None:
    with pytest.raises(WrongSms, match=r"none\.toml"):
        read_configuration(tmp_path / "none.toml")
    gateways = read_configuration(written(tmp_path, GOOD))
    with pytest.raises(WrongSms, match="seven needs the secrets key"):
        choose(gateways, secrets={}, timeout=timedelta(seconds=1))


def test_secrets_come_from_a_file_among_the_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notification_sms_secrets").write_text('{"seven": {"key": "hunter2"}}')
    monkeypatch.setenv("AMTSTERMIN_SECRETS_DIR", str(tmp_path))
    read = settings()
    assert read.all_sms_secrets["seven"]["key"].get_secret_value() == "hunter2"
    assert "hunter2" not in repr(read)


def test_only_one_place_may_name_providers(tmp_path: Path) -> None:
    both: Settings = settings(sms="file:/tmp/x", sms_providers=written(tmp_path, GOOD))
    with pytest.raises(WrongSms, match="exclude each other"):
        assert both.sms_gateways


def test_apprise_is_imported_only_where_it_is_used() -> None:
    """Seen to fail with both imports at the heads of their modules: `choosing` of ours, and ours of Apprise."""
    import subprocess
    import sys

    code = (
        "import sys, services.notification.main; sys.exit('apprise' in sys.modules or 'requests' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"sms_countries": "DE,Atlantis"}, "no country: ATLANTIS"),
        ({"dkim_key_file": "/run/dkim.pem"}, "belong together"),
        ({"dkim_key_file": "/run/dkim.pem", "dkim_selector": "a; b"}, "as DNS has them"),
        ({"bounces": "imaps://me:hunter2@imap.example"}, "NOTIFICATION_BOUNCES_PASSWORD"),
        ({"bounces": "pop3://me@pop.example"}, "can be 'none'"),
        ({"bounces": "imaps://imap.example"}, "can be 'none'"),
        ({"return_path": "Name <a@example.org>"}, "plain mail address"),
        ({"return_path": "a@{delivery}.example"}, "plain mail address"),
        ({"return_path": "bounces-of-the-office+{delivery}@amt.example"}, "plain mail address"),
        ({"public_url": "termine.example"}, "must begin with https"),
    ],
)
def test_a_slip_in_a_setting_is_told(values: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(**values)
    assert reason in str(refused.value)
    assert "hunter2" not in str(refused.value)
