"""The words of each language: gettext catalogues, whose message ids are the German texts themselves."""

import io
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FALLBACK = "de"
FOLDER = Path(__file__).parent / "locale"
LANGUAGES = tuple(sorted({FALLBACK, *(file.stem for file in FOLDER.glob("*.po"))}))


@cache
def words(lang: str) -> NullTranslations:
    """Of one of LANGUAGES; what its catalogue lacks is said in German. Read at first use, in some milliseconds."""
    if lang == FALLBACK:
        return NullTranslations()
    with (FOLDER / f"{lang}.po").open("rb") as file:
        catalogue = read_po(file, domain=lang)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def to_translate(message: str) -> str:
    """Marks a text that is translated elsewhere, so that it gets into the catalogues."""
    return message


@lru_cache(maxsize=1024)
def language_for(*tags: str | None) -> str:
    """The first of `tags` that there is a catalogue for ("en-GB" counts as "en"), else German."""
    for tag in tags:
        primary = (tag or "").replace("_", "-").lower()
        for candidate in (primary, primary.partition("-")[0]):
            if candidate in LANGUAGES:
                return candidate
    return FALLBACK


@cache
def direction(lang: str) -> str:
    """`ltr` or `rtl`."""
    return Locale.parse(lang.partition("-")[0]).text_direction
