"""HTTP as nobody should speak it: broken, slow, and too much of it."""

import gzip
import json
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from deploy.local.stack import Service
from shared.http import LARGEST_BODY
from tests.prove.faults import probe
from tests.prove.probes.client import Person, at_once
from tests.prove.world import World
from tests.waiting import eventually

_SLOW_CONNECTIONS = 50
# A head has 10 s, a whole request 8 s; a loaded machine may be late.
_SLOW_CLOSED_WITHIN_S = 20.0
_ANSWER_WITHIN_S = 8.0
_MOST_GROWTH_MIB = 40
_MUCH = 20_000_000
_AT_ONCE = 4

_HOST = b"Host: office.example\r\n"
_POST = b"POST /v1/appointments HTTP/1.1\r\n" + _HOST
_LIVE = b"GET /health/live HTTP/1.1\r\n" + _HOST

_MALFORMED: dict[str, bytes] = {
    "noise": bytes(range(256)) + b"\r\n\r\n",
    "TLS": bytes.fromhex("16030100a5010000a10303") + b"x" * 160,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method nobody knows": b"BREW /pot HTTP/1.1\r\n" + _HOST + b"\r\n",
    "a long method": b"A" * 5000 + b" / HTTP/1.1\r\n" + _HOST + b"\r\n",
    "a path in other letters": b"GET /\xff\xfe HTTP/1.1\r\n" + _HOST + b"\r\n",
    "a path with a space": b"GET /a b HTTP/1.1\r\n" + _HOST + b"\r\n",
    "line feeds alone": b"GET /health/live HTTP/1.1\nHost: x\n\n",
    "a folded header": _LIVE + b"X-A: a\r\n b\r\n\r\n",
    "a space before the colon": b"GET /health/live HTTP/1.1\r\nHost : x\r\n\r\n",
    "NUL in a header": _LIVE + b"X: a\x00b\r\n\r\n",
    "CR in a header": _LIVE + b"X: a\rY: b\r\n\r\n",
    "both lengths": _POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, by a tab": _POST + b"Transfer-Encoding:\tchunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nX",
    "two lengths": _POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "a negative length": _POST + b"Content-Length: -1\r\n\r\n",
    "a signed length": _POST + b"Content-Length: +4\r\n\r\nabcd",
    "a length beyond numbers": _POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "an unknown coding": _POST + b"Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    "chunked, not last": _POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "almost chunked": _POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a chunk of no size": _POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n",
    "a chunk beyond numbers": _POST + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc\r\n",
}


@probe(33, "broken, slow and pipelined HTTP", expected="400, 408 or closed, everybody else is served")
def malformed(world: World, chance: Random) -> str:
    """Seen to fail with uvicorn's own protocol: slow connections stayed open."""
    services = [service for kind in ("booking", "notification", "reporting") for service in world.of_kind(kind)]
    pids = {service.name: service.pid for service in services}
    with ExitStack() as open_ones:
        slow = [
            open_ones.enter_context(_slow(world.service("booking"), number)) for number in range(_SLOW_CONNECTIONS)
        ]
        began = time.monotonic()
        answers = Counter(
            _assert_refused(service, name, raw) for service in services for name, raw in _MALFORMED.items()
        )
        _assert_in_order(world.service("booking"))
        longest = _book_while_slow(world, chance, slow)
        ends = _trickle_until_closed(slow)
        lasted = time.monotonic() - began
    assert pids == {service.name: service.pid for service in services}, "a process ended"
    assert set(ends) <= {b"408", b""}, f"slow requests ended with {ends}"
    return (
        f"{len(_MALFORMED)} kinds at {len(services)} processes: {answers.total()} refused; {len(slow)} slow "
        f"connections cut within {lasted:.0f} s ({ends[b'408']} told 408), meanwhile no answer took over "
        f"{longest:.1f} s"
    )


def _assert_refused(service: Service, name: str, raw: bytes) -> bytes:
    answer = _talk(service, [raw])
    status = _status(answer)
    assert status in (b"400", b""), f"{service.name} answers {name} with {answer[:60]!r}"
    assert answer.count(b"HTTP/1.1 ") <= 1, f"{service.name} takes {name} for two requests"
    return status


def _assert_in_order(service: Service) -> None:
    """Three requests in one piece get three answers, in their order."""
    paths = (b"/health/live", b"/v1/offices", b"/nowhere")
    raw = b"".join(b"GET " + path + b" HTTP/1.1\r\n" + _HOST + b"\r\n" for path in paths[:2])
    last = b"GET /nowhere HTTP/1.1\r\nConnection: close\r\n" + _HOST + b"\r\n"
    statuses = re.findall(rb"HTTP/1\.1 (\d+)", _talk(service, [raw + last]))
    assert statuses == [b"200", b"200", b"404"], f"pipelined requests are answered {statuses}"


@dataclass(slots=True)
class _Slow:
    """A request of which `piece` comes again and again."""

    connection: socket.socket
    piece: bytes
    answer: bytes = b""
    closed: bool = False

    def trickle(self) -> None:
        with suppress(BlockingIOError):
            try:
                self.connection.send(self.piece)
                received = self.connection.recv(4096)
            except ConnectionError:
                received = b""
            self.answer += received
            self.closed = not received


_SLOW = (
    (_LIVE + b"X-Slow: ", b"x"),
    (_POST + b"Content-Type: application/json\r\nContent-Length: 20000\r\n\r\n{", b" "),
    (b"", b""),
)


@contextmanager
def _slow(service: Service, number: int) -> Iterator[_Slow]:
    """In turn one whose head does not end, one whose body does not, and one that says nothing at all."""
    begin, piece = _SLOW[number % len(_SLOW)]
    with closing(socket.create_connection(("127.0.0.1", service.port), timeout=5)) as connection:
        connection.sendall(begin)
        connection.setblocking(False)
        yield _Slow(connection, piece)


def _book_while_slow(world: World, chance: Random, slow: Iterable[_Slow]) -> float:
    """Somebody books at the very process that the slow ones hold on to; the seconds of the longest answer."""
    longest = 0.0
    for _ in range(3):
        for one in slow:
            one.trickle()
        with Person(world, chance) as person:
            person.hold_any(chance)
            longest = max(longest, person.slowest)
            assert person.cancel().status_code == 200, "a hold could not be given back"
    assert longest < _ANSWER_WITHIN_S, f"an answer took {longest:.1f} s while others were slow"
    return longest


def _trickle_until_closed(slow: list[_Slow]) -> Counter[bytes]:
    """How many ended with which status; none where they were just closed."""

    def all_closed() -> bool:
        for one in slow:
            if not one.closed:
                one.trickle()
        return all(one.closed for one in slow)

    eventually(all_closed, within=_SLOW_CLOSED_WITHIN_S, what="an end of every slow connection")
    return Counter(_status(one.answer) for one in slow)


@probe(34, "far too much in one request", expected="413, 431 or 400 before it is held, memory stays flat")
def too_much(world: World, chance: Random) -> str:
    """Seen to fail with uvicorn's own protocol: a process grew by 153 MiB."""
    services = [*world.of_kind("booking"), *world.of_kind("reporting")]
    before = {service.name: _memory_mib(service) for service in services}
    grown: dict[str, float] = {}
    answers: Counter[bytes] = Counter()
    for name, pieces in _EXCESSES.items():
        told = at_once([partial(_talk_new, service, pieces) for service in services * _AT_ONCE])
        statuses = Counter(_status(answer) for answer in told)
        assert statuses.keys() <= _REFUSED, f"{name} is answered {dict(statuses)}"
        answers += statuses
        for service in services:
            more = _memory_mib(service) - before[service.name]
            grown[service.name] = max(more, grown.get(service.name, 0.0))
    most = max(grown.values())
    assert most < _MOST_GROWTH_MIB, f"memory grew by {grown} MiB"
    with Person(world, chance) as person:
        person.hold_any(chance)
        assert person.cancel().status_code == 200, "a hold could not be given back"
    listed = ", ".join(f"{count} × {status.decode() or 'cut'}" for status, count in sorted(answers.items()))
    return (
        f"{len(_EXCESSES)} kinds, {_AT_ONCE} at once at each of {len(services)} processes: {listed}; "
        f"memory grew by {most:.0f} MiB at most"
    )


_REFUSED = {b"400", b"404", b"413", b"422", b"431", b""}
_JSON = _POST + b"Content-Type: application/json\r\n"
_FORM = b"POST /confirm/e4998c24-5832-8382-8e4d-1b78be2067b8 HTTP/1.1\r\n" + _HOST
_CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def _endless(begin: bytes, piece: bytes = b"a" * 65536, *, end: int = _MUCH) -> Iterator[bytes]:
    """`begin` and then so much of `piece` that nobody should take all of it."""
    yield begin
    for _ in range(end // len(piece)):
        yield piece


def _whole(head: bytes, body: bytes) -> Iterator[bytes]:
    yield head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _fields(number: int) -> bytes:
    return json.dumps({f"field_{n}": n for n in range(number)}).encode()


def _parts(number: int) -> bytes:
    part = b'--b\r\nContent-Disposition: form-data; name="s"\r\n\r\n\r\n'
    return part * number + b"--b--\r\n"


_EXCESSES: dict[str, Callable[[], Iterator[bytes]]] = {
    "a gigabyte that is declared": lambda: _endless(_JSON + b"Content-Length: 1000000000\r\n\r\n"),
    "a body without end": lambda: _endless(_JSON + _CHUNKED, b"10000\r\n" + b"a" * 65536 + b"\r\n"),
    "a body of single bytes": lambda: _endless(_JSON + _CHUNKED, b"1\r\na\r\n" * 1000, end=1_000_000),
    "a zip bomb": lambda: _whole(_JSON + b"Content-Encoding: gzip\r\n", gzip.compress(b"0" * _MUCH)),
    "100,000 JSON fields": lambda: _whole(_JSON, _fields(100_000)),
    "JSON fields up to the limit": lambda: _whole(_JSON, _fields(3_000)),
    "deep JSON": lambda: _whole(_JSON, b"[" * (LARGEST_BODY - 100)),
    "deep JSON objects": lambda: _whole(_JSON, b'{"a":' * 12_000 + b"1" + b"}" * 12_000),
    "a number of 60,000 digits": lambda: _whole(_JSON, b'{"office":' + b"9" * 60_000 + b"}"),
    "20,000 form fields": lambda: _whole(
        _FORM + b"Content-Type: application/x-www-form-urlencoded\r\n", b"a=&" * 20_000
    ),
    "1,200 parts": lambda: _whole(_FORM + b"Content-Type: multipart/form-data; boundary=b\r\n", _parts(1_200)),
    "100,000 header fields": lambda: _endless(_LIVE, b"X-Field: x\r\n" * 5_000, end=1_200_000),
    "a header without end": lambda: _endless(_LIVE + b"X-Long: "),
    "an address without end": lambda: _endless(b"GET /"),
}


def _memory_mib(service: Service) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{service.pid}/status").read_text())
    assert found, f"no memory of {service.name} is known"
    return int(found[1]) / 1024


def _talk(service: Service, pieces: Iterable[bytes]) -> bytes:
    """What the process says to these pieces until it closes or says no more; it may close while we still send."""
    with closing(socket.create_connection(("127.0.0.1", service.port), timeout=_ANSWER_WITHIN_S)) as connection:
        with suppress(OSError):
            for piece in pieces:
                connection.sendall(piece)
        answer = b""
        with suppress(OSError):
            while received := connection.recv(65536):
                answer += received
        return answer


def _talk_new(service: Service, pieces: Callable[[], Iterator[bytes]]) -> bytes:
    return _talk(service, pieces())


def _status(answer: bytes) -> bytes:
    return answer[9:12] if answer.startswith(b"HTTP/1.1 ") else b""
