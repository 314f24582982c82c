"""JSON logs: constant message, fields apart, the correlation id on every line, never personal data."""

import logging
import sys
import traceback
from typing import Any

import structlog

from shared import tracing


def configure_logging(*, service: str, level: str) -> None:
    """One JSON object per line on standard output, the libraries' lines included."""
    tracing.set_service(service)
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    structlog.configure(
        processors=[
            *processors,
            structlog.processors.ExceptionRenderer(_where),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors, processor=structlog.processors.JSONRenderer()
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _where(exc_info: Any) -> str:
    """Kind and place of an exception and of what caused it; never its message, which may quote a person's data."""
    parts, error = [], exc_info[1]
    while error is not None:
        frames = traceback.format_list(traceback.extract_tb(error.__traceback__))
        parts.append(f"{type(error).__module__}.{type(error).__qualname__}\n{''.join(frames)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "caused by ".join(parts)


def get_logger() -> Any:
    return structlog.get_logger()


def _add_trace(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    trace = tracing.current_or_none()
    event["service"] = tracing.service()
    if trace:
        event["correlation_id"] = trace.correlation_id
        event["trace_id"] = trace.trace_id
    return event
