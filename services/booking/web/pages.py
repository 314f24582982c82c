"""Pages from templates, in the reader's language, with the headers that all of them carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context
from markupsafe import Markup, escape

from services.booking.web import theming
from services.booking.web.assets import asset
from services.booking.web.languages import CATALOGUES, NAMES, in_language
from services.booking.web.saying import clock, month, weekdays, when
from services.booking.web.typesetting import breakable, together
from shared.catalogues import FALLBACK, direction
from shared.saying import long_date

# Nothing from elsewhere, nothing inline, nobody frames us, forms go nowhere else.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


# For steps of a booking: `no-store` would take the page away that Back leads to, and with it what was typed.
RETURNABLE = "private, no-cache"


@dataclass(frozen=True, slots=True)
class Here:
    """How to show this very page again, for the choice of language: what was filled in travels along."""

    action: str
    method: Literal["get", "post"] = "get"
    fields: Sequence[tuple[str, str]] = ()


@pass_context
def _translated(context: Context, message: str, /, **values: Any) -> Markup:
    return _said(CATALOGUES.words(context["lang"]).gettext(message), values)


@pass_context
def _translated_number(context: Context, one: str, many: str, num: int, /, **values: Any) -> Markup:
    return _said(CATALOGUES.words(context["lang"]).ngettext(one, many, num), {"num": num, **values})


def _said(text: str, values: Mapping[str, Any]) -> Markup:
    said = escape(together(text))
    return said % values if values else said


@pass_context
def _of_office(context: Context, text: dict[str, str]) -> str:
    return together(in_language(text, context["lang"]))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("services.booking", "web/templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        _=_translated,
        ngettext=_translated_number,
        office_text=_of_office,
        asset=asset,
        long_date=long_date,
        said_clock=clock,
        said_month=month,
        said_when=when,
        weekdays=weekdays,
        languages=NAMES,
        direction_of=direction,
    )
    # Macros that every template uses, also those that are imported themselves.
    for library, macro in (("icons.html", "icon"), ("parts.html", "hidden")):
        environment.globals[macro] = getattr(environment.get_template(library).module, macro)
    environment.filters.update(breakable=breakable, together=together)
    return environment


_TEMPLATES = _environment()


def page(
    template: str,
    *,
    lang: str = FALLBACK,
    answer: int = 200,
    here: Here | None = None,
    returnable: bool = False,
    **values: Any,
) -> HTMLResponse:
    """`template` in `lang`. Every value is escaped where it is written; `site` is who speaks.

    A `returnable` page may be shown again by Back.
    """
    theme = theming.path(values.get("office"))
    known = {"site": "Amtstermin", "faults": {}, "theme": theme, "head": "", "citizens_url": "", **values}
    text = _TEMPLATES.get_template(template).render(lang=lang, direction=direction(lang), here=here, **known)
    return answered(text, lang=lang, answer=answer, returnable=returnable)


def answered(text: str | bytes, *, lang: str, answer: int = 200, returnable: bool = False) -> HTMLResponse:
    """With what every page tells the browser; `text` as `page` made it."""
    headers = {**HEADERS, "Content-Language": lang}
    if returnable:
        headers["Cache-Control"] = RETURNABLE
    return HTMLResponse(text, status_code=answer, headers=headers)
