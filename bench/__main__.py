"""`python -m bench [names…]`: measures on real servers, prints a table, writes bench/results/latest.json."""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bench import availability, book, figures, first_page, mail, memory, project, relay, report, restore, rush
from bench.measuring import Figure, say
from bench.processes import collect_garbage_rarely
from bench.stage import Stage
from shared.setup import Trouble

FIGURES: Mapping[str, Callable[[Stage], Figure]] = {
    "book": book.measure,
    "rush": rush.measure,
    "availability": availability.measure,
    "availability_large": availability.measure_large,
    "first_page": first_page.measure,
    "relay": relay.measure,
    "mail": mail.measure,
    "mail_waiting": mail.measure_waiting,
    "project": project.measure,
    "figures": figures.measure,
    "restore": restore.measure,
}
_MEMORY = "memory"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"{', '.join((*FIGURES, _MEMORY))}; all by default"
    )
    names = parser.parse_args().names or [*FIGURES, _MEMORY]
    if unknown := set(names) - {*FIGURES, _MEMORY}:
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        _measure(names)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 0


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(number)


def _measure(names: list[str]) -> None:
    collect_garbage_rarely()
    load_before, started = round(os.getloadavg()[0], 2), time.monotonic()
    if load_before > 1:
        say(f"Other programs keep this machine busy (load average {load_before}): trust no more than the ratios.")
    with tempfile.TemporaryDirectory(prefix="amtstermin-bench-") as folder:
        say("Starting RabbitMQ and MongoDB …")
        with Stage(Path(folder)) as stage:
            measured = [_taken(name, stage) for name in FIGURES if name in names]
            taken = memory.measure(stage) if _MEMORY in names else None
            facts = report.machine(stage, load_before=load_before)
    report.write(measured, taken, facts)
    print(report.table(measured, taken))
    say(f"{time.monotonic() - started:.0f} s; written to bench/results/latest.json")


def _taken(name: str, stage: Stage) -> Figure:
    started = time.monotonic()
    say(f"{name} …")
    figure = FIGURES[name](stage)
    say(f"  {figure.ratio:.2f} of the limit, {time.monotonic() - started:.0f} s")
    return figure


if __name__ == "__main__":
    sys.exit(main())
