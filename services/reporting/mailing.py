"""The résumé of each period that is over, mailed to a list of addresses that the settings name.

What was mailed is kept by office, period and a hash of the address: reporting stores no address. A mail that was
handed over and could not be noted goes out once more.
"""

import asyncio
import hashlib
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, tzinfo
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from functools import partial

from prometheus_client import Counter

from services.reporting.domain.periods import Period, month_of, quarter_of
from services.reporting.reports import Reports
from services.reporting.resume import Resume, as_pdf, build
from services.reporting.settings import Settings
from services.reporting.storage import Lease, OfficeData
from services.reporting.views import Selection
from shared.mongo import Database, is_away
from shared.observability import get_logger

log = get_logger()

MAILED = Counter(
    "reporting_resumes_mailed_total", "Résumés that the mail server took over, or refused", ["outcome"]
)

_LOOK_S = 60.0
_TIMEOUT_S = 20
# What happened on the last day may be entered in the evening, and is counted by then.
_NOT_BEFORE = time(6, 0)
_TEXT = """Guten Tag,

anbei das Résumé der Terminvergabe: {office}, {period}.
Verglichen wird mit dem Zeitraum davor ({before}). Die Zahlen enthalten keine personenbezogenen Daten.
"""

# Hands one message over, or raises.
Post = Callable[[EmailMessage], None]


def last_period(every: str, now: datetime) -> Period | None:
    """The newest month or quarter that is over since a morning at least; `now` is local."""
    current = (quarter_of if every == "quarter" else month_of)(now.date())
    if now.date() == current.since and now.time() < _NOT_BEFORE:
        return None
    return (quarter_of if every == "quarter" else month_of)(date.fromordinal(current.since.toordinal() - 1))


def letter(resume: Resume, pdf: bytes, *, sender: str, to: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = sender, to
    message["Subject"] = resume.title
    message["Date"] = format_datetime(resume.made)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].rstrip(">"))
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_TEXT.format(office=resume.office, period=resume.period, before=resume.before))
    period = resume.selection.period
    name = f"resume_{period.since}_{period.last_day}.pdf"
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename=name)
    return message


def smtp_post(settings: Settings) -> Post:
    def post(message: EmailMessage) -> None:
        context = ssl.create_default_context()
        at = (settings.smtp_host, settings.smtp_port)
        tls = settings.smtp_tls == "tls"
        connect = partial(smtplib.SMTP_SSL, context=context) if tls else smtplib.SMTP
        with connect(*at, timeout=_TIMEOUT_S) as server:
            if settings.smtp_tls == "starttls":
                server.starttls(context=context)
            if settings.smtp_username:
                server.login(settings.smtp_username, settings.smtp_password.get_secret_value())
            server.send_message(message)

    return post


class Mailing:
    def __init__(
        self, *, reports: Reports, database: Database, settings: Settings, lease: Lease, post: Post, zone: tzinfo
    ) -> None:
        self._reports = reports
        self._sent = database["resumes"]
        self._settings = settings
        self._lease = lease
        self._post = post
        self._zone = zone
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._settings.resume_to and self._settings.smtp_host:
            self._task = asyncio.create_task(self._keep_mailing())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def mail(self, now: datetime) -> int:
        """Whatever is due and was not mailed yet; the number of mails."""
        period = last_period(self._settings.resume_every, now)
        if period is None or await self._lease.acquire() is None:
            return 0
        return sum([await self._mail_office(office, period, now) for office in await self._reports.offices()])

    async def _mail_office(self, office: OfficeData, period: Period, now: datetime) -> int:
        keys = {
            address: key_of(office.id, period, address) for address in self._settings.resume_addresses(office.id)
        }
        done = {d["_id"] async for d in self._sent.find({"_id": {"$in": list(keys.values())}}, {"_id": 1})}
        due = [address for address, key in keys.items() if key not in done]
        if not due:
            return 0
        resume = await build(self._reports, Selection(period, office.id), now=now)
        pdf = await asyncio.to_thread(as_pdf, resume)
        for address in due:
            message = letter(resume, pdf, sender=self._settings.sender, to=address)
            await asyncio.to_thread(self._post, message)
            await self._sent.insert_one({"_id": keys[address], "at": now})
            MAILED.labels("sent").inc()
        return len(due)

    async def _keep_mailing(self) -> None:
        pause = _LOOK_S
        while True:
            try:
                sent = await self.mail(datetime.now(UTC).astimezone(self._zone))
                pause = _LOOK_S
                if sent:
                    log.info("resumes_mailed", number=sent)
            except Exception as error:
                pause = min(pause * 2, 3600)
                MAILED.labels("failed").inc()
                # An error of SMTP may quote the address.
                log.warning("resume_not_mailed", error=type(error).__name__, database_away=is_away(error))
            await asyncio.sleep(pause)


def key_of(office: str, period: Period, address: str) -> str:
    """Of the record that this résumé was mailed to that address."""
    hashed = hashlib.sha256(address.lower().encode()).hexdigest()[:16]
    return f"{office}|{period.since}|{period.until}|{hashed}"
