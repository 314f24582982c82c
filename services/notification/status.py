"""What there is to see of the deliveries as a whole."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel

from services.notification.domain import Channel
from services.notification.storage import DeliveryCounts, StandingStore

_LATE_AFTER = timedelta(minutes=5)


class ChannelStatus(BaseModel):
    """`due` is what could go out now, `late` what has waited for more than 5 minutes, `ahead` what lies in the
    future; the others count the last 24 hours, by outcome. `paused` says why nothing goes out."""

    due: int
    late: int
    ahead: int
    sent: int
    failed: int
    expired: int
    superseded: int
    not_wanted: int
    sandboxed: int
    undeliverable: int
    oldest_due_at: AwareDatetime | None
    paused: str | None
    paused_since: AwareDatetime | None


class ProviderStatus(BaseModel):
    """As one process sees it. `state` is closed (all is well), open (nothing is tried) or half-open (one is)."""

    process: str
    provider: str
    channel: str
    state: str
    failures: int
    opens_at: AwareDatetime | None
    weight: float | None


class Status(BaseModel):
    at: AwareDatetime
    channels: dict[Channel, ChannelStatus]
    providers: list[ProviderStatus]


async def status_of(
    *, counts: DeliveryCounts, standing: StandingStore, now: datetime, fixed: Iterable[Channel] = ()
) -> Status:
    """`fixed` are the channels that the settings pause."""
    pauses = await standing.pauses()
    channels = {}
    for channel in Channel:
        counted = await counts.of(channel, now=now, late_since=now - _LATE_AFTER)
        pause = pauses.get(channel)
        reason = "by the settings" if channel in fixed else pause.reason if pause else None
        since = pause.since if pause and channel not in fixed else None
        channels[channel] = ChannelStatus(**counted, paused=reason, paused_since=since)
    providers = [
        ProviderStatus(
            process=one.process,
            provider=one.provider,
            channel=one.channel,
            state=one.state,
            failures=one.failures,
            opens_at=one.opens_at,
            weight=one.weight,
        )
        for one in await standing.providers(now=now)
    ]
    return Status(at=now, channels=channels, providers=providers)
