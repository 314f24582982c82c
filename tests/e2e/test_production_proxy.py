"""What the proxy of a production install lets through by each listener: real nginx, the delivered file."""

import re
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.local.ports import Ports, answers
from deploy.local.process import ROOT
from services.booking.main import build
from services.booking.settings import Settings
from services.reporting import main as reporting
from services.reporting.settings import Settings as ReportingSettings
from tests.e2e import nginx
from tests.waiting import eventually

pytestmark = pytest.mark.skipif(nginx.NGINX is None, reason=nginx.WHY_NOT)

HIDDEN = re.compile(r"^/(v1/staff|staff|metrics|health)(/|$)")


class _Answering(BaseHTTPRequestHandler):
    """Says who it is and what came."""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.rfile.read(length)
        if self.path.endswith("/live"):
            self._stream()
            return
        told = f"{self.server.server_port} {self.path} {self.headers.get('X-Forwarded-For')}".encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def _stream(self) -> None:
        """One event, and then nothing until whoever reads has hung up."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"data: now\n\n")
        self.wfile.flush()
        self.rfile.read(1)

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self.do_GET
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:
        """Not in the tests' output."""


class Proxy:
    def __init__(self, folder: Path) -> None:
        ports = Ports(file=folder / "ports.json")
        self.ports = {name: ports.of(name) for name in nginx.LISTENERS.values()}
        self.folder = folder
        self.backends = {
            name: ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
            for name in ("booking", "notification", "reporting")
        }
        for server in self.backends.values():
            threading.Thread(target=server.serve_forever, daemon=True).start()
        authority = nginx.certificates(folder)
        backends = {name: [server.server_port] for name, server in self.backends.items()}
        nginx.write(folder, ports=self.ports, servers=backends)
        self.process = nginx.start(folder)
        self.http = httpx.Client(verify=ssl.create_default_context(cafile=authority), timeout=10)
        eventually(lambda: all(map(answers, self.ports.values())), what="nginx")

    def url(self, listener: str, path: str) -> str:
        return f"https://localhost:{self.ports[listener]}{path}"

    def reached(self, listener: str, path: str) -> str | None:
        """Which service a path comes to; None where the proxy itself says that there is nothing."""
        answer = self.http.get(self.url(listener, path))
        if answer.status_code in (302, 404):
            return None
        port = int(answer.text.split()[0])
        return next(name for name, server in self.backends.items() if server.server_port == port)

    def stop(self) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait(10)
        for server in self.backends.values():
            server.shutdown()
            server.server_close()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    proxy = Proxy(tmp_path_factory.mktemp("proxy"))
    yield proxy
    proxy.stop()


NOWHERE: dict[str, Any] = {
    "mongodb_uri": SecretStr("mongodb://127.0.0.1:1"),
    "amqp_url": SecretStr("amqp://127.0.0.1:1"),
}


@pytest.fixture(scope="module")
def paths() -> list[str]:
    """Every path that booking serves, with something where an id stands."""
    secret = SecretStr("k1:" + "00" * 32)
    app, _ = build(
        Settings(
            **NOWHERE,
            signing_keys=secret,
            contact_keys=secret,
            contact_public_keys="n1:09" + "00" * 31,
            offices=ROOT / "deploy" / "offices",
        )
    )
    return served_by(app)


@pytest.fixture(scope="module")
def paths_of_reporting() -> list[str]:
    return served_by(reporting.build(ReportingSettings(**NOWHERE))[0])


def within(routes: Sequence[Any]) -> Iterator[str]:
    """Those of included routers too; pages stand in no OpenAPI."""
    for route in routes:
        if router := getattr(route, "original_router", None):
            yield from within(router.routes)
        else:
            yield str(route.path)


def served_by(app: FastAPI) -> list[str]:
    served = list(within(app.routes))
    return sorted({re.sub(r"{.+?}", "x", path) for path in served if path not in ("", "/openapi.json")})


def test_citizens_reach_all_of_booking_but_what_is_for_staff_and_operators(proxy: Proxy, paths: list[str]) -> None:
    assert len([path for path in paths if HIDDEN.match(path)]) > 20
    for path in paths:
        assert proxy.reached("public", path) == (None if HIDDEN.match(path) else "booking"), path


@pytest.mark.parametrize(
    "path",
    [
        "/staff", "/staff/", "/STAFF/password", "//staff/password", "/%73taff", "/x/../staff", "/./v1/staff/me",
        "/v1//staff/me", "/v1/%2e%2e/staff", "/v1/staff%2Fme", "/v1/reports/figures", "/metrics", "/health/ready",
        "/v1/status", "/v1/pauses/email", "/openapi.json",
    ],
)  # fmt: skip
def test_no_way_of_writing_it_reaches_the_inside_by_the_citizens_listener(proxy: Proxy, path: str) -> None:
    request = httpx.Request("GET", proxy.url("public", "/"), extensions={})
    request.url = request.url.copy_with(raw_path=path.encode())
    answer = proxy.http.send(request)
    assert answer.status_code in (400, 404), answer.text


def test_staff_reach_their_pages_and_figures_and_nothing_else(proxy: Proxy, paths: list[str]) -> None:
    for path in paths:
        is_theirs = re.match(r"^/(v1/)?staff(/|$)", path) or path.startswith("/static")
        assert proxy.reached("staff", path) == ("booking" if is_theirs else None), path
    assert proxy.reached("staff", "/v1/reports/figures") == "reporting"
    assert proxy.reached("public", "/v1/receipts/seven") == "notification"


def test_readers_of_figures_reach_reporting_and_everybody_what_is_public(
    proxy: Proxy, paths_of_reporting: list[str]
) -> None:
    """Dashboard, sign-in, its stream, exports and résumé by their own listener alone."""
    hidden = {path for path in paths_of_reporting if re.match(r"^/(metrics|health)", path)}
    pages = {"/", "/sign-in", "/sign-out", "/dashboard.css", "/v1/reports/figures", "/v1/reports/resume"}
    assert pages < set(paths_of_reporting)
    for path in paths_of_reporting:
        if path == "/live":
            continue
        assert proxy.reached("figures", path) == (None if path in hidden else "reporting"), path
        is_public = path in ("/v1/public/figures", "/v1/reports/definitions")
        assert (proxy.reached("public", path) == "reporting") is is_public, path
        assert (proxy.reached("staff", path) == "reporting") is path.startswith("/v1/reports/"), path


@pytest.mark.parametrize(("listener", "path"), [("figures", "/live"), ("staff", "/staff/today/live")])
def test_events_of_the_day_do_not_wait_in_a_buffer(proxy: Proxy, listener: str, path: str) -> None:
    """Seen to fail without `proxy_buffering off`."""
    with proxy.http.stream("GET", proxy.url(listener, path), timeout=5) as stream:
        assert next(stream.iter_lines()) == "data: now"


def test_nobody_says_by_a_header_who_they_are(proxy: Proxy) -> None:
    headers = {"X-Forwarded-For": "192.0.2.7"}
    assert proxy.http.get(proxy.url("public", "/v1/offices"), headers=headers).text.split()[2] == "127.0.0.1"


def test_what_is_too_large_or_comes_too_often_is_refused(proxy: Proxy) -> None:
    large = b"x" * (65 * 1024)
    assert proxy.http.post(proxy.url("public", "/v1/appointments"), content=large).status_code == 413
    assert proxy.http.put(proxy.url("staff", "/v1/staff/offices/x"), content=large).status_code == 200
    answers = [proxy.http.get(proxy.url("public", "/v1/offices")).status_code for _ in range(600)]
    assert set(answers) == {200, 429}
    assert answers[:100] == [200] * 100


def test_the_log_tells_no_address_and_no_path(proxy: Proxy) -> None:
    proxy.http.get(proxy.url("public", "/confirm/1234?secret=geheim"))
    text = (proxy.folder / "access.log").read_text()
    assert text
    assert not re.search(r"127\.0\.0\.1|confirm|geheim|/", text)


def test_plain_http_leads_to_https(proxy: Proxy) -> None:
    answer = httpx.get(f"http://localhost:{proxy.ports['plain']}/manage/1?secret=x")
    assert (answer.status_code, answer.headers["Location"][:20]) == (301, "https://localhost/ma")
