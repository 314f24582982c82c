"""One claimed delivery: decide by the newest facts, render, hand over, and say what became of it."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Protocol
from zoneinfo import ZoneInfo

from services.notification import domain, metrics
from services.notification.channels import PermanentFailure, Taken, TemporaryFailure, Unavailable
from services.notification.delivery.providers import MailChannel
from services.notification.domain import (
    Channel,
    Delivery,
    Drop,
    KnownContact,
    KnownState,
    Later,
    Retry,
    Sandbox,
    Send,
    Status,
    Wait,
)
from services.notification.entries import SendEntry, decide_entry
from services.notification.farewells import decide_farewell
from services.notification.opening import Opener
from services.notification.purposes import ENTRIES, HAS_SMS, TO_STAFF, Purpose
from services.notification.rendering import Renderer
from services.notification.staff_mails import SendStaff, decide_staff
from services.notification.storage import Claimed, Known, Record, SealedContact
from services.notification.wording import language_for
from shared.contracts import ConflictList, DayList, EntryRequest, Office, OpenEntry
from shared.contracts.offices import is_training
from shared.crashpoints import CrashPoint, crash_point
from shared.observability import get_logger
from shared.sealing import Unsealable

log = get_logger()

Plan = Callable[[Delivery], Awaitable[None]]
# Whom a message is for, readable while it is made.
Opened = KnownContact | OpenEntry | None
Sending = Send | SendEntry | SendStaff

# Slow providers make claims queue: what was read longer ago is read again before a message goes out.
_FRESH = timedelta(seconds=2)


class LeaseEndsSoon(Exception):
    """What had to be done before sending took so long that too little is left of the lease to send within it."""


class Clock(Protocol):
    def now(self) -> datetime: ...


class TextChannel(Protocol):
    async def send(self, *, to: str, text: str, reference: str, office: str, day: date) -> Taken:
        """`day` is the office's today. Raises TemporaryFailure or PermanentFailure."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The newest known of everything that some deliveries depend on, as read at `read_at`."""

    states: dict[str, KnownState]
    contacts: dict[str, SealedContact]
    offices: dict[str, Office]
    entries: dict[str, EntryRequest]
    farewells: dict[str, SealedContact]
    lists: dict[str, DayList | ConflictList]
    read_at: datetime


class Sender:
    def __init__(
        self,
        *,
        known: Known,
        opener: Opener,
        renderer: Renderer,
        mail: MailChannel,
        sms: TextChannel | None,
        clock: Clock,
        send_timeout: timedelta,
        retry: Retry,
        quiet_hours: bool = True,
        sandbox: Sandbox | None = None,
        staff_mail: Mapping[str, Set[str]] = MappingProxyType({}),
        training_mail: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._known = known
        self._opener = opener
        self._renderer = renderer
        self._mail = mail
        self._sms = sms
        self._clock = clock
        self._send_timeout = send_timeout
        self._retry = retry
        self._quiet_hours = quiet_hours
        self._sandbox = sandbox or Sandbox()
        self._staff_mail = staff_mail
        self._training_mail = training_mail
        # Key ids that have been missed and named in the log.
        self._missed: set[str] = set()

    async def facts(self, deliveries: Sequence[Delivery]) -> Facts:
        read_at = self._clock.now()
        entries = {d.appointment for d in deliveries if d.purpose in ENTRIES}
        listed = {d.appointment for d in deliveries if d.purpose in TO_STAFF}
        appointments = {d.appointment for d in deliveries} - entries - listed
        erased = {d.appointment for d in deliveries if d.purpose is Purpose.ERASED}
        states, contacts, offices, requested, farewells, lists = await asyncio.gather(
            self._known.states(appointments),
            self._known.contacts(appointments),
            self._known.offices({d.office for d in deliveries}),
            self._known.entries(entries),
            self._known.farewells(erased),
            self._known.lists(listed),
        )
        return Facts(states, contacts, offices, requested, farewells, lists, read_at)

    async def send(self, claimed: Claimed, facts: Facts, *, plan: Plan) -> Record:
        """Never raises, but for a database that is away, or so slow that no time is left (LeaseEndsSoon).

        All else that goes wrong is an outcome. What should go out beside it is planned first, so that it is not
        forgotten whatever comes of this one.
        """
        record = await self._outcome(claimed, facts, plan=plan)
        if claimed.delivery.purpose is Purpose.ERASED and record.status is not Status.DUE:
            # Before the record: where that gets lost, nobody is written to again, but expires.
            await self._known.forget_farewell(claimed.delivery.appointment)
        return record

    async def _outcome(self, claimed: Claimed, facts: Facts, *, plan: Plan) -> Record:
        delivery = claimed.delivery
        if self._clock.now() - facts.read_at > _FRESH:
            facts = await self.facts([delivery])
        try:
            opened = self._opened(delivery, facts)
        except Unsealable as error:
            # A key that an operator has not given yet, most likely: the message goes out when it is there.
            self._say_missed(error, delivery)
            return self._later_or_failed(self._tried(claimed), TemporaryFailure("contact cannot be opened"))
        if beside := self._beside(delivery, facts, opened):
            await self._plan_sms(beside, plan)
        # Not before: reading and planning may have taken long.
        now = self._clock.now()
        match self._decide(delivery, facts, opened, now=now):
            case Send() | SendEntry() | SendStaff() as decided:
                return await self._send(claimed, decided, opened, plan=plan, now=now)
            case Wait(missing):
                again = now + domain.wait_before_looking_again(delivery.waits)
                record = self._record(claimed, Status.DUE)
                return replace(record, waits=delivery.waits + 1, waits_for=missing, look_again_at=again)
            case Later(due_at):
                record = self._record(claimed, Status.DUE)
                return replace(record, due_at=due_at, look_again_at=due_at, decided_at=now)
            case Drop(status, reason):
                return replace(self._record(claimed, status), error=reason, finished_at=now)

    def _say_missed(self, error: Unsealable, delivery: Delivery) -> None:
        """Once for each key: it may close many contacts, each of which is tried again."""
        missed = error.key_id or delivery.appointment
        if missed not in self._missed:
            self._missed.add(missed)
            log.error("contact_not_opened", key_id=error.key_id, delivery=delivery.id)

    async def _send(
        self, claimed: Claimed, facts: Sending, opened: Opened, *, plan: Plan, now: datetime
    ) -> Record:
        to = facts.to
        if is_training(claimed.delivery.office):
            to = self._practice_address(claimed.delivery)
        if not to or not self._sandbox.allows(to):
            record = self._record(claimed, Status.SANDBOXED)
            return replace(record, language=language_for(*facts.languages), finished_at=now)
        if not claimed.has_time_for(self._send_timeout, now=now):
            raise LeaseEndsSoon
        record = await self._sent(claimed, facts, to=to)
        instead = self._instead(claimed.delivery, opened) if record.status is Status.FAILED else None
        if instead:
            await self._plan_sms(instead, plan)
        return record

    def _practice_address(self, delivery: Delivery) -> str:
        """Where an office looks at what its people's practice would have sent; nowhere for SMS, or if none is set.

        Whoever is named in the appointment gets nothing: in practice somebody may type an address that is real.
        """
        return self._training_mail.get(delivery.office, "") if delivery.channel is Channel.EMAIL else ""

    def _opened(self, delivery: Delivery, facts: Facts) -> Opened:
        """Raises Unsealable."""
        if delivery.purpose in ENTRIES:
            return self._opener.open_entry(facts.entries.get(delivery.appointment))
        if delivery.purpose in TO_STAFF:
            return None
        if delivery.purpose is Purpose.ERASED:
            return self._opener.open(facts.farewells.get(delivery.appointment))
        return self._opener.open(facts.contacts.get(delivery.appointment))

    def _decide(
        self, delivery: Delivery, facts: Facts, opened: Opened, *, now: datetime
    ) -> Sending | Wait | Later | Drop:
        office = facts.offices.get(delivery.office)
        if delivery.purpose in TO_STAFF:
            listed, addresses = facts.lists.get(delivery.appointment), self._staff_mail.get(delivery.office, ())
            return decide_staff(delivery, listed=listed, addresses=addresses, office=office, now=now)
        if delivery.purpose in ENTRIES:
            assert not isinstance(opened, KnownContact)
            return decide_entry(delivery, entry=opened, office=office, now=now)
        assert not isinstance(opened, OpenEntry)
        state = facts.states.get(delivery.appointment)
        if delivery.purpose is Purpose.ERASED:
            return decide_farewell(delivery, state=state, contact=opened, office=office, now=now)
        return domain.decide(
            delivery,
            state=state,
            contact=opened,
            office=office,
            now=now,
            quiet_hours=self._quiet_hours,
        )

    async def _plan_sms(self, sms: Delivery, plan: Plan) -> None:
        await plan(sms)
        crash_point(CrashPoint.NOTIFICATION_AFTER_SMS_PLAN)

    def _beside(self, delivery: Delivery, facts: Facts, opened: Opened) -> Delivery | None:
        """The SMS that goes with this mail where the mail goes out, or in its place where there is no address."""
        if delivery.channel is not Channel.EMAIL or delivery.purpose not in HAS_SMS:
            return None
        match self._decide(delivery, facts, opened, now=self._clock.now()):
            case Send() if self._sms and not isinstance(opened, OpenEntry):
                return domain.sms_beside(delivery, opened)
            case Drop(Status.NOT_WANTED):
                return self._instead(delivery, opened)
        return None

    def _instead(self, delivery: Delivery, opened: Opened) -> Delivery | None:
        """The SMS in the place of a mail that cannot arrive."""
        if self._sms is None or isinstance(opened, OpenEntry):
            return None
        return domain.sms_instead(delivery, opened)

    async def _sent(self, claimed: Claimed, facts: Sending, *, to: str) -> Record:
        delivery = claimed.delivery
        language = language_for(*facts.languages)
        record = replace(self._tried(claimed), language=language)
        try:
            with metrics.SENDING.labels(delivery.channel.value).time():
                crash_point(CrashPoint.NOTIFICATION_BEFORE_HAND_OVER)
                taken = await self._hand_over(delivery, facts, to=to)
                crash_point(CrashPoint.NOTIFICATION_AFTER_HAND_OVER)
        except Unavailable as failure:
            return self._unreachable(claimed, failure)
        except TemporaryFailure as failure:
            return self._later_or_failed(record, failure)
        except PermanentFailure as failure:
            return self._failed(record, failure.error)
        except Exception as error:
            log.exception("send_failed", delivery=delivery.id)
            return self._later_or_failed(record, TemporaryFailure(type(error).__name__))
        now = self._clock.now()
        return replace(record, sent_at=now, finished_at=now, taken=taken)

    async def _hand_over(self, delivery: Delivery, facts: Sending, *, to: str) -> Taken | None:
        if delivery.channel is Channel.EMAIL:
            mail = self._renderer.mail(delivery, facts)
            await self._mail.send(mail if mail.to == to else replace(mail, to=to), now=self._clock.now())
            return None
        if self._sms is None or not isinstance(facts, Send):
            raise PermanentFailure("no SMS provider")
        text = self._renderer.sms(delivery, facts)
        today = self._clock.now().astimezone(ZoneInfo(facts.office.timezone)).date()
        try:
            async with asyncio.timeout(self._send_timeout.total_seconds()):
                return await self._sms.send(
                    to=to, text=text, reference=delivery.id, office=delivery.office, day=today
                )
        except TimeoutError as error:
            raise TemporaryFailure("timeout") from error

    def _unreachable(self, claimed: Claimed, failure: Unavailable) -> Record:
        looks = claimed.delivery.waits
        pause = self._retry.delay_unreachable(looks=looks, asked=failure.retry_after, chance=_chance())
        return self._again(replace(self._record(claimed, Status.DUE), waits=looks + 1), failure.error, pause)

    def _later_or_failed(self, record: Record, failure: TemporaryFailure) -> Record:
        pause = self._retry.delay(failed=record.attempts, asked=failure.retry_after, chance=_chance())
        return self._again(record, failure.error, pause) if pause else self._failed(record, failure.error)

    def _again(self, record: Record, error: str, pause: timedelta) -> Record:
        return replace(record, status=Status.DUE, error=error, look_again_at=self._clock.now() + pause)

    def _failed(self, record: Record, error: str) -> Record:
        return replace(record, status=Status.FAILED, error=error, finished_at=self._clock.now())

    def _tried(self, claimed: Claimed) -> Record:
        return replace(self._record(claimed, Status.SENT), attempts=claimed.delivery.attempts + 1)

    def _record(self, claimed: Claimed, status: Status) -> Record:
        delivery = claimed.delivery
        return Record(
            claimed=claimed,
            status=status,
            attempts=delivery.attempts,
            waits=delivery.waits,
            language=delivery.language,
        )


def _chance() -> float:
    return random.random()  # noqa: S311 (jitter)
