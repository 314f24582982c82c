"""The languages of the pages, and which of them a reader gets."""

from pathlib import Path

from fastapi import Request

from shared.catalogues import FALLBACK, Catalogues

CATALOGUES = Catalogues(Path(__file__).parents[1] / "locale")
# As each calls itself, in the order in which they are offered.
NAMES = {
    "de": "Deutsch",
    "de-x-leicht": "Leichte Sprache",
    "en": "English",
    "ar": "العربية",
    "fa": "فارسی",
    "hr": "Hrvatski",
    "it": "Italiano",
    "ro": "Română",
    "ru": "Русский",
    "sq": "Shqip",
    "tr": "Türkçe",
    "uk": "Українська",
}
# Long enough for every wish that a browser sends.
_MOST_WISHES = 20


def language_of(request: Request, chosen: str | None = None) -> str:
    """The one that was chosen in the page, else the browser's, else German."""
    if chosen in NAMES:
        return chosen
    if (asked := request.query_params.get("lang")) in NAMES and asked:
        return asked
    return CATALOGUES.language_for(*_wishes(request.headers.get("accept-language", "")))


def _wishes(header: str) -> list[str]:
    """Of `Accept-Language`, the most wanted first; what is refused (`q=0`) is left out."""
    wishes = []
    for part in header.split(",")[:_MOST_WISHES]:
        tag, _, rest = part.strip().partition(";")
        weight = _weight(rest)
        if tag and tag != "*" and weight > 0:
            wishes.append((-weight, tag))
    return [tag for _, tag in sorted(wishes, key=lambda wish: wish[0])]


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0


def in_language(text: dict[str, str], lang: str) -> str:
    """An office's own text; German where it has none in `lang`, since the German one counts."""
    return text.get(lang) or text.get(lang.partition("-")[0]) or text.get(FALLBACK, "")
