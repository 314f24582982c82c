"""The fault proxy does to connections what its weather says, and lets them be in fair weather."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.prove.proxy import FAIR, Proxy, Weather


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with Proxy(target=echo) as between:
        yield between


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def ask(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    answer = b""
    while len(answer) < len(text) and (data := connection.recv(65536)):
        answer += data
    return answer


def test_fair_weather_changes_nothing(proxy: Proxy) -> None:
    with closing(connect(proxy)) as connection:
        assert ask(connection, b"x" * 300_000) == b"x" * 300_000


def test_delay_holds_up_each_way(proxy: Proxy) -> None:
    with closing(connect(proxy)) as connection, proxy.in_weather(Weather(delay=0.2)):
        began = time.monotonic()
        assert ask(connection, b"hello") == b"hello"

    assert time.monotonic() - began >= 0.4


def test_throttle_lets_so_many_bytes_a_second_through(proxy: Proxy) -> None:
    with closing(connect(proxy)) as connection, proxy.in_weather(Weather(throttle=200_000)):
        began = time.monotonic()
        assert len(ask(connection, b"x" * 100_000)) == 100_000

    assert time.monotonic() - began >= 0.5


def test_half_open_says_nothing_and_goes_on_afterwards(proxy: Proxy) -> None:
    with closing(connect(proxy)) as connection:
        assert ask(connection, b"before") == b"before"
        proxy.weather = Weather(half_open=True)
        connection.sendall(b"meanwhile")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(100)
        proxy.weather = FAIR
        connection.settimeout(10)
        assert connection.recv(100) == b"meanwhile"


def test_cut_resets_open_connections_and_lets_new_ones_in(proxy: Proxy) -> None:
    with closing(connect(proxy)) as connection:
        assert ask(connection, b"before") == b"before"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            assert connection.recv(100), "closed instead of reset"
    with closing(connect(proxy)) as another:
        assert ask(another, b"after") == b"after"


def test_refused_resets_new_connections(proxy: Proxy) -> None:
    refused = pytest.raises((ConnectionResetError, BrokenPipeError))
    with proxy.in_weather(Weather(refused=True)), refused, closing(connect(proxy)) as connection:
        assert ask(connection, b"hello"), "closed instead of reset"


def test_an_end_of_one_side_reaches_the_other(proxy: Proxy) -> None:
    with closing(connect(proxy)) as connection:
        connection.sendall(b"last words")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b"last words"
        assert connection.recv(100) == b""
