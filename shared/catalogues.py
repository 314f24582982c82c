"""The words of each language: gettext catalogues, whose message ids are the German texts themselves."""

import io
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FALLBACK = "de"


class Catalogues:
    """The catalogues in one folder, `<language>.po` each; German needs none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.languages = tuple(sorted({FALLBACK, *(file.stem for file in folder.glob("*.po"))}))
        self.words = cache(self._words)
        self.language_for = lru_cache(maxsize=1024)(self._language_for)

    def _language_for(self, *tags: str | None) -> str:
        """The first of `tags` that there is a catalogue for ("en-GB" counts as "en"), else German."""
        for tag in tags:
            primary = (tag or "").replace("_", "-").lower()
            for candidate in (primary, primary.partition("-")[0]):
                if candidate in self.languages:
                    return candidate
        return FALLBACK

    def _words(self, lang: str) -> NullTranslations:
        """Of one of `languages`; what its catalogue lacks is said in German. Read at first use, in some ms."""
        if lang == FALLBACK:
            return NullTranslations()
        with (self.folder / f"{lang}.po").open("rb") as file:
            catalogue = read_po(file, domain=lang)
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        return GNUTranslations(compiled)


def to_translate(message: str) -> str:
    """Marks a text that is translated elsewhere, so that it gets into the catalogues."""
    return message


@cache
def direction(lang: str) -> str:
    """`ltr` or `rtl`."""
    return Locale.parse(lang.partition("-")[0]).text_direction
