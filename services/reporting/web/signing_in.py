"""The page where a browser changes a key for a session, and its end."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from services.reporting.access import SESSION_LASTS, Keys
from services.reporting.api.signed_in import COOKIE
from services.reporting.web.rendering import HEADERS, render
from services.reporting.words import LANGUAGES, Words, choose_language
from shared.mongo import DatabaseClock

_NEVER_KEPT = {**HEADERS, "Cache-Control": "no-store"}


def router(*, keys: Keys, clock: DatabaseClock, secure: bool) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    cookie: dict[str, Any] = {"httponly": True, "secure": secure, "samesite": "strict", "path": "/"}

    @routes.get("/sign-in")
    async def get_form(request: Request, next: str = "/", lang: str = "") -> Response:
        return _form(request, next=next, lang=lang, status=200)

    @routes.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        given = parse_qs((await request.body()).decode(errors="replace"))
        key, next, lang = ((given.get(name) or [""])[0] for name in ("key", "next", "lang"))
        session = keys.session(key.strip(), now=clock.now())
        if session is None:
            return _form(request, next=next, lang=lang, status=403)
        answer = RedirectResponse(own_path(next), status_code=303, headers={"Cache-Control": "no-store"})
        answer.set_cookie(COOKIE, session, max_age=int(SESSION_LASTS.total_seconds()), **cookie)
        return answer

    @routes.post("/sign-out")
    async def sign_out() -> Response:
        answer = RedirectResponse("/sign-in", status_code=303, headers={"Cache-Control": "no-store"})
        answer.delete_cookie(COOKIE, **cookie)
        return answer

    return routes


def own_path(next: str) -> str:
    """A path of ours, never another site's."""
    parts = urlsplit(next)
    ours = not parts.scheme and not parts.netloc and next.startswith("/") and not next.startswith(("//", "/\\"))
    return next if ours and next.isprintable() else "/"


def _form(request: Request, *, next: str, lang: str, status: int) -> Response:
    words = Words(choose_language(lang, request.headers.get("accept-language", "")))
    page = render(
        "sign_in.html",
        words=words,
        languages=LANGUAGES,
        next=own_path(next),
        wrong=status != 200,
    )
    return HTMLResponse(page, status_code=status, headers={**_NEVER_KEPT, "Content-Language": words.language})
