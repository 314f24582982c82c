"""HTTP/1.1 from the socket on: a head that does not come in time, or does not end, ends its connection.

uvicorn alone waits for ever and keeps in memory whatever comes: a few clients could take all of it.
"""

from asyncio import BaseTransport, TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# What one read brings at once is not counted; the event loop reads 256 KiB at most.
LARGEST_HEAD = 64 * 1024


class BoundedHeads(HttpToolsProtocol):
    """`head_within` is how many seconds a client has for a head, from connecting or from its first byte on."""

    head_within = 10.0

    _timer: TimerHandle | None = None
    _size = 0
    _begun = False

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_expecting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._timer is None and (self.cycle is None or self.cycle.response_complete):
            # The next request, or what an answer given early left unread: neither may go on for ever.
            self._expect_head()
        super().data_received(data)
        if self._timer is not None:
            self._size += len(data)
            if self._size > LARGEST_HEAD:
                self._refuse("431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        self._begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stop_expecting()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._size, self._begun = 0, False
        self._timer = self.loop.call_later(self.head_within, self._too_slow)

    def _stop_expecting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._refuse("408 Request Timeout")

    def _refuse(self, status: str) -> None:
        self._stop_expecting()
        if self.transport.is_closing():
            return
        if self._begun:
            answer = f"HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(answer.encode())
        self.transport.close()
