"""The words of messages in each language."""

from pathlib import Path

from shared.catalogues import FALLBACK, Catalogues, direction, to_translate

__all__ = ["CATALOGUES", "FALLBACK", "LANGUAGES", "direction", "language_for", "to_translate", "words"]

CATALOGUES = Catalogues(Path(__file__).parent / "locale")
LANGUAGES = CATALOGUES.languages
words = CATALOGUES.words
language_for = CATALOGUES.language_for
