"""Ports on 127.0.0.1 that stay the same from one start to the next where they are still free."""

import json
import random
import socket
from pathlib import Path

from shared.setup import Trouble

# Below the range from which the kernel gives ports to outgoing connections: else a client that keeps calling
# a stopped server could be given that server's port.
_FIRST, _LAST = 15_000, 31_999


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Ports:
    """Gives each name one port; `file` remembers them, `fixed` are those that a person asked for."""

    def __init__(self, *, file: Path, fixed: dict[str, int] | None = None) -> None:
        self._file = file
        self._fixed = fixed or {}
        self._known: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        self._given: dict[str, int] = {}

    def of(self, name: str) -> int:
        """The same port as before for a name asked for again, whoever listens there by now."""
        if name not in self._given:
            self._given[name] = self._choose(name)
            self._known[name] = self._given[name]
            self._file.write_text(json.dumps(self._known, indent=1))
        return self._given[name]

    def _choose(self, name: str) -> int:
        if name in self._fixed:
            port = self._fixed[name]
            if not is_free(port):
                raise Trouble(
                    f"Port {port} for {name} is taken by another program: stop that one, "
                    f"or set {name.upper()}_PORT to another port."
                )
            return port
        known = self._known.get(name)
        if known and known not in self._given.values() and is_free(known):
            return known
        taken = {*self._known.values(), *self._given.values(), *self._fixed.values()}
        for _ in range(1000):
            port = random.randint(_FIRST, _LAST)  # noqa: S311 - a port, not a secret
            if port not in taken and is_free(port):
                return port
        raise Trouble(f"No free port between {_FIRST} and {_LAST} on 127.0.0.1: stop programs that listen there.")
