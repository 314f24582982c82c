"""What a proof found, as a table: on the screen, and in the generated part of docs/proof.md."""

import platform
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from deploy.local.process import ROOT
from deploy.local.rabbitmq import package_version
from deploy.local.servers import find_mongod
from tests.prove.checks.evidence import Kind, Struck, Violation
from tests.prove.checks.messages import repeats
from tests.prove.checks.shortest import shortest_history
from tests.prove.faults import Fault
from tests.prove.history import Operation
from tests.prove.history import Outcome as Told
from tests.prove.run import Outcome

_BEGIN, _END = "<!-- the last run: begin -->", "<!-- the last run: end -->"
_RUNS = "<!-- runs -->"
_LIBRARIES = ("faststream", "aio-pika", "aiormq", "motor", "pymongo")
# What a fault sets off may come to be a moment after it has healed.
_SLACK_S = 10.0


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table. Counts are None where the row did not strike."""

    fault: Fault
    why: str
    struck: int
    operations: int | None = None
    lost: int | None = None
    doubled: int | None = None
    stuck: int | None = None
    recovered_s: float | None = None


def lines(outcome: Outcome) -> list[Line]:
    """All rows of the matrix, those that did not strike with the reason."""
    matrix = outcome.plan.matrix
    struck = {fault.row: [s for s in outcome.evidence.struck if s.row == fault.row] for fault in matrix}
    return [
        _struck_line(fault, outcome, struck[fault.row])
        if struck[fault.row]
        else Line(fault, _why_not(fault, outcome), 0)
        for fault in matrix
    ]


def _why_not(fault: Fault, outcome: Outcome) -> str:
    return "no time was left for it in this run" if fault in outcome.missed else "not asked for in this run"


def _struck_line(fault: Fault, outcome: Outcome, struck: Sequence[Struck]) -> Line:
    own = [v for v in outcome.violations if v.check == f"row {fault.row}" or _within(v.at, struck)]
    kinds = Counter(violation.kind for violation in own)
    times = [s.recovered_at - s.healed_at for s in struck if s.recovered_at]
    doubled = sum(_within(at, struck, slack=1) for at in repeats(outcome.evidence))
    return Line(
        fault,
        "; ".join(s.note for s in struck if s.note),
        len(struck),
        operations=sum(_within(o.invoked_at, struck, slack=0) for o in outcome.evidence.operations),
        lost=kinds[Kind.LOST],
        doubled=doubled + kinds[Kind.DOUBLED],
        stuck=kinds[Kind.STUCK],
        recovered_s=max(times) if times and fault.timed else None,
    )


def _within(at: float | None, struck: Iterable[Struck], *, slack: float = _SLACK_S) -> bool:
    return at is not None and any(one.covers(at, slack=slack) for one in struck)


def summary(outcome: Outcome) -> str:
    """For the screen: the table, then each violation with the shortest history that shows it."""
    shown = [_head(outcome), "", *_table(outcome)]
    for violation in outcome.violations:
        shown += ["", _title(violation), *(f"    {line}" for line in _history(outcome, violation))]
    if outcome.violations:
        shown += ["", f"Seed {outcome.plan.seed}: PROVE_SEED={outcome.plan.seed} runs the same plan again."]
    return "\n".join(shown)


def write(outcome: Outcome, file: Path) -> None:
    """Renews the generated part of `file` and adds a line to its list of runs; makes it where there is none."""
    text = file.read_text(encoding="utf-8") if file.exists() else f"# Proof\n\n{_BEGIN}\n{_END}\n\n{_RUNS}\n"
    run = "\n".join([_BEGIN, *_section(outcome), _END])
    text = re.sub(f"{re.escape(_BEGIN)}.*{re.escape(_END)}", lambda _: run, text, flags=re.DOTALL)
    file.write_text(text.replace(_RUNS, f"{_run_line(outcome)}\n{_RUNS}"), encoding="utf-8")


def _section(outcome: Outcome) -> list[str]:
    result = [_head(outcome), "", f"On {_versions()}.", *_exits(outcome), "", *_table(outcome)]
    for violation in outcome.violations:
        result += ["", f"**{_title(violation)}**", "", "```", *_history(outcome, violation), "```"]
    return result


def _head(outcome: Outcome) -> str:
    plan, evidence = outcome.plan, outcome.evidence
    told = Counter(operation.outcome for operation in evidence.operations)
    result = f"**{len(outcome.violations)} violations**" if outcome.violations else "no violation"
    return (
        f"{outcome.began:%Y-%m-%d %H:%M} UTC, seed {plan.seed}, {outcome.seconds / 60:.1f} minutes under load of "
        f"{plan.rate:g} citizens a second: {len(evidence.operations):,} operations "
        f"({told[Told.OK]:,} ok, {told[Told.REFUSED]:,} refused, {_unknown(evidence.operations):,} unknown), "
        f"{len(evidence.appointments):,} appointments, {len(evidence.taken):,} messages; {result}."
    )


def _exits(outcome: Outcome) -> list[str]:
    if not outcome.exits:
        return []
    return [f"Ended by themselves and were started again: {', '.join(outcome.exits)}."]


def _unknown(operations: Sequence[Operation]) -> int:
    return sum(operation.outcome in (Told.UNKNOWN, Told.INVOKED) for operation in operations)


def _table(outcome: Outcome) -> list[str]:
    head = ["#", "fault", "struck", "operations during it", "lost", "doubled", "stuck", "recovered after", "how"]
    table = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    for line in lines(outcome):
        recovered = "" if line.recovered_s is None else f"{line.recovered_s:.1f} s"
        counts = ["–" if n is None else str(n) for n in (line.operations, line.lost, line.doubled, line.stuck)]
        cells = [str(line.fault.row), line.fault.name, str(line.struck), *counts, recovered, line.why]
        table.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return table


def _title(violation: Violation) -> str:
    return f"{violation.kind}, {violation.check}: {violation.what}"


def _history(outcome: Outcome, violation: Violation) -> list[str]:
    return shortest_history(violation, outcome.evidence)


def _run_line(outcome: Outcome) -> str:
    struck = sum(bool(line.struck) for line in lines(outcome))
    result = f"{len(outcome.violations)} violations" if outcome.violations else "passed"
    return (
        f"| {outcome.began:%Y-%m-%d %H:%M} | {outcome.plan.seed} | {outcome.plan.minutes:g} | {_commit()} "
        f"| {struck} | {len(outcome.evidence.operations):,} | {result} |"
    )


def _versions() -> str:
    mongod = subprocess.run([find_mongod(), "--version"], capture_output=True, text=True, check=True).stdout
    servers = [f"RabbitMQ {package_version()}", f"mongod {mongod.split()[2].lstrip('v')}"]
    libraries = [f"{name} {version(name)}" for name in _LIBRARIES]
    return ", ".join([f"commit {_commit()}", f"Python {platform.python_version()}", *servers, *libraries])


def _commit() -> str:
    asked = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
