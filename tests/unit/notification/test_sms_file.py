"""The SMS provider for development."""

import json
import stat
from pathlib import Path

import pytest

from services.notification.channels import TemporaryFailure
from services.notification.channels.sms.file import FileProvider

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_each_message_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "sms.jsonl"
    for text in ("Termin am 3.12.\nUm 10:30 Uhr", "zweite"):
        await FileProvider(file).send(to="+4915112345678", text=text, reference="a:confirmation:sms")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["text"] for line in lines] == ["Termin am 3.12.\nUm 10:30 Uhr", "zweite"]
    assert set(lines[0]) == {"at", "to", "text", "reference"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_missing_folder_is_a_temporary_failure(tmp_path: Path) -> None:
    with pytest.raises(TemporaryFailure):
        await FileProvider(tmp_path / "gone" / "sms.jsonl").send(to="+49", text="x", reference="r")
