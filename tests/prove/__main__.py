"""`python -m tests.prove`: breaks everything while people book, then shows by ledger what came of it."""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from deploy.local.process import ROOT
from shared.setup import Trouble
from tests.prove import report
from tests.prove.faults import LAST_ROW
from tests.prove.matrix import rows
from tests.prove.run import plan_for, prove
from tests.prove.world import Interrupted

_REPORT = ROOT / "docs" / "proof.md"
_MINUTES, _RATE = 10.0, 5.0


def main() -> int:
    given = _arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="amtstermin-proof-"))
    plan = plan_for(rows(), seed=given.seed, minutes=given.minutes, rate=given.rate, only=given.faults)
    _say(f"Seed {plan.seed} (PROVE_SEED={plan.seed} runs the same again), {plan.minutes:g} minutes under load.")
    try:
        outcome = prove(plan, folder, _say)
    except Trouble as trouble:
        print(f"{trouble}\nEverything is kept in {folder}.", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, Interrupted):
        shutil.rmtree(folder, ignore_errors=True)
        print("Stopped.", file=sys.stderr)
        return 130
    report.write(outcome, given.report)
    print(report.summary(outcome))
    if not outcome.violations:
        shutil.rmtree(folder, ignore_errors=True)
        _say("No violation: nothing lost, nothing stuck, nothing sent more often than documented.")
        _say(f"The table is in {given.report}.")
        return 0
    _say(f"{len(outcome.violations)} violations; the table is in {given.report}, logs and history in {folder}.")
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument(
        "--minutes",
        type=float,
        default=float(os.environ.get("PROVE_MINUTES") or _MINUTES),
        help=f"time under load; PROVE_MINUTES, else {_MINUTES:g}",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=int(os.environ.get("PROVE_SEED") or random.SystemRandom().randrange(1, 1_000_000)),
        help="runs the same plan again; PROVE_SEED, else a new one",
    )
    parser.add_argument(
        "--faults",
        type=_row_numbers,
        default=os.environ.get("PROVE_FAULTS") or "",
        help="rows of the matrix, such as 1,3,25; PROVE_FAULTS, else all",
    )
    parser.add_argument("--rate", type=float, default=_RATE, help=f"citizens who arrive in a second ({_RATE:g})")
    parser.add_argument("--report", type=Path, default=_REPORT, help="where the table goes (docs/proof.md)")
    return parser.parse_args()


def _row_numbers(text: str) -> Sequence[int]:
    numbers = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and 1 <= int(part) <= LAST_ROW for part in numbers):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of rows from 1 to {LAST_ROW}")
    return [int(part) for part in numbers]


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main())
