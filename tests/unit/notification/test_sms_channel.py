"""What the SMS channel asks of the counter and the provider."""

from dataclasses import dataclass, field
from datetime import date

import pytest

from services.notification.channels import PermanentFailure, Taken, TemporaryFailure, Unavailable
from services.notification.channels.sms import Caps, SmsChannel

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Provider:
    failure: Exception | None = None
    got: list[tuple[str, str]] = field(default_factory=list)
    name: str = "double"

    async def send(self, *, to: str, text: str, reference: str) -> Taken:
        self.got.append((to, text))
        if self.failure:
            raise self.failure
        return Taken(self.name, reference)

    async def close(self) -> None: ...


@dataclass
class Counter:
    used: int = 0

    async def take(self, *, office: str, day: date, segments: int, cap: int) -> bool:
        self.used += segments
        return self.used <= cap

    async def give_back(self, *, office: str, day: date, segments: int) -> None:
        self.used -= segments


async def send(provider: Provider, counter: Counter, *, to: str = "0151 12345678", text: str = "„Hallo“") -> Taken:
    channel = SmsChannel(provider, spent=counter, caps=Caps(message=2, office_and_day=10))
    return await channel.send(to=to, text=text, reference="r", office="o", day=date(2026, 12, 1))


async def test_number_and_text_go_out_as_networks_want_them() -> None:
    provider, counter = Provider(), Counter()
    assert await send(provider, counter) == Taken("double", "r")
    assert provider.got == [("+4915112345678", '"Hallo"')]
    assert counter.used == 1


async def test_each_segment_counts() -> None:
    counter = Counter()
    await send(Provider(), counter, text="я" * 71)
    assert counter.used == 2


@pytest.mark.parametrize(
    ("to", "text", "error"), [("07433 921311", "x", "not_mobile"), ("0151 12345678", "я" * 135, "too_long")]
)
async def test_what_cannot_go_out_costs_nothing(to: str, text: str, error: str) -> None:
    provider, counter = Provider(), Counter()
    with pytest.raises(PermanentFailure, match=error):
        await send(provider, counter, to=to, text=text)
    assert (counter.used, provider.got) == (0, [])


@pytest.mark.parametrize(
    ("failure", "used"),
    [(Unavailable("HTTP 429"), 0), (PermanentFailure("HTTP 400"), 0), (TemporaryFailure("timeout"), 1)],
)
async def test_only_what_may_have_been_taken_over_stays_counted(failure: Exception, used: int) -> None:
    counter = Counter()
    with pytest.raises(type(failure)):
        await send(Provider(failure), counter)
    assert counter.used == used
