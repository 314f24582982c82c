"""The résumé goes out once per period, office and address, whatever breaks in between."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from mailbox import Maildir

import pytest
from pydantic import ValidationError

from deploy.local.stack import Stack
from services.reporting.mailing import Mailing, smtp_post
from services.reporting.reports import Reports
from services.reporting.settings import Settings
from services.reporting.storage import Figures, Lease, Offices
from shared.mongo import Database
from tests.integration.reporting.stories import BERLIN, an_office
from tests.waiting import eventually

pytestmark = pytest.mark.anyio

_MORNING = datetime(2026, 10, 1, 7, 0, tzinfo=BERLIN)


class _Hand:
    """Takes what it is given, but for those it refuses."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.refuses: set[str] = set()

    def __call__(self, message: EmailMessage) -> None:
        if message["To"] in self.refuses:
            raise ConnectionError
        self.taken.append(message)

    @property
    def to(self) -> list[str]:
        return [message["To"] for message in self.taken]


@pytest.fixture
def mailed(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "resume_to": "rat@example.org, landrat@example.org",
            "smtp_host": "127.0.0.1",
            "sender": "amt@example.org",
        }
    )


async def _mailing(database: Database, settings: Settings, hand: _Hand) -> Mailing:
    offices = Offices(database)
    await offices.apply(an_office("here", "Amt")["data"], id="here", sequence=1)
    return Mailing(
        reports=Reports(figures=Figures(database), offices=offices),
        database=database,
        settings=settings,
        lease=Lease(database["leases"], name="resume", length=timedelta(seconds=30)),
        post=hand,
        zone=BERLIN,
    )


async def test_each_address_gets_a_period_once(mongodb: Database, mailed: Settings) -> None:
    hand = _Hand()
    mailing = await _mailing(mongodb, mailed, hand)
    # Whoever asks first only finds out who holds the lease.
    for _ in range(3):
        await mailing.mail(_MORNING)
    assert hand.to == ["rat@example.org", "landrat@example.org"]
    await mailing.mail(_MORNING + timedelta(days=92))
    assert hand.to == ["rat@example.org", "landrat@example.org"] * 2
    assert hand.taken[-1]["Subject"].endswith("4. Quartal 2026")


async def test_who_was_refused_gets_it_later_and_nobody_twice(mongodb: Database, mailed: Settings) -> None:
    hand = _Hand()
    hand.refuses = {"landrat@example.org"}
    mailing = await _mailing(mongodb, mailed, hand)
    await mailing.mail(_MORNING)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await mailing.mail(_MORNING)
    hand.refuses = set()
    await mailing.mail(_MORNING)
    assert hand.to == ["rat@example.org", "landrat@example.org"]


async def test_an_address_of_one_office_gets_nothing_of_another(mongodb: Database, mailed: Settings) -> None:
    own = {"resume_to": "here:amt@example.org, there:anderes@example.org, landrat@example.org"}
    hand = _Hand()
    mailing = await _mailing(mongodb, mailed.model_copy(update=own), hand)
    for _ in range(2):
        await mailing.mail(_MORNING)
    assert hand.to == ["amt@example.org", "landrat@example.org"]


async def test_no_address_is_stored(mongodb: Database, mailed: Settings) -> None:
    mailing = await _mailing(mongodb, mailed, _Hand())
    for _ in range(2):
        await mailing.mail(_MORNING)
    kept = [document async for document in mongodb["resumes"].find({})]
    assert len(kept) == 2
    assert "example" not in str(kept)


async def test_mail_server_takes_it(servers: Stack, mongodb: Database, mailed: Settings) -> None:
    at = {"smtp_port": servers.mail.port, "smtp_tls": "none", "resume_to": f"{mongodb.name}@example.org"}
    there = mailed.model_copy(update=at)
    mailing = await _mailing(mongodb, there, _Hand())
    mailing._post = smtp_post(there)
    for _ in range(2):
        await mailing.mail(datetime.now(UTC).astimezone(BERLIN) + timedelta(days=100))
    found = eventually(lambda: list(_mails(servers, mongodb.name)), within=10, what="the mail")
    assert len(found) == 1
    assert any(part.get_content_type() == "application/pdf" for part in found[0].walk())


def _mails(servers: Stack, to: str) -> Iterator[EmailMessage]:
    yield from (mail for mail in Maildir(servers.mail.maildir) if to in str(mail["To"]))  # type: ignore[misc]


def test_list_without_a_mail_server_is_refused_at_start(settings: Settings) -> None:
    with pytest.raises(ValidationError, match="REPORTING_SMTP_HOST"):
        Settings(**{**settings.model_dump(), "resume_to": "rat@example.org"})
