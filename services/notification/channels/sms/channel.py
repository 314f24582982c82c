"""The way to a phone: which number, what text, how much of it, and then a provider."""

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from services.notification import metrics
from services.notification.channels import PermanentFailure, SmsProvider, Taken, Unavailable
from services.notification.channels.sms.texts import Fitted, fit
from shared.phones import COUNTRIES, NotReachable, mobile_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """In segments, which is what a provider charges: of one message, and of one office on one of its days."""

    message: int = 6
    office_and_day: int = 3000


class Spent(Protocol):
    """How many segments each office has used on each day."""

    async def take(self, *, office: str, day: date, segments: int, cap: int) -> bool:
        """Adds `segments` unless that would go beyond `cap`; then it changes nothing and is False."""

    async def give_back(self, *, office: str, day: date, segments: int) -> None: ...


class SmsChannel:
    """`countries` are the ones whose mobile numbers may be written to."""

    def __init__(
        self,
        provider: SmsProvider,
        *,
        spent: Spent,
        caps: Caps | None = None,
        countries: frozenset[str] = COUNTRIES,
    ) -> None:
        self._provider = provider
        self._spent = spent
        self._caps = caps or Caps()
        self._countries = countries

    async def send(self, *, to: str, text: str, reference: str, office: str, day: date) -> Taken:
        """Returns once a provider has taken the message over. `day` is the office's today.

        Raises TemporaryFailure, or PermanentFailure: `not_mobile`, `country_not_allowed`, `not_a_number`,
        `too_long`, `capped`, or the provider's.
        """
        number, fitted = self._number(to), self._fitted(text)
        segments, cap = fitted.segments, self._caps.office_and_day
        if not await self._spent.take(office=office, day=day, segments=segments, cap=cap):
            metrics.SMS_CAPPED.labels(office).inc()
            raise PermanentFailure("capped")
        try:
            taken = await self._provider.send(to=number, text=fitted.text, reference=reference)
        except (Unavailable, PermanentFailure):
            # Surely not taken over. After any other failure nobody knows, and it may have to be paid.
            await self._spent.give_back(office=office, day=day, segments=segments)
            raise
        metrics.SMS_SEGMENTS.labels(taken.provider, fitted.encoding).inc(segments)
        return taken

    async def close(self) -> None:
        await self._provider.close()

    def _number(self, to: str) -> str:
        try:
            return mobile_number(to, countries=self._countries)
        except NotReachable as error:
            raise PermanentFailure(error.code) from error

    def _fitted(self, text: str) -> Fitted:
        fitted = fit(text)
        if fitted.segments > self._caps.message:
            raise PermanentFailure("too_long")
        return fitted
