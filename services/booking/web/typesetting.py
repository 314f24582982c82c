"""German typography: what belongs together stays on one line, and the longest words may break where they join."""

import re

_NBSP = "\u00a0"
_SHY = "\u00ad"
_TOGETHER = re.compile(
    r"(?<=\d) (?=(?:Uhr|Minuten?|Tagen?|Stunden?|Personen?|Euro|€|%|MB)\b|€|%)|(?<=§) (?=\d)|(?<=§§) (?=\d)"
    r"|(?<=\bz\.) (?=B\.)|(?<=\bu\.) (?=a\.)|(?<=\bd\.) (?=h\.)"
    r"|(?<=\bNr\.) (?=\d)|(?<=\bAbs\.) (?=\d)|(?<=\bArt\.) (?=\d)"
)
# Words of our pages and of offices' services that do not fit a phone's width in a heading.
_JOINTS = (
    "Ausländer|behörde",
    "Aufenthalts|titels",
    "Aufenthalts|titel",
    "Aufenthalts|karte",
    "Aufenthalts|erlaubnis",
    "Verpflichtungs|erklärung",
    "Niederlassungs|erlaubnis",
    "Fiktions|bescheinigung",
    "Nebenbestim|mungen",
    "Ausweis|funktion",
    "Barriere|freiheit",
    "Datenschutz|erklärung",
    "Lebens|unterhalt",
    "Zollern|alb|kreis",
)
_BREAKS = {word.replace("|", ""): word.replace("|", _SHY) for word in _JOINTS}
_LONG = re.compile("|".join(sorted(_BREAKS, key=len, reverse=True)))


def together(text: str) -> str:
    """With spaces that do not break between a number and its unit, and within abbreviations."""
    return _TOGETHER.sub(_NBSP, text)


def breakable(text: str) -> str:
    """With soft hyphens in long words, for headings and names on narrow screens."""
    return _LONG.sub(lambda found: _BREAKS[found.group()], text)
