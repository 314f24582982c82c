"""The bench's own helper programs, garbage collection, and how much memory a process has taken."""

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.ports import answers
from deploy.local.process import Process


class Helper(Process):
    """`python -m bench.<program> <port> <arguments…>`; ready when it listens."""

    def __init__(self, *, program: str, port: int, arguments: Sequence[str | Path], log: Path) -> None:
        super().__init__(name=program, log=log)
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", f"bench.{program}", str(port), *arguments]

    def command(self) -> Sequence[str | Path]:
        return self._command

    def ready(self) -> bool:
        return answers(self.port)


def collect_garbage_rarely() -> None:
    """As the services do: a limit must not be lower for want of it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def peak_kib(pid: int) -> int:
    """`VmHWM` of a process and of all that it started; 0 for one that has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        tasks = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    own = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)
    return own + sum(peak_kib(int(child)) for children in tasks for child in children.split())
