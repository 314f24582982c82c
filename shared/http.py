"""HTTP as every service speaks it: problem+json, correlation ids, health, metrics, graceful stop."""

import asyncio
import gc
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import tracing
from shared.crashpoints import warn_if_armed
from shared.http_protocol import BoundedHeads
from shared.mongo import DATABASE_DOWN, OperationFailure, is_away
from shared.observability import get_logger
from shared.settings import CommonSettings

log = get_logger()

REQUESTS = Histogram(
    "http_request_seconds", "Time to answer", ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)  # fmt: skip
PROBLEM_JSON = "application/problem+json"
LARGEST_BODY = 64 * 1024
_RETRY_AFTER_S = 5
# Longer than the driver waits for a primary, so that its own error comes first.
_LONGEST_REQUEST_S = 8
_QUIET = ("/health", "/metrics")

Check = Callable[[], Awaitable[str | None]]


class Problem(Exception):
    """An answer as RFC 9457 problem+json: `type` is a stable slug, `extra` are members of its own."""

    def __init__(
        self,
        status: int,
        type: str,
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.headers = headers
        self.body = {"type": type, "title": title, "status": status, "detail": detail, **extra}


class Health:
    """Ready means: can work. `required` checks make it 503, `degrading` ones are told and no more."""

    def __init__(self, *, required: Mapping[str, Check], degrading: Mapping[str, Check]) -> None:
        self._required = required
        self._degrading = degrading
        self._cached: tuple[float, int, dict[str, Any]] | None = None
        self.stopping = False

    async def ready(self) -> tuple[int, dict[str, Any]]:
        """Status code and body; cached for 5 s, so that probes cost nothing."""
        if self.stopping:
            return 503, {"status": "stopping"}
        if self._cached and time.monotonic() - self._cached[0] < self._keep_for():
            return self._cached[1], self._cached[2]
        failures, worries = await asyncio.gather(_run(self._required), _run(self._degrading))
        status = "unavailable" if failures else "degraded" if worries else "ready"
        code = 503 if failures else 200
        self._cached = (time.monotonic(), code, {"status": status, "problems": {**failures, **worries}})
        return self._cached[1], self._cached[2]

    def _keep_for(self) -> float:
        """A failure is looked at again soon: recovery should show at once."""
        return 5.0 if self._cached and self._cached[2]["status"] == "ready" else 0.5


async def _run(checks: Mapping[str, Check]) -> dict[str, str]:
    answers = await asyncio.gather(*(check() for check in checks.values()))
    return {name: problem for name, problem in zip(checks, answers, strict=True) if problem}


def create_app(
    *,
    title: str,
    description: str,
    health: Health,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
    larger_bodies: Mapping[str, int] | None = None,
    streams: Collection[str] = (),
) -> FastAPI:
    """`larger_bodies` are paths, by how they begin, that take more than LARGEST_BODY: so many bytes. `streams` are
    paths whose answers go on for as long as they like."""
    app = FastAPI(
        title=title, description=description, version="1", lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.add_middleware(_Edge, larger_bodies=larger_bodies or {}, streams=frozenset(streams))
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    for error in (*DATABASE_DOWN, TimeoutError):
        app.add_exception_handler(error, _unavailable)
    app.add_exception_handler(OperationFailure, _operation_failed)
    app.add_exception_handler(Exception, _unexpected)
    _add_probes(app, health)
    return app


def _add_probes(app: FastAPI, health: Health) -> None:
    @app.get("/health/live", tags=["operations"], summary="The process runs")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/health/ready", tags=["operations"], summary="The service can work",
             responses={503: {"description": "It cannot, and says why"}})  # fmt: skip
    async def ready() -> JSONResponse:
        code, body = await health.ready()
        return JSONResponse(body, status_code=code)

    @app.get("/metrics", tags=["operations"], summary="Prometheus metrics", response_class=PlainTextResponse)
    def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def serve(app: FastAPI, *, settings: CommonSettings, health: Health) -> None:
    """Serves until SIGTERM or SIGINT, then finishes what runs."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=BoundedHeads,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(settings.stop_within.total_seconds()),
    )
    _collect_garbage_rarely()
    warn_if_armed()
    _Server(config, health).run()


def _collect_garbage_rarely() -> None:
    """Each message makes hundreds of objects that live until it is done: with the default thresholds a fifth of
    the time went into looking through them, and through everything that was imported, for cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, health: Health) -> None:
        super().__init__(config)
        self._health = health
        self._asked_by: str | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """No line of log here: this thread may hold the log's lock just now, and would wait for itself."""
        self._health.stopping = True
        self._asked_by = signal.Signals(sig).name
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        log.info("stopping", signal=self._asked_by)
        await super().shutdown(sockets)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error.status, error.body, dict(error.headers or {}))


def problem_response(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(body, status_code=status, headers=headers, media_type=PROBLEM_JSON)


async def _invalid(_: Request, error: Exception) -> Response:
    """Names each field and its fault, and never repeats what was sent."""
    assert isinstance(error, RequestValidationError)
    errors = [{"field": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()[:20]]
    detail = "; ".join(f"{e['field']}: {e['message']}" for e in errors[:3])
    body = {"type": "invalid-request", "title": "The request is not valid", "status": 422, "detail": detail}
    return problem_response(422, {**body, "errors": errors})


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    slug = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "http-error")
    body = {
        "type": slug,
        "title": str(error.detail),
        "status": error.status_code,
        "detail": str(error.detail),
    }
    return problem_response(error.status_code, body, dict(error.headers or {}))


async def _unavailable(_: Request, error: Exception) -> Response:
    log.warning("database_away", error=type(error).__name__)
    detail = f"The service cannot reach its database. Nothing is lost; try again in {_RETRY_AFTER_S} seconds."
    body = {"type": "unavailable", "title": "Temporarily unavailable", "status": 503, "detail": detail}
    return problem_response(503, body, {"Retry-After": str(_RETRY_AFTER_S)})


async def _operation_failed(request: Request, error: Exception) -> Response:
    return await (_unavailable if is_away(error) else _unexpected)(request, error)


async def _unexpected(_: Request, error: Exception) -> Response:
    log.error("request_failed", exc_info=error)
    body = {"type": "internal-error", "title": "Something went wrong here", "status": 500}
    return problem_response(500, {**body, "detail": "The fault is logged. Please try again later."})


class _Edge:
    """Gives every request its trace, counts it, logs it without query string, and bounds its body."""

    def __init__(self, app: ASGIApp, *, larger_bodies: Mapping[str, int], streams: frozenset[str]) -> None:
        self._app = app
        self._larger_bodies = larger_bodies
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {k: v for k, v in scope["headers"] if k in (b"traceparent", b"content-length")}
        trace = tracing.new(traceparent=headers.get(b"traceparent", b"").decode("latin-1"))
        answer = _Answer(send, trace)
        started = time.perf_counter()
        with tracing.within(trace):
            try:
                await self._within_limit(headers, scope, receive, answer)
            finally:
                self._record(scope, answer.status, time.perf_counter() - started)

    async def _within_limit(
        self, headers: dict[bytes, bytes], scope: Scope, receive: Receive, send: "_Answer"
    ) -> None:
        most = self._most(scope["path"])
        limited = _Limited(receive, send, most=most)
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > most:
            await _too_large(scope, receive, send, most=most)
            return
        try:
            async with asyncio.timeout(None if scope["path"] in self._streams else _LONGEST_REQUEST_S):
                await self._app(scope, limited, send)
        except TimeoutError as error:
            if not send.status:
                answer = _too_slow() if limited.waiting else await _unavailable(Request(scope), error)
                await answer(scope, receive, send)
        if limited.exceeded:
            await _too_large(scope, receive, send.released(), most=most)

    def _most(self, path: str) -> int:
        return next((most for begin, most in self._larger_bodies.items() if path.startswith(begin)), LARGEST_BODY)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        REQUESTS.labels(scope["method"], route, str(status)).observe(seconds)
        if not route.startswith(_QUIET):
            log.info("request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1))


class _Answer:
    def __init__(self, send: Send, trace: tracing.Trace) -> None:
        self._send = send
        self._trace = trace
        self.status = 0
        self.muted = False

    def released(self) -> "_Answer":
        self.muted = False
        return self

    async def __call__(self, message: Message) -> None:
        if self.muted:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", []))
            extra = [
                (b"x-correlation-id", self._trace.correlation_id.encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
            # A page may say otherwise: with "no-referrer" older browsers hide where a form of ours came from.
            if not any(name == b"referrer-policy" for name, _ in headers):
                extra.append((b"referrer-policy", b"no-referrer"))
            message = {**message, "headers": [*headers, *extra]}
        await self._send(message)


class _Limited:
    """A body without a declared length counts while it comes in; past the limit the answer is ours."""

    def __init__(self, receive: Receive, answer: _Answer, *, most: int) -> None:
        self._receive = receive
        self._most = most
        self._answer = answer
        self._seen = 0
        self.exceeded = False
        self.waiting = False

    async def __call__(self) -> Message:
        self.waiting = True
        message = await self._receive()
        self.waiting = False
        self._seen += len(message.get("body", b""))
        if self._seen <= self._most:
            return message
        self.exceeded = self._answer.muted = not self._answer.status
        return {"type": "http.disconnect"}


async def _too_large(scope: Scope, receive: Receive, send: Send, *, most: int) -> None:
    body = {"type": "body-too-large", "title": "The request is too large", "status": 413}
    detail = f"A request may have {most} bytes at most."
    await problem_response(413, {**body, "detail": detail}, {"Connection": "close"})(scope, receive, send)


def _too_slow() -> Response:
    body = {"type": "request-too-slow", "title": "The request did not come in time", "status": 408}
    detail = f"All of a request must come within {_LONGEST_REQUEST_S} seconds."
    return problem_response(408, {**body, "detail": detail}, {"Connection": "close"})
