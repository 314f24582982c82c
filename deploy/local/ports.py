"""Ports on 127.0.0.1 that stay the same from one start to the next where they are still free."""

import json
import os
import random
import socket
from pathlib import Path

from shared.setup import Trouble

# Below the range from which the kernel gives ports to outgoing connections: else a client that keeps calling
# a stopped server could be given that server's port.
_FIRST, _LAST = 15_000, 31_999
# As "15000-20000", for programs that start servers side by side and must not choose the same port.
RANGE_VARIABLE = "PORT_RANGE"


def ports_to_choose_from() -> tuple[int, int]:
    """First and last."""
    first, _, last = os.environ.get(RANGE_VARIABLE, f"{_FIRST}-{_LAST}").partition("-")
    return int(first), int(last)


def share_of_ports(number: int, *, of: int) -> str:
    """The value of RANGE_VARIABLE for the program `number`, counted from 0."""
    each = (_LAST + 1 - _FIRST) // of
    return f"{_FIRST + number * each}-{_FIRST + (number + 1) * each - 1}"


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
        first, last = ports_to_choose_from()
        for _ in range(1000):
            port = random.randint(first, last)  # noqa: S311 - a port, not a secret
            if port not in taken and is_free(port):
                return port
        raise Trouble(f"No free port between {first} and {last} on 127.0.0.1: stop programs that listen there.")
