"""What the clients did and what they were told: each operation as invoked, then ok, refused or unknown."""

import json
import threading
import time
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path


class Action(StrEnum):
    SEARCH = "search"
    HOLD = "hold"
    CONTACT = "contact"
    CONFIRM = "confirm"
    MOVE = "move"
    CANCEL = "cancel"


class Outcome(StrEnum):
    INVOKED = "invoked"
    OK = "ok"
    REFUSED = "refused"
    # Timed out, cut off, or answered 5xx: it may have happened or not.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operation:
    """One request. `key` is the booking's Idempotency-Key; repeats of the same wish share `action` and `wish`.

    Times are seconds since the epoch.
    """

    number: int
    action: Action
    key: str
    wish: str
    process: str
    invoked_at: float
    ended_at: float | None = None
    outcome: Outcome = Outcome.INVOKED
    status: int | None = None
    appointment: str | None = None

    def __str__(self) -> str:
        took = f"{self.ended_at - self.invoked_at:.3f} s" if self.ended_at else "never ended"
        when = time.strftime("%H:%M:%S", time.gmtime(self.invoked_at)) + f".{int(self.invoked_at % 1 * 1000):03}"
        answer = f"{self.outcome} {self.status or ''}".strip()
        return f"{when} #{self.number} {self.action} {self.wish} at {self.process} → {answer} ({took})"


class History:
    """Written line by line as it happens, so that it survives whoever writes it."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self._operations: list[Operation] = []

    @property
    def operations(self) -> list[Operation]:
        with self._lock:
            return list(self._operations)

    def invoke(self, action: Action, *, key: str, wish: str, process: str, appointment: str | None) -> Operation:
        with self._lock:
            operation = Operation(
                len(self._operations), action, key, wish, process, time.time(), appointment=appointment
            )
            self._operations.append(operation)
            self._write(operation)
        return operation

    def end(
        self, operation: Operation, outcome: Outcome, *, status: int | None = None, appointment: str | None = None
    ) -> Operation:
        ended = replace(
            operation,
            ended_at=time.time(),
            outcome=outcome,
            status=status,
            appointment=appointment or operation.appointment,
        )
        with self._lock:
            self._operations[operation.number] = ended
            self._write(ended)
        return ended

    def close(self) -> None:
        self._file.close()

    def _write(self, operation: Operation) -> None:
        self._file.write(json.dumps(asdict(operation)) + "\n")
        self._file.flush()
