"""An office's own colour: readable in light and dark, or refused with a word about why."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from deploy.local.process import ROOT
from services.booking.domain import theme
from services.booking.domain.colours import READABLE, contrast, least_contrast, mixed
from services.booking.domain.office import Office
from services.booking.domain.rules import OfficeData
from services.booking.offices import BrokenOffice, read_office
from services.booking.web import theming

FILE = ROOT / "deploy" / "offices" / "zollernalbkreis.toml"
STYLE = (ROOT / "services" / "booking" / "web" / "static" / "style.css").read_text()


def an_office(**given: Any) -> Office:
    data = read_office(FILE).model_dump(by_alias=True)
    return Office(OfficeData.model_validate({**data, "theme": given}), key=b"key")


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#0b5563", "#0B5563") == 1
    assert mixed("#000000", "#ffffff", 0.5) == "#808080"


def test_grounds_are_those_of_the_stylesheet() -> None:
    light, dark = STYLE.split("prefers-color-scheme: dark", 1)
    for text, grounds, on in ((light, theme.LIGHT, theme.ON_LIGHT), (dark, theme.DARK, theme.ON_DARK)):
        said = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", text))
        assert (said["bg"], said["surface"]) == grounds
        assert said["on-accent"] == on


@pytest.mark.parametrize("accent", ["#0b5563", "#8a1538", "#00427a", "#000000", "#4b2e83"])
def test_a_dark_colour_is_readable_wherever_it_stands_and_so_is_text_on_its_tint(accent: str) -> None:
    light, dark = theme.light(accent), theme.dark(theme.lightened(accent))
    for shades, grounds, texts in (
        (light, theme.LIGHT, ("#1b2326", "#4d5a5f")),
        (dark, theme.DARK, ("#e9eeee", "#b0bcbf")),
    ):
        for colour in (shades.accent, shades.strong, *texts):
            assert least_contrast(colour, (*grounds, shades.tint)) >= READABLE
        assert contrast(shades.on, shades.accent) >= READABLE
        assert contrast(shades.on, shades.strong) >= READABLE


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"accent": "#ffcc00"}, "#ffcc00 has a contrast of 1.4:1 on light pages"),
        ({"accent": "#767676"}, "take a darker one"),
        (
            {"accent": "#0b5563", "accent_dark": "#0b5563"},
            "on dark pages, and 4.5:1 is needed: take a lighter one",
        ),
        ({"accent_dark": "#86d3df"}, "accent_dark needs accent"),
        ({"accent": "teal"}, "should match pattern"),
        ({"accent": "#0b5563;}body{display:none"}, "should match pattern"),
    ],
)
def test_what_cannot_be_read_or_is_no_colour_is_refused(given: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValidationError) as refused:
        an_office(**given)
    assert complaint in str(refused.value)


def test_a_file_with_an_unreadable_colour_is_named_with_key_and_value(tmp_path: Path) -> None:
    """It stops the start."""
    file = tmp_path / "office.toml"
    file.write_text(f'{FILE.read_text()}\n[theme]\naccent = "#ffcc00"\n')
    with pytest.raises(BrokenOffice, match=r"office\.toml.*theme.*#ffcc00 has a contrast"):
        read_office(file)


def test_the_stylesheet_is_a_file_named_by_its_content() -> None:
    office = an_office(accent="#8a1538")
    sheet, other = theming.stylesheet(office), an_office(accent="#8a1539")
    assert sheet is not None
    assert "--accent:#8a1538" in sheet.split("@media")[0]
    assert "prefers-color-scheme: dark" in sheet
    assert theming.path(office) != theming.path(other)
    assert re.fullmatch(r"/static/theme/zollernalbkreis/[0-9a-f]{12}\.css", theming.path(office) or "")
    assert theming.path(an_office()) is None
