"""The table for people and `bench/results/latest.json` for programs."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.measuring import Figure
from bench.memory import MOST_MIB, Memory
from bench.stage import Stage

LATEST = Path(__file__).parent / "results" / "latest.json"
_LIBRARIES = (
    "aio-pika",
    "aiosmtplib",
    "fastapi",
    "faststream",
    "motor",
    "pydantic",
    "pymongo",
    "uvicorn",
    "uvloop",
)
_HEADER = ("figure", "unit", "program", "limit", "ratio", "to reach", "p50 ms", "p99 ms", "")


def machine(stage: Stage, *, load_before: float) -> dict[str, Any]:
    """What the figures were measured on; nothing that names the machine."""
    with stage.database() as client:
        mongodb = client.server_info()["version"]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "load_average_before": load_before,
        "load_average_after": round(os.getloadavg()[0], 2),
        "versions": {
            "python": platform.python_version(),
            "mongodb": mongodb,
            "rabbitmq": stage.stack.rabbitmq.ctl("version").strip(),
            **{name: version(name) for name in _LIBRARIES},
        },
    }


def table(figures: Sequence[Figure], memory: Memory | None) -> str:
    rows = [_HEADER, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
    if memory:
        lines += ["", *_memory_lines(memory)]
    notes = [note for figure in figures for note in figure.notes]
    return "\n".join([*lines, "", *notes]).rstrip()


def write(figures: Sequence[Figure], memory: Memory | None, facts: Mapping[str, Any]) -> None:
    measured: dict[str, Any] = {figure.name: _json(figure) for figure in figures}
    if memory:
        measured["memory"] = {"by_service_mib": memory.by_service_mib}
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps({"figures": measured, "machine": facts}, indent=2) + "\n")


def _json(figure: Figure) -> dict[str, Any]:
    return {
        "value": round(figure.value, 1),
        "limit": round(figure.limit, 1),
        "ratio": round(figure.ratio, 3),
        "p50_ms": figure.p50_ms and round(figure.p50_ms, 1),
        "p99_ms": figure.p99_ms and round(figure.p99_ms, 1),
        **({"times_slower": round(figure.times_slower[0], 2)} if figure.times_slower else {}),
    }


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name,
        figure.unit,
        f"{figure.value:,.0f}",
        f"{figure.limit:,.0f}",
        f"{figure.ratio:.2f}",
        _asked(figure),
        _ms(figure.p50_ms),
        _ms(figure.p99_ms),
        "ok" if figure.reached else "missed",
    )


def _asked(figure: Figure) -> str:
    asked = f"≥ {figure.target}"
    if figure.within_ms:
        asked += f", {figure.within_ms[0]} < {figure.within_ms[1]:.0f} ms"
    if figure.times_slower:
        asked += ", {:.2f} × slower ≤ {}".format(*figure.times_slower)
    return asked


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Text to the left, numbers to the right."""
    text = {0, 1, 5, 8}
    return [c.ljust(w) if n in text else c.rjust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True))]


def _memory_lines(memory: Memory) -> list[str]:
    return [_memory_line(service, mib) for service, mib in memory.by_service_mib.items()]


def _memory_line(service: str, mib: float) -> str:
    most = MOST_MIB[service]
    return f"memory  {service:<14}{mib:>5.0f} MiB  ≤ {most}  {'ok' if mib <= most else 'missed'}"
