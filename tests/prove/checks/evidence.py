"""What the ledger is made of: what clients did and were told, what is stored, what was sent, what struck."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from tests.prove.history import Operation

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """One message that a server took over: `reference` is the delivery's id, `kind` is email or sms.

    `at` is seconds since the epoch.
    """

    at: float
    to: str
    reference: str
    kind: str


@dataclass(frozen=True, slots=True)
class Struck:
    """One fault that struck, seconds since the epoch. `row` is its number in the matrix.

    `recovered_at` is the first success after it, None where none came. `resends` says that messages may go out
    once more because of it: a notifier died, froze or could not record what it had sent.
    """

    row: int
    name: str
    began_at: float
    healed_at: float
    recovered_at: float | None = None
    note: str = ""
    resends: bool = False

    def covers(self, at: float, *, slack: float = 0.0) -> bool:
        return self.began_at - slack <= at <= max(self.healed_at, self.recovered_at or 0.0) + slack


@dataclass(frozen=True, slots=True)
class CellsChanged:
    """One committed write to an appointment's cells, in the order in which the database applied them.

    `cells` are all that the appointment owns from here on, those that cool included.
    """

    at: datetime
    appointment: str
    office: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Learned:
    """Notification stored the state `data` of an appointment as the newest that it knows."""

    at: datetime
    appointment: str
    sequence: int
    data: Document


@dataclass(frozen=True, slots=True)
class Queue:
    messages: int
    consumers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that is read once all is quiet; documents as they stand in MongoDB, by their id.

    `facts` are by kind, as reporting's collections are named. `figures` are the report's rows.
    `poisoned` counts by work queue what was parked on purpose; `invented` are subjects of events that probes made
    up, `planted` the delivery ids that come of them. `unquiet` says what did not come to rest, empty where all
    did.
    `appointment_id` gives the id that follows from an Idempotency-Key.
    """

    seed: int
    operations: Sequence[Operation]
    struck: Sequence[Struck]
    appointments: Mapping[str, Document]
    demand: Mapping[str, Document]
    offices: Mapping[str, Document]
    cells: Sequence[CellsChanged]
    learned: Sequence[Learned]
    deliveries: Mapping[str, Document]
    contacts: Mapping[str, Document]
    facts: Mapping[str, Mapping[str, Document]]
    figures: Sequence[Mapping[str, Any]]
    taken: Sequence[Taken]
    queues: Mapping[str, Queue]
    poisoned: Mapping[str, int]
    invented: frozenset[str]
    planted: frozenset[str] = frozenset()
    capacity: Mapping[str, Document] = field(default_factory=dict)
    free_times: Mapping[str, Document] = field(default_factory=dict)
    unquiet: Sequence[str]
    zone: str
    send_timeout_s: float
    appointment_id: Callable[[str], str] = field(repr=False)


class Kind(StrEnum):
    LOST = "lost"
    DOUBLED = "doubled"
    STUCK = "stuck"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Violation:
    """`what` is one sentence for a person; `at` is when it came to be (seconds since the epoch), where known.

    `appointments` are those that it is about: their operations are the history that shows it; `deliveries` those
    whose copies belong to it.
    """

    check: str
    kind: Kind
    what: str
    at: float | None = None
    appointments: tuple[str, ...] = ()
    deliveries: tuple[str, ...] = ()
