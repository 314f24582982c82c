"""What mails to staff lead to, put together as the service itself puts it together."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import holidays
import pytest
from pydantic import HttpUrl, SecretStr

from deploy.local.stack import Stack
from services.booking.domain.rules import DayRules, Holidays
from services.booking.main import build
from services.booking.offices import read_office
from services.booking.settings import Settings
from services.booking.toml import office_as_toml
from shared.contracts import OfficeDayPlanned, parse_event
from shared.contracts.offices import OpeningHours
from shared.mongo import connect
from tests.builders import OFFICE_FILE

pytestmark = pytest.mark.anyio

STAFF, CITIZENS = "https://intern.example:9443", "https://termine.example"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_lists_link_begins_with_the_address_of_staff(servers: Stack, tmp_path: Path) -> None:
    """Seen to fail with the citizens' address handed to `ListTelling`. Without a broker the event stays here."""
    name = f"booking_{uuid4().hex[:8]}"
    settings = Settings(
        mongodb_uri=SecretStr(servers.secret("admin_mongodb_uri")),
        mongodb_database=name,
        keys_database=f"{name}_keys",
        amqp_url=SecretStr("amqp://nobody@127.0.0.1:1"),
        signing_keys=SecretStr("k1:" + "00" * 32),
        contact_keys=SecretStr("k1:" + "00" * 32),
        contact_public_keys="n1:09" + "00" * 31,
        public_url=HttpUrl(CITIZENS),
        staff_url=HttpUrl(STAFF),
        staff_lists_every=timedelta(milliseconds=100),
        offices=an_office_at_noon(tmp_path),
    )
    client = connect(settings)
    app, _ = build(settings)
    try:
        async with app.router.lifespan_context(app), asyncio.timeout(30):
            lists = client[name]["staff_lists"]
            while not (told := await lists.find_one({"last": {"$exists": True}})):  # noqa: ASYNC110 (it has no event)
                await asyncio.sleep(0.05)
    finally:
        for database in (name, f"{name}_keys"):
            await client.drop_database(database)
        client.close()

    event = parse_event(told["last"]["body"].encode())
    assert isinstance(event, OfficeDayPlanned)
    assert event.data.url == f"{STAFF}/staff/today"


def an_office_at_noon(folder: Path) -> Path:
    """Open every day, and it is noon there whenever this runs, so that its list is due."""
    now = datetime.now(UTC)
    day = (now + timedelta(hours=12 - now.hour)).date()
    everywhere = [one for one in ("DE", "SA") if day not in holidays.country_holidays(one)]
    every_day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    hours = OpeningHours.model_validate({"weekdays": every_day, "from": "08:00", "until": "16:00"})
    data = read_office(OFFICE_FILE).model_copy(
        update={
            "timezone": f"Etc/GMT{now.hour - 12:+d}",
            "opening_hours": (hours,),
            "holidays": Holidays(country=everywhere[0]),
            "closures": (),
            "day": DayRules(list_at="11:00"),
        }
    )
    (folder / "office.toml").write_text(office_as_toml(data), encoding="utf-8")
    return folder
