"""The SMS gateway of a proof: it records every message that it takes over, and has its moods."""

import json
import os
import secrets
import socket
import struct
import threading
import time
from email.message import Message
from enum import StrEnum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.prove.checks.evidence import Taken

PATH = "/messages"
_PROVIDER = """
[[provider]]
kind = "http"
name = "gateway"
url = "{url}"
headers = {{ Idempotency-Key = "{{reference}}", Authorization = "Bearer {{secret:token}}" }}
json = {{ to = "{{to}}", text = "{{text}}", reference = "{{reference}}" }}
[provider.receipts]
"""


class GatewayMood(StrEnum):
    """How the SMS gateway behaves."""

    FAIR = "takes everything at once"
    FAILING = "500 to everybody"
    BUSY = "429 to everybody, come again in two seconds"
    REFUSING = "400 for every number"
    RESETTING = "hangs up before it has taken anything"
    FORGETFUL = "takes the message and hangs up instead of saying so"
    SLOW = "takes the message and lets everybody wait beyond their patience"


_ANSWERS = {
    GatewayMood.FAIR: HTTPStatus.ACCEPTED,
    GatewayMood.FAILING: HTTPStatus.INTERNAL_SERVER_ERROR,
    GatewayMood.BUSY: HTTPStatus.TOO_MANY_REQUESTS,
    GatewayMood.REFUSING: HTTPStatus.BAD_REQUEST,
}
_TAKING = (GatewayMood.FAIR, GatewayMood.FORGETFUL, GatewayMood.SLOW)


class SmsGateway:
    """An HTTP server in this process. It can be stopped and started again on the same port.

    It takes `POST {to, text, reference}` with the bearer `token`. It drops no repeat, so that each shows.
    """

    # Beyond the two seconds that the notifier waits here.
    slow_s, retry_after_s = 30.0, 2

    def __init__(self, *, port: int) -> None:
        self.port = port
        self.token = secrets.token_urlsafe(16)
        self.receipts_secret = secrets.token_urlsafe(16)
        self.mood = GatewayMood.FAIR
        self._taken: list[Taken] = []
        # Body and headers of the newest request that had the right token.
        self.last: tuple[dict[str, str], Message] = ({}, Message())
        self._asked: list[float] = []
        self._connections = 0
        self._lock = threading.Lock()
        self._server: _Server | None = None

    def start(self) -> None:
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Requests under way are answered, so that whoever was taken over knows."""
        if self._server:
            self._server.end()
            self._server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    def settings(self, folder: Path) -> dict[str, str]:
        """Of a notifier that sends by it and believes its receipts."""
        providers = folder / "sms.toml"
        providers.write_text(_PROVIDER.format(url=self.url), encoding="utf-8")
        known = {"gateway": {"token": self.token, "receipts": self.receipts_secret}}
        return {
            "NOTIFICATION_SMS": "none",
            "NOTIFICATION_SMS_PROVIDERS": str(providers),
            "NOTIFICATION_SMS_SECRETS": json.dumps(known),
        }

    @property
    def taken(self) -> list[Taken]:
        with self._lock:
            return list(self._taken)

    @property
    def asked(self) -> int:
        """How many requests came, whatever the answer."""
        return len(self.asked_at)

    @property
    def asked_at(self) -> list[float]:
        """When they came, in seconds since the epoch."""
        with self._lock:
            return list(self._asked)

    @property
    def connections(self) -> int:
        with self._lock:
            return self._connections

    def count_connection(self) -> None:
        with self._lock:
            self._connections += 1

    def count_request(self) -> None:
        with self._lock:
            self._asked.append(time.time())

    def take(self, *, to: str, reference: str) -> None:
        with self._lock:
            self._taken.append(Taken(at=time.time(), to=to, reference=reference, kind="sms"))


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    # Threads are waited for at the end: nobody is taken over after `stop`.
    daemon_threads = False

    def __init__(self, gateway: SmsGateway) -> None:
        self.gateway = gateway
        self.ending = threading.Event()
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(("127.0.0.1", gateway.port), _Request)

    def end(self) -> None:
        self.ending.set()
        self.shutdown()
        with self._open_lock:
            for connection in self._open:
                _stop_reading(connection)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.gateway.count_connection()
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Longer than clients keep what idles.
    timeout = 60
    server: _Server

    def do_POST(self) -> None:
        gateway, length = self.server.gateway, int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        gateway.count_request()
        refusal = self._refusal()
        if refusal:
            self._answer(refusal)
            return
        message = json.loads(body)
        gateway.last = (message, self.headers)
        self._behave(gateway.mood, message)

    def log_message(self, format: str, *args: Any) -> None:
        """Numbers of people do not belong into the log of a run."""

    def _refusal(self) -> HTTPStatus | None:
        if self.path != PATH:
            return HTTPStatus.NOT_FOUND
        if self.headers.get("Authorization") != f"Bearer {self.server.gateway.token}":
            return HTTPStatus.UNAUTHORIZED
        return None

    def _behave(self, mood: GatewayMood, message: dict[str, str]) -> None:
        if mood in _TAKING:
            self.server.gateway.take(to=message["to"], reference=message["reference"])
        if mood is GatewayMood.SLOW:
            self.server.ending.wait(self.server.gateway.slow_s)
        if mood in _ANSWERS:
            self._answer(_ANSWERS[mood])
        else:
            self._hang_up()

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if status is HTTPStatus.TOO_MANY_REQUESTS:
            self.send_header("Retry-After", str(self.server.gateway.retry_after_s))
        self.end_headers()

    def _hang_up(self) -> None:
        """Resets the connection: a close without lingering, past the library's orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        os.close(self.connection.detach())


def _stop_reading(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        return
