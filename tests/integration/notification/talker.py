"""An HTTP server that answers as a test wants, and a double of seven.io that speaks as its documents say."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """`None` as status hangs up; `after` are seconds until it is given."""

    status: int | None = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0


@dataclass(frozen=True)
class Asked:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Talker:
    """Gives its `answers` in turn, the last one from then on."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers) or [Answer()]
        self.asked: list[Asked] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/messages"

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def talking(talker: Talker) -> Iterator[None]:
    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = talker.answer(Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if answer.after:
                time.sleep(answer.after)
            if answer.status is None:
                self.close_connection = True
                return
            content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(content)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(content)

        do_PUT = do_POST  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    talker.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class Mood(StrEnum):
    FAIR = "takes everything at once"
    FAILING = "500 before it has taken anything"
    BUSY = "429 with Retry-After"
    SLOW = "takes it and answers too late"
    GARBLED = "takes it and answers with a page of HTML"
    CARRIER = "the carrier does not deliver: code 600"


class Seven(Talker):
    """POST /api/sms with X-Api-Key; refuses the same text to the same number within the reload lock (code 402)."""

    key = "right-key"

    def __init__(self) -> None:
        super().__init__()
        self.mood = Mood.FAIR
        self.code: str | None = None
        self.slow_s = 4.0
        self.taken: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/sms"

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if asked.headers.get("x-api-key") != self.key:
            return Answer(200, {"success": "900"})
        if self.code:
            return Answer(200, {"success": self.code, "messages": []})
        if self.mood is Mood.FAILING:
            return Answer(500, b"oops")
        if self.mood is Mood.BUSY:
            return Answer(429, b"", {"Retry-After": "7"})
        if self.mood is Mood.CARRIER:
            return Answer(200, {"success": "600"})
        return self._take(asked.json)

    def _take(self, message: dict[str, str]) -> Answer:
        if any((m["to"], m["text"]) == (message["to"], message["text"]) for m in self.taken):
            return Answer(200, {"success": "402"})
        self.taken.append(message)
        if self.mood is Mood.GARBLED:
            return Answer(200, b"<html>please log in</html>")
        return Answer(200, self._said(message), after=self.slow_s if self.mood is Mood.SLOW else 0)

    def _said(self, message: dict[str, str]) -> dict[str, Any]:
        one = {
            "id": f"77{len(self.taken):09}",
            "sender": message.get("from", "SMS"),
            "recipient": message["to"].removeprefix("+"),
            "text": message["text"],
            "encoding": "gsm",
            "label": None,
            "parts": 1,
            "udh": None,
            "is_binary": False,
            "price": 0.075,
            "success": True,
            "error": None,
            "error_text": None,
        }
        whole = {"success": "100", "total_price": 0.075, "balance": 12.3, "debug": "false", "sms_type": "direct"}
        return {**whole, "messages": [one]}
