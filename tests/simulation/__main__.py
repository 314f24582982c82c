"""`python -m tests.simulation`: many seeds, all kinds of worlds, and for what fails its trace."""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence

from tests.simulation.running import KINDS, Outcome, Tally, simulate, simulate_many

_MOST_TRACES = 3
# What was drawn to go wrong, and what led to the end.
_FIRST_LINES, _LAST_LINES = 40, 400
_PROGRESS_EVERY_S = 5.0


def main() -> int:
    wanted = _arguments()
    kinds = tuple(wanted.kind or KINDS)
    seeds = range(wanted.first, wanted.first + wanted.seeds)
    if wanted.trace:
        return _trace(seeds, kinds)
    started = time.monotonic()
    tallies = {kind: Tally() for kind in kinds}
    for outcome in _with_progress(simulate_many(seeds, kinds, jobs=wanted.jobs), len(seeds) * len(kinds)):
        tallies[outcome.kind].add(outcome)
    violations = sorted((v for t in tallies.values() for v in t.violations), key=lambda v: (v.seed, v.kind))
    for violation in violations[:_MOST_TRACES]:
        _show(violation)
    _summarise(seeds, tallies, violations, time.monotonic() - started, wanted.jobs)
    return 1 if violations else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many (10000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (one for each core)")
    parser.add_argument("--kind", action="append", choices=tuple(KINDS), help="only this kind of world")
    parser.add_argument("--trace", action="store_true", help="print every step, also where nothing fails")
    return parser.parse_args()


def _with_progress(chunks: Iterator[list[Outcome]], total: int) -> Iterator[Outcome]:
    done, failed, said = 0, 0, time.monotonic()
    for chunk in chunks:
        yield from chunk
        done += len(chunk)
        failed += sum(outcome.violation is not None for outcome in chunk)
        if time.monotonic() - said >= _PROGRESS_EVERY_S:
            said = time.monotonic()
            print(f"{done:,} of {total:,} worlds, {failed} violations", file=sys.stderr, flush=True)


def _trace(seeds: range, kinds: Sequence[str]) -> int:
    outcomes = [simulate(seed, kind, tracing=True) for seed in seeds for kind in kinds]
    for outcome in outcomes:
        _print(f"seed {outcome.seed}, {outcome.kind}: {outcome.violation or 'holds'}", *outcome.trace)
    return int(any(outcome.violation for outcome in outcomes))


def _show(violation: Outcome) -> None:
    trace = simulate(violation.seed, violation.kind, tracing=True).trace
    left_out = len(trace) - _FIRST_LINES - _LAST_LINES
    if left_out > 0:
        trace = (*trace[:_FIRST_LINES], f"  … {left_out} lines; --trace shows all", *trace[-_LAST_LINES:])
    _print(
        *trace,
        f"seed {violation.seed}, {violation.kind}: {violation.violation}",
        f"again: python -m tests.simulation --first {violation.seed} --seeds 1 --kind {violation.kind}",
        "",
    )


def _summarise(
    seeds: range, tallies: dict[str, Tally], violations: Sequence[Outcome], took: float, jobs: int
) -> None:
    _print(f"{'kind':<12}{'worlds':>8}{'calm':>8}{'faults':>8}{'steps':>12}{'hours':>8}{'violations':>12}")
    for kind, tally in tallies.items():
        hours = f"{tally.virtual_s / 3600:.1f}"
        _print(
            f"{kind:<12}{tally.worlds:>8,}{tally.calm:>8,}{tally.faults:>8,}{tally.steps:>12,}{hours:>8}"
            f"{len(tally.violations):>12,}"
        )
    for violation in violations[_MOST_TRACES:]:
        _print(f"seed {violation.seed}, {violation.kind}: {violation.violation}")
    _print(f"seeds {seeds[0]} to {seeds[-1]} in {took:.0f} s, {jobs} at a time: {len(violations)} violations")


def _print(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
