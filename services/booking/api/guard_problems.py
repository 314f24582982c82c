"""What the guard answers: 429, after how long to ask again, and every other way there is."""

import math
from datetime import timedelta

from fastapi import FastAPI, Request, Response

from services.booking import guard
from shared.http import problem_response

_TOO_MANY: dict[str, str] = {
    "mailbox": "Very many messages to this e-mail address were asked for today.",
    "helper": "This helper's quota of today is used up.",
}
_PROOFS: dict[str, str] = {
    "missing": "Many people book just now, so each booking takes some work of the device.",
    "wrong": "The proof is not right.",
    "expired": "The proof is too old.",
    "used": "The proof was used before.",
    "too-easy": "The proof is of an easier challenge than needed now.",
}


def add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(guard.TooMany, _too_often)
    app.add_exception_handler(guard.ProofNeeded, _proof_needed)


async def _too_often(_: Request, error: Exception) -> Response:
    assert isinstance(error, guard.TooMany)
    seconds = _whole_seconds(error.again_after)
    why = _TOO_MANY.get(error.what, "Very many requests came from your connection.")
    detail = f"{why} Try again in {seconds} seconds{_or_phone(error.phone)}."
    return _slow_down("too-many-requests", "Too many requests", detail, seconds)


async def _proof_needed(_: Request, error: Exception) -> Response:
    assert isinstance(error, guard.ProofNeeded)
    seconds = _whole_seconds(error.free_after)
    detail = (
        f"{_PROOFS[error.fault]} Get a challenge from /v1/proof, solve it and repeat the request with the "
        "solution in the header Proof. Or have a link mailed (POST /v1/proof/mail) and send its token there. "
        f"Or try again in {seconds} seconds{_or_phone(error.phone)}."
    )
    more = {"reason": error.fault, "challenge": "/v1/proof", "mail": "/v1/proof/mail"}
    return _slow_down("proof-needed", "A proof of work is needed just now", detail, seconds, **more)


def _slow_down(type: str, title: str, detail: str, seconds: int, **extra: str) -> Response:
    body = {"type": type, "title": title, "status": 429, "detail": detail, **extra}
    return problem_response(429, body, {"Retry-After": str(seconds)})


def _whole_seconds(wait: timedelta) -> int:
    return max(1, math.ceil(wait.total_seconds()))


def _or_phone(phone: str | None) -> str:
    return f", or phone the office: {phone}" if phone else ""
