"""The stylesheet of an office's own colours: a file, since the pages' policy forbids styles within them."""

from collections.abc import Mapping
from hashlib import sha256

from fastapi import APIRouter, HTTPException, Response

from services.booking.domain import theme
from services.booking.domain.office import Office
from services.booking.domain.theme import Shades

_FOR_EVER = "public, max-age=31536000, immutable"


def stylesheet(office: Office) -> str | None:
    """None where the office has no colour of its own."""
    own = office.data.theme
    if own.accent is None:
        return None
    light, dark = theme.light(own.accent), theme.dark(own.accent_dark or theme.lightened(own.accent))
    return f":root{{{_said(light)}}}\n@media (prefers-color-scheme: dark){{:root{{{_said(dark)}}}}}\n"


def path(office: object) -> str | None:
    """Named by its content, so that browsers keep it until it changes."""
    sheet = stylesheet(office) if isinstance(office, Office) else None
    return f"/static/theme/{office.data.id}/{_digest(sheet)}.css" if isinstance(office, Office) and sheet else None


def router(offices: Mapping[str, Office]) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/static/theme/{office}/{digest}.css")
    async def get_theme(office: str, digest: str) -> Response:
        sheet = stylesheet(offices[office]) if office in offices else None
        if sheet is None:
            raise HTTPException(404)
        # A page from before a change still asks for the old one: it gets the new one, and does not keep it.
        kept = _FOR_EVER if digest == _digest(sheet) else "no-cache"
        return Response(sheet, media_type="text/css", headers={"Cache-Control": kept})

    return routes


def _said(shades: Shades) -> str:
    names = {"accent": shades.accent, "accent-strong": shades.strong, "on-accent": shades.on, "tint": shades.tint}
    return ";".join(f"--{name}:{colour}" for name, colour in names.items())


def _digest(sheet: str) -> str:
    return sha256(sheet.encode()).hexdigest()[:12]
