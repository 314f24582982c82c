"""Which request or event the running code belongs to: carried from HTTP through events to the mail."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

# version - trace id - parent span id - flags, see W3C Trace Context
_FLAGS = "01"


@dataclass(frozen=True, slots=True)
class Trace:
    """`correlation_id` stays the same for everything that one request brings about."""

    service: str
    correlation_id: str
    trace_id: str

    def child(self) -> str:
        """A `traceparent` for what goes out from here."""
        return f"00-{self.trace_id}-{_random_hex(64)}-{_FLAGS}"


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)
_service = "amtstermin"


def set_service(name: str) -> None:
    """Names this process once, at start."""
    global _service
    _service = name


def service() -> str:
    return _service


def current() -> Trace:
    return _current.get() or new()


def current_or_none() -> Trace | None:
    return _current.get()


def new(*, correlation_id: str | None = None, traceparent: str | None = None) -> Trace:
    """A trace that continues `traceparent` where it is well formed, else begins one."""
    trace_id = _trace_id(traceparent) or _random_hex(128)
    return Trace(service=_service, correlation_id=correlation_id or trace_id, trace_id=trace_id)


@contextmanager
def within(trace: Trace) -> Iterator[Trace]:
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


def _random_hex(bits: int) -> str:
    """These ids are no secrets: asking the kernel for each would cost more than all else here."""
    return f"{random.getrandbits(bits):0{bits // 4}x}"


def _trace_id(traceparent: str | None) -> str | None:
    parts = (traceparent or "").split("-")
    if len(parts) != 4 or len(parts[1]) != 32 or parts[1] == "0" * 32:
        return None
    return parts[1] if all(c in "0123456789abcdef" for c in parts[1]) else None
