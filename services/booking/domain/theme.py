"""How an office's pages look: one colour of its own, in light and dark, that can be read wherever it stands."""

from dataclasses import dataclass

from services.booking.domain.colours import READABLE, least_contrast, mixed

# What style.css has behind text, and on a button in the office's colour; a test holds them together.
LIGHT, DARK = ("#f5f6f4", "#ffffff"), ("#11181a", "#1a2326")
ON_LIGHT, ON_DARK = "#ffffff", "#06262c"
_TINT_LIGHT, _TINT_DARK = 0.1, 0.14
_STEPS = 20


class Unreadable(ValueError):
    """Says which colour, where, and what would do."""

    def __init__(self, colour: str, found: float, where: str) -> None:
        super().__init__(
            f"{colour} has a contrast of {found:.1f}:1 on {where} pages, and {READABLE}:1 is needed: "
            f"take a {'darker' if where == 'light' else 'lighter'} one"
        )


@dataclass(frozen=True, slots=True)
class Shades:
    """`accent` is links and buttons, `strong` the same under the pointer, `on` text on it, `tint` a ground."""

    accent: str
    strong: str
    on: str
    tint: str


def light(accent: str) -> Shades:
    """Raises Unreadable."""
    tint = mixed(ON_LIGHT, accent, _TINT_LIGHT)
    _must_be_readable(accent, (*LIGHT, ON_LIGHT, tint), "light")
    return Shades(accent, mixed(accent, "#000000", 0.3), ON_LIGHT, tint)


def dark(accent: str) -> Shades:
    """Raises Unreadable."""
    tint = _dark_tint(accent)
    _must_be_readable(accent, (*DARK, ON_DARK, tint), "dark")
    return Shades(accent, mixed(accent, "#ffffff", 0.4), ON_DARK, tint)


def lightened(accent: str) -> str:
    """The nearest to `accent` that can be read on dark pages, with white mixed in."""
    shades = (mixed(accent, "#ffffff", step / _STEPS) for step in range(_STEPS + 1))
    grounds = (*DARK, ON_DARK)
    return next(s for s in shades if least_contrast(s, (*grounds, _dark_tint(s))) >= READABLE)


def _dark_tint(accent: str) -> str:
    return mixed(DARK[1], accent, _TINT_DARK)


def _must_be_readable(accent: str, grounds: tuple[str, ...], where: str) -> None:
    found = least_contrast(accent, grounds)
    if found < READABLE:
        raise Unreadable(accent, found, where)
