"""Clients who never finish what they began, at a real server of the services' kind."""

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing

import pytest
import uvicorn
from fastapi import FastAPI, Request

from shared import http
from shared.http import LARGEST_BODY, Health, create_app
from shared.http_protocol import LARGEST_HEAD, BoundedHeads
from tests.waiting import eventually

HEAD = b"POST /echo HTTP/1.1\r\nHost: here\r\n"
PORT = int


class Impatient(BoundedHeads):
    head_within = 0.3


@asynccontextmanager
async def nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


@pytest.fixture
def port() -> Iterator[PORT]:
    health, larger = Health(required={}, degrading={}), {"/large/": 2 * LARGEST_BODY}
    app = create_app(title="t", description="t", health=health, lifespan=nothing, larger_bodies=larger)

    @app.post("/large/echo")
    @app.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    config = uvicorn.Config(app, port=0, loop="uvloop", http=Impatient, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started, what="the server")
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)


def talk(port: PORT, *parts: bytes, every: float = 0.0) -> bytes:
    """What the server says to these parts, one `every` so many seconds, until it closes."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as connection:
        for part in parts:
            try:
                connection.sendall(part)
            except OSError:
                break
            time.sleep(every)
        return _all_from(connection)


def _all_from(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while received := connection.recv(65536):
            answer += received
    except ConnectionResetError:
        return answer
    return answer


def test_a_head_that_does_not_end_in_time_is_answered_408(port: PORT) -> None:
    """Seen to fail with uvicorn's own protocol: the connection stayed open."""
    assert talk(port, HEAD, b"X", b"-", b"Slow", every=0.05).startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_says_nothing_is_closed(port: PORT) -> None:
    """Seen to fail with uvicorn's own protocol: the connection stayed open."""
    assert talk(port) == b""


def test_a_head_without_end_is_not_kept_in_memory(port: PORT) -> None:
    """Seen to fail with uvicorn's own protocol: all of it was taken."""
    pieces = [b"a" * 100_000] * 100

    answer = talk(port, HEAD + b"X-Long: ", *pieces)

    assert answer[:13] in (b"", b"HTTP/1.1 431 ")


def test_a_long_head_in_pieces_is_served(port: PORT) -> None:
    long = b"X-Long: " + b"a" * (LARGEST_HEAD // 2) + b"\r\n"

    answer = talk(port, HEAD, long, b"Connection: close\r\nContent-Length: 3\r\n\r\n", b"abc", every=0.02)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"3")


def test_a_kept_connection_serves_one_request_after_another(port: PORT) -> None:
    request = HEAD + b"Content-Length: 1\r\n\r\nx"
    last = request.replace(b"Host", b"Connection: close\r\nHost")

    answer = talk(port, request, request + request, last, every=0.2)

    assert answer.count(b"HTTP/1.1 200 ") == 4


def test_a_body_that_trickles_is_answered_408(port: PORT, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen to fail while every timeout was answered as a database that is away: 503."""
    monkeypatch.setattr(http, "_LONGEST_REQUEST_S", 0.2)

    answer = talk(port, HEAD + b"Content-Length: 100\r\n\r\n", *[b"x"] * 20, every=0.05)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"request-too-slow" in answer


def test_what_trickles_in_after_an_early_answer_ends_the_connection(port: PORT) -> None:
    """Seen to fail with uvicorn's own protocol: each byte gave it another five seconds."""
    late = b"POST /nowhere HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n"

    answer = talk(port, late, *[b"x"] * 20, every=0.05)

    assert answer.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        (b"/echo", LARGEST_BODY, b"200"),
        (b"/echo", LARGEST_BODY + 1, b"413"),
        (b"/large/echo", LARGEST_BODY + 1, b"200"),
        (b"/large/echo", 2 * LARGEST_BODY + 1, b"413"),
    ],
)
def test_a_path_that_takes_more_takes_no_more_than_it_says(
    port: PORT, path: bytes, size: int, status: bytes
) -> None:
    """Seen to fail with one limit for all paths."""
    head = b"POST %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (path, size)
    assert talk(port, head, b"x" * size).startswith(b"HTTP/1.1 " + status)
