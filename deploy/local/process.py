"""One program as a child process: started, waited for, stopped, killed, frozen; its output goes to a log file."""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from shared.setup import Trouble

ROOT = Path(__file__).parents[2]

# Whatever way this process ends, even by SIGKILL, its children must not stay behind. The guard reads "+pid" and
# "-pid" from a pipe; at the pipe's end it stops the process groups that are still there.
_GUARD = """
import os, signal, sys, time
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
def signal_all(number):
    for group in sorted(groups):
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            groups.discard(group)
signal_all(signal.SIGCONT)
signal_all(signal.SIGTERM)
for _ in range(100):
    if not groups:
        break
    time.sleep(0.1)
    signal_all(0)
signal_all(signal.SIGKILL)
"""


class _Guard:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None

    def tell(self, sign: str, pid: int) -> None:
        with self._lock:
            if self._child is None:
                self._child = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _GUARD],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    text=True,
                    start_new_session=True,
                )
                atexit.register(self._close)
            assert self._child.stdin
            self._child.stdin.write(f"{sign}{pid}\n")
            self._child.stdin.flush()

    def _close(self) -> None:
        if self._child and self._child.stdin:
            self._child.stdin.close()
            self._child.wait()


_guard = _Guard()


class Process:
    """A program that is started and ended by us. Subclasses say what is run and when it is ready."""

    stop_within = 10.0
    start_within = 60.0
    # Where it runs: the code of another version may lie in another folder.
    folder: Path = ROOT

    def __init__(self, *, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self.exit_code: int | None = None
        self._child: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        return {}

    def ready(self) -> bool:
        """Whether it can do its work; asked again and again while it starts."""
        return True

    @property
    def pid(self) -> int:
        if self._child is None:
            raise Trouble(f"{self.name} has not been started.")
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Starts the program and returns at once; `wait_until_ready` waits."""
        if self.running:
            raise Trouble(f"{self.name} runs already (process {self.pid}).")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                [str(part) for part in self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment()},
                cwd=self.folder,
                start_new_session=True,
            )
        _guard.tell("+", self._child.pid)

    def wait_until_ready(self, timeout: float | None = None) -> None:
        deadline = time.monotonic() + (timeout or self.start_within)
        while not self.ready():
            if not self.running:
                self._forget()
                words = self._last_words()
                raise Trouble(f"{self.name} stopped while starting (exit code {self.exit_code}): {words}")
            if time.monotonic() > deadline:
                raise Trouble(f"{self.name} is not ready after {self.start_within:.0f} s: {self._last_words()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Asks it to end and waits; ends it by force where it does not listen."""
        if self._child is None or not self.running:
            return self._forget()
        self._signal(signal.SIGTERM)
        self.thaw()
        try:
            self._child.wait(self.stop_within)
            self._signal_group(signal.SIGKILL)  # what it started and left behind
        except subprocess.TimeoutExpired:
            self.kill()
        return self._forget()

    def kill(self) -> None:
        """As `kill -9` does: no chance to tidy up. The processes it started itself go with it."""
        if self._child is not None and self.running:
            self._signal_group(signal.SIGKILL)
            self._child.wait()
        self._forget()

    def freeze(self) -> None:
        """Stops it in mid-air: connections stay open, nothing answers."""
        self._signal_group(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_group(signal.SIGCONT)

    def restart(self) -> None:
        self.stop()
        self.start()
        self.wait_until_ready()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def _signal_group(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def _forget(self) -> None:
        if self._child is not None:
            _guard.tell("-", self._child.pid)
            self.exit_code = self._child.returncode
            self._child = None

    def _last_words(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return f"{lines[-1].strip()[:300] if lines else 'it said nothing'} (log: {self.log})"
