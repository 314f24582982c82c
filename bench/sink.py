"""`python -m bench.sink <port> <folder>`: an SMTP server that takes everything at once and says when.

Each mail adds a line to `<folder>/taken`: the time (of the monotonic clock, which all processes share) and the
recipient. `VRFY` writes the newest message to `<folder>/newest.eml`.
"""

import asyncio
import sys
import time
from io import FileIO
from pathlib import Path
from typing import ClassVar, cast

import uvloop

from bench.processes import collect_garbage_rarely

_ANSWERS = {
    b"EHLO": b"250-bench\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}
_OK = b"250 ok\r\n"
_END = b"\r\n.\r\n"


class Sink(asyncio.Protocol):
    folder: ClassVar[Path]
    taken: ClassVar[FileIO]
    newest: ClassVar[bytes] = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._write = cast(asyncio.WriteTransport, transport).write
        self._buffer = b""
        self._recipient = b""
        self._in_data = False
        self._write(b"220 bench\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._take_mail() if self._in_data else self._take_line():
            pass

    def _take_line(self) -> bool:
        line, found, rest = self._buffer.partition(b"\r\n")
        if not found:
            return False
        self._buffer = rest
        verb = line[:4].upper()
        if verb == b"RCPT":
            self._recipient = line[line.index(b"<") + 1 : line.index(b">")]
        if verb == b"VRFY":
            (self.folder / "newest.eml").write_bytes(Sink.newest)
        self._in_data = verb == b"DATA"
        self._write(_ANSWERS.get(verb, _OK))
        return True

    def _take_mail(self) -> bool:
        mail, found, rest = self._buffer.partition(_END)
        if not found:
            return False
        self._buffer, self._in_data = rest, False
        Sink.newest = mail + b"\r\n"
        self.taken.write(b"%.6f %b\n" % (time.monotonic(), self._recipient))
        self._write(_OK)
        return True


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    await server.serve_forever()


def main(port: int, folder: Path) -> None:
    collect_garbage_rarely()
    folder.mkdir(parents=True, exist_ok=True)
    Sink.folder = folder
    with FileIO(folder / "taken", "a") as Sink.taken:
        uvloop.run(_serve(port))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
