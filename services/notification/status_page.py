"""The status as a plain page, for operators."""

from markupsafe import Markup

from services.notification.status import ChannelStatus, ProviderStatus, Status

_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Notification: status</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 1.5rem; color: #111; background: #fff }}
table {{ border-collapse: collapse; margin: 0 0 1.5rem }}
caption {{ text-align: left; font-weight: bold; padding: .4rem 0 }}
th, td {{ border: 1px solid #666; padding: .25rem .6rem; text-align: left }}</style></head>
<body><main><h1>Notification: status</h1><p>{at:%Y-%m-%d %H:%M:%S} UTC</p>{channels}{providers}</main></body>
</html>
""")
_COUNTS = (
    "due", "late", "ahead", "sent", "failed", "undeliverable", "expired", "superseded", "not_wanted", "sandboxed",
)  # fmt: skip


def render(status: Status) -> str:
    rows = [_channel(name.value, channel) for name, channel in status.channels.items()]
    channels = _table(
        "Channels; outcomes of the last 24 hours", ("channel", *_COUNTS, "oldest due", "paused"), rows
    )
    seen = [_provider(one) for one in status.providers]
    head = ("process", "channel", "provider", "circuit", "failures", "opens at", "weight")
    return str(_PAGE.format(at=status.at, channels=channels, providers=_table("Providers", head, seen)))


def _channel(name: str, channel: ChannelStatus) -> tuple[object, ...]:
    counts = (getattr(channel, count) for count in _COUNTS)
    return name, *counts, channel.oldest_due_at or "", channel.paused or "no"


def _provider(one: ProviderStatus) -> tuple[object, ...]:
    weight = "" if one.weight is None else one.weight
    return one.process, one.channel, one.provider, one.state, one.failures, one.opens_at or "", weight


def _table(caption: str, head: tuple[str, ...], rows: list[tuple[object, ...]]) -> Markup:
    names = Markup("").join(Markup('<th scope="col">{}</th>').format(name.replace("_", " ")) for name in head)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row))
        for row in rows
    )
    table = Markup("<table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>")
    return table.format(caption, names, body)
