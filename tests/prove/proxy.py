"""A TCP proxy that breaks connections on purpose: delay, throttle, cut, half-open, refused.

`python -m tests.prove.proxy <listen port> <target port> [--delay s] [--throttle bytes/s] [--half-open]` runs one
by hand; tests start it in their own process and change its weather while it runs.
"""

import argparse
import asyncio
import queue
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Self

import uvloop

_CHUNK = 65536
_LOOK_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class Weather:
    """How the connections are: `delay` in seconds for each chunk, `throttle` in bytes a second (0: none).

    `half_open` holds everything back and closes nothing, as a network does that loses all packets; what is held
    goes on when it ends. `refused` resets new connections at once.
    """

    delay: float = 0.0
    throttle: int = 0
    half_open: bool = False
    refused: bool = False


FAIR = Weather()


class Proxy:
    """Between `127.0.0.1:port` and a target port on the same host, on a thread of its own.

    `refusals` gets an entry for each connection that was refused.
    """

    def __init__(self, *, target: int, port: int = 0) -> None:
        self.port = port
        self.weather = FAIR
        self.refusals: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._target = target
        self._loop = uvloop.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._started = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._thread.start()
        if not self._started.wait(10):
            raise RuntimeError(f"the proxy does not listen on port {self.port}")

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)

    def cut(self) -> None:
        """Resets every connection that is open now."""
        self._loop.call_soon_threadsafe(self._cut)

    @contextmanager
    def in_weather(self, weather: Weather) -> Iterator[None]:
        self.weather = weather
        try:
            yield
        finally:
            self.weather = FAIR

    def _cut(self) -> None:
        for writer in list(self._writers):
            _reset(writer)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        self._cut()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.weather.refused:
            self.refusals.put(None)
            _reset(writer)
            return
        try:
            there, out = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _reset(writer)
            return
        self._writers |= {writer, out}
        try:
            await asyncio.gather(self._pump(reader, out), self._pump(there, writer))
        finally:
            self._writers -= {writer, out}
            for end in (writer, out):
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, RuntimeError):  # uvloop says so of a transport that has closed
            while data := await reader.read(_CHUNK):
                await self._hold_up(len(data))
                writer.write(data)
                await writer.drain()
            await self._hold_up(0)
            # One end has closed: what the other still says goes through, then it ends as well.
            if writer.can_write_eof():
                writer.write_eof()
                return
        writer.transport.abort()

    async def _hold_up(self, size: int) -> None:
        weather = self.weather
        pause = weather.delay + (size / weather.throttle if weather.throttle else 0)
        if pause:
            await asyncio.sleep(pause)
        while self.weather.half_open:  # noqa: ASYNC110 (changed from another thread)
            await asyncio.sleep(_LOOK_AGAIN_S)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection as a lost host does: without lingering the kernel says RST, not FIN."""
    end: socket.socket | None = writer.get_extra_info("socket")
    if end is not None:  # uvloop says None of a transport that has closed
        with suppress(OSError, RuntimeError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.prove.proxy", description=__doc__)
    parser.add_argument("listen", type=int, help="port to listen on")
    parser.add_argument("target", type=int, help="port to lead to")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds for each chunk")
    parser.add_argument("--throttle", type=int, default=0, help="bytes a second")
    parser.add_argument("--half-open", action="store_true", help="hold everything back, close nothing")
    given = parser.parse_args()
    with Proxy(target=given.target, port=given.listen) as proxy:
        proxy.weather = Weather(delay=given.delay, throttle=given.throttle, half_open=given.half_open)
        print(f"127.0.0.1:{proxy.port} → 127.0.0.1:{given.target}; Ctrl-C ends it", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
