"""The page's server: on 127.0.0.1, read only, in a thread of `make up`."""

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from jinja2 import Environment, PackageLoader, select_autoescape

from deploy.local.inbox.letters import Letters

_PAGE = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
# A mail may neither run nor load anything, here as in a mail program.
_MAIL = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
_MINE = ("127.0.0.1", "localhost")


class Inbox:
    """As a context manager it serves until it is left."""

    def __init__(self, *, maildir: Path, sms_file: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._letters = Letters(maildir=maildir, sms_file=sms_file)
        self._pages = Environment(
            loader=PackageLoader("deploy.local.inbox", "pages"), autoescape=select_autoescape(), trim_blocks=True
        )
        self._server = _Server(("127.0.0.1", port), _Request)
        self._server.inbox = self

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[str, str] | None:
        """The page at `path` and what it may do; None where there is none."""
        match unquote(urlsplit(path).path).strip("/").split("/"):
            case [""]:
                return self._page("inbox.html", mails=self._letters.mails(), phones=self._letters.phones()), _PAGE
            case ["mail", key] if mail := self._letters.mail(key):
                return self._page("mail.html", mail=mail, key=key), _PAGE
            case ["mail", key, "html"] if mail := self._letters.mail(key):
                return mail.html, _MAIL
        return None

    def _page(self, template: str, **values: Any) -> str:
        return self._pages.get_template(template).render(**values)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    inbox: Inbox


class _Request(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        # A page elsewhere whose name leads to this machine must not read it.
        mine = self.headers.get("Host", "").rpartition(":")[0] in _MINE
        found = self.server.inbox.answer(self.path) if mine else None
        page, may = found or ("Not here.", _PAGE)
        content = page.encode()
        self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
        for name, value in {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Length": str(len(content)),
            "Content-Security-Policy": may,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal belongs to `make up`."""
