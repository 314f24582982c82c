"""The ledger: every check reads the evidence and yields what violates the promise.

The checks are the auditor: they know documents and events by their contracts, and none of the services' rules.
"""

from collections.abc import Callable, Iterator

from tests.prove.checks.bookings import bookings
from tests.prove.checks.desks import desks
from tests.prove.checks.events import events
from tests.prove.checks.evidence import Evidence, Violation
from tests.prove.checks.figures import figures
from tests.prove.checks.heard import heard
from tests.prove.checks.messages import messages, repeats
from tests.prove.checks.orphans import orphans
from tests.prove.checks.rest import rest
from tests.prove.checks.shortest import shortest_history

__all__ = ["CHECKS", "Check", "repeats", "shortest_history", "violations"]

Check = Callable[[Evidence], Iterator[Violation]]

CHECKS: tuple[Check, ...] = (desks, bookings, events, heard, orphans, messages, figures, rest)


def violations(evidence: Evidence) -> list[Violation]:
    """Everything that is wrong, in the order of the checks."""
    return [violation for check in CHECKS for violation in check(evidence)]
