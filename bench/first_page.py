"""`first_page`: what a citizen sees first, while 50 people book each second, beside an endpoint with equal bytes.

The notes say what a browser fetches for it in all: the page, and what it names.
"""

import re

import uvloop

from bench import equal
from bench.availability import CLIENTS, Visit, prepare
from bench.citizens import Citizens
from bench.lean_http import Connection
from bench.measuring import Figure, in_turns, median_rate, percentile_ms
from bench.stage import Stage

_PATH = "/?lang=de"
_FETCHED = re.compile(r'<(?:link rel="(?:icon|stylesheet)"|script|img)[^>]*?(?:href|src)="([^"]+)"')


def measure(stage: Stage) -> Figure:
    stage.clear()
    with stage.running("booking", module="bench.equal") as (booking,):
        sizes = uvloop.run(_fetched(booking.url))
        uvloop.run(prepare(booking.url, _PATH))
        visit = Visit(booking.url, Citizens(stage))
        limit, runs = in_turns(
            limit=lambda _: uvloop.run(visit.ask(equal.PATH)).rate,
            program=lambda: uvloop.run(visit.ask(_PATH)),
            widths=[CLIENTS],
        )
    pace = f"{min(visit.booked):.0f} to {max(visit.booked):.0f} bookings/s meanwhile"
    return Figure(
        name="first_page",
        unit="requests/s",
        value=median_rate(runs),
        limit=limit,
        target=0.6,
        p50_ms=percentile_ms(runs, 0.5),
        p99_ms=percentile_ms(runs, 0.99),
        notes=(f"first_page: {len(sizes)} requests, {sum(sizes):,} bytes uncompressed, {pace}",),
    )


async def _fetched(url: str) -> list[int]:
    """Bytes of the page and of everything that a browser fetches for it, the icon included."""
    async with Connection(url) as http:
        page = await http.send("GET", _PATH)
        names = dict.fromkeys(_FETCHED.findall(page.body.decode()))
        parts = [await http.send("GET", name) for name in names]
    assert {one.status for one in (page, *parts)} == {200}
    return [len(one.body) for one in (page, *parts)]
