"""The fewest lines that show a violation, in order of time."""

import time
from collections.abc import Iterator

from tests.prove.checks.evidence import Evidence, Kind, Violation
from tests.prove.checks.reading import (
    copies_by_delivery,
    operations_by_appointment,
    short,
    states_by_appointment,
)

Line = tuple[float, str]

# The services go by the database's clock, which they read over a busy network.
_CLOCKS_DIFFER_S = 0.5
# What a fault did may show when the lease of whom it hit is over.
_LONGEST_SHADOW_S = 10.0


def shortest_history(violation: Violation, evidence: Evidence) -> list[str]:
    """What was asked about the appointments concerned and what came of it, until the violation was there."""
    until = float("inf") if violation.at is None else violation.at
    lines = [line for line in _lines(violation, evidence) if line[0] <= until]
    lines += _faults(violation, evidence, lines)
    return [text for _, text in sorted(lines)]


def _lines(violation: Violation, evidence: Evidence) -> Iterator[Line]:
    asked, states = operations_by_appointment(evidence), states_by_appointment(evidence.learned)
    for id in violation.appointments:
        for operation in asked.get(id, ()):
            if operation.invoked_at <= _matters_until(violation, evidence):
                yield operation.invoked_at, f"{operation} [{short(id)}]"
        if _is_about_states(violation):
            for state in states.get(id, ()):
                said = f"notification knows {short(id)} as {state.data['status']} ({state.sequence})"
                yield _at(state.at.timestamp(), said)
    if violation.check == "desks":
        yield from _cells(violation, evidence)
    yield from _deliveries(violation, evidence)


def _is_about_states(violation: Violation) -> bool:
    """Whether a message was wrong, not just lost or doubled."""
    return bool(violation.deliveries) and violation.kind is Kind.WRONG


def _matters_until(violation: Violation, evidence: Evidence) -> float:
    """What people did after they had caused a message says nothing about how often it went out."""
    if _is_about_states(violation):
        return float("inf")
    planned = (evidence.deliveries[id]["created_at"] for id in violation.deliveries if id in evidence.deliveries)
    return max((at.timestamp() for at in planned), default=float("inf")) + _CLOCKS_DIFFER_S


def _cells(violation: Violation, evidence: Evidence) -> Iterator[Line]:
    for change in evidence.cells:
        if change.appointment in violation.appointments:
            cells = ", ".join(change.cells) or "nothing"
            yield _at(change.at.timestamp(), f"{short(change.appointment)} owns {cells}")


def _deliveries(violation: Violation, evidence: Evidence) -> Iterator[Line]:
    copies = copies_by_delivery(evidence.taken)
    for id in violation.deliveries:
        for copy in copies.get(id, ()):
            yield _at(copy.at, f"{copy.kind} {short(id)} taken over for {copy.to}")
        if id in evidence.deliveries:
            delivery = evidence.deliveries[id]
            yield _at(delivery["created_at"].timestamp(), f"{short(id)} is asked for")
            if delivery.get("finished_at"):
                ended = f"{short(id)} is {delivery['status']} after {delivery['attempts']} attempts"
                yield _at(delivery["finished_at"].timestamp(), ended)


def _faults(violation: Violation, evidence: Evidence, lines: list[Line]) -> Iterator[Line]:
    """Those that were on when it happened; where that is not known, while anything of it did."""
    times = [at for at, _ in lines] if violation.at is None else [violation.at]
    first, last = min(times, default=float("inf")), max(times, default=float("-inf"))
    for fault in evidence.struck:
        if fault.began_at <= last and first <= fault.healed_at + _LONGEST_SHADOW_S:
            yield _at(fault.began_at, f"fault {fault.row}: {fault.name}, {fault.healed_at - fault.began_at:.1f} s")


def _at(moment: float, text: str) -> Line:
    return moment, f"{time.strftime('%H:%M:%S', time.gmtime(moment))}.{int(moment % 1 * 1000):03} {text}"
