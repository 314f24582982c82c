"""An SMTP server for thousands of mails: it takes everything at once and keeps nothing but the Message-IDs."""

import asyncio
import re
import threading
from typing import ClassVar, cast

_ANSWERS = {b"EHLO": b"250-test\r\n250 SMTPUTF8\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}
_END = b"\r\n.\r\n"
_REFERENCE = re.compile(rb"^Message-ID: <(.+)@", re.MULTILINE)


class _Lean(asyncio.Protocol):
    references: ClassVar[list[str]]
    connections: ClassVar[list[asyncio.BaseTransport]]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:

        self.connections.append(transport)
        self._write = cast(asyncio.WriteTransport, transport).write
        self._buffer = b""
        self._in_data = False
        self._write(b"220 test\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._take():
            pass

    def _take(self) -> bool:
        part, found, rest = self._buffer.partition(_END if self._in_data else b"\r\n")
        if not found:
            return False
        self._buffer = rest
        if self._in_data:
            reference = _REFERENCE.search(part)
            self.references.append(reference[1].decode() if reference else "")
            self._in_data = False
            self._write(b"250 kept\r\n")
        else:
            self._in_data = part[:4].upper() == b"DATA"
            self._write(_ANSWERS.get(part[:4].upper(), b"250 ok\r\n"))
        return True


class LeanMailbox:
    """On a thread of its own. `references` are the Message-IDs in the order in which mails were taken over."""

    def __init__(self, *, port: int) -> None:
        self.port = port
        self.references: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._open = threading.Event()

    def open(self) -> None:
        self._thread.start()
        assert self._open.wait(5)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        connections: list[asyncio.BaseTransport] = []
        protocol = type("Lean", (_Lean,), {"references": self.references, "connections": connections})
        server = self._loop.run_until_complete(self._loop.create_server(protocol, "127.0.0.1", self.port))
        self._open.set()
        self._loop.run_forever()
        server.close()
        for connection in connections:
            connection.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
