from pathlib import Path

from services.reporting.definitions import markdown

_PAGE = Path(__file__).parents[3] / "docs" / "figures.md"


def test_page_of_definitions_is_generated_from_code() -> None:
    assert _PAGE.read_text(encoding="utf-8") == markdown(), "run `make docs`"
