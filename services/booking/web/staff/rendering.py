"""Pages as HTML, and what goes wrong as a page."""

import re
from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import quote, urlsplit

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute

from services.booking.api.signed_in import NotSignedIn
from services.booking.web.pages import page
from services.booking.web.staff import formatting, words
from services.booking.web.staff.faults import ANTICIPATED, told

# Nothing of a working day stays behind in a shared computer's browser; and a form says where it came from.
HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
# Only pages of the staff, by a path of ours: "//elsewhere" and "/\\elsewhere" are other sites.
_OWN_PATH: Final = re.compile(r"/staff(/[A-Za-z0-9_-]+)*/?(\?[A-Za-z0-9_=&.:+%-]*)?")


class Blanks(dict[str, Any]):
    """What stands in a form's fields: nothing where nothing was typed."""

    def __missing__(self, _: str) -> str:
        return ""


def render(template: str, *, citizens_url: str, answer: int = 200, **values: Any) -> HTMLResponse:
    """A page of the staff, in German. What everybody may read lies at `citizens_url`: staff's own address serves
    nothing of it."""
    known = {"at": None, "fmt": formatting, "words": words, "fault": None, "done": "", **values}
    response = page(f"staff/{template}", answer=answer, citizens_url=citizens_url, **known)
    response.headers.update(HEADERS)
    return response


def fault_page(status: int, text: str, *, citizens_url: str, back: str) -> HTMLResponse:
    return render("fault.html", citizens_url=citizens_url, answer=status, text=text, back=back)


def own_path(path: str) -> str:
    """Where to go on after the sign-in; today's list where `path` is not one of the staff's pages."""
    return path if _OWN_PATH.fullmatch(path) else "/staff/today"


class StaffPage(APIRoute):
    """Whoever is not signed in is asked to be, and comes back; what goes wrong is told as a page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handle(request)
            except NotSignedIn:
                return _to_sign_in(request)
            except RequestValidationError:
                return _told(request, 422, "Eine Angabe fehlt oder ist nicht lesbar.")
            except ANTICIPATED as error:
                return _told(request, *told(error))

        return guarded


def _told(request: Request, status: int, text: str) -> Response:
    """The room's display and the door are pages for everybody, at an address that has no pages of the staff."""
    if not request.url.path.startswith("/staff/"):
        response = page("fault.html", answer=status, text=text)
        response.headers.update(HEADERS)
        return response
    citizens_url = request.app.state.staff.citizens_url
    return fault_page(status, text, citizens_url=citizens_url, back=_came_from(request))


def _to_sign_in(request: Request) -> Response:
    """A form that was sent too late cannot be sent again: then the page before it is shown."""
    path = _came_from(request)
    if request.method == "GET":
        query = f"?{request.url.query}" if request.url.query else ""
        path = own_path(request.url.path + query)
    return RedirectResponse(f"/staff/sign-in?next={quote(path, safe='/')}", status_code=303)


def _came_from(request: Request) -> str:
    parts = urlsplit(request.headers.get("Referer", ""))
    return own_path(parts.path + (f"?{parts.query}" if parts.query else ""))
