"""The delivered office with short times and more desks: holds run out and freed times return during a proof."""

from pathlib import Path

from bench.office import OFFICE_FILE, write_large_office

_SHORT = {
    "hold_minutes = 10": "hold_minutes = 1",
    "confirm_minutes = 60": "confirm_minutes = 1",
    "cooling_minutes = [10, 40]": "cooling_minutes = [0, 1]",
}


def write_proof_office(folder: Path, *, of: Path = OFFICE_FILE) -> Path:
    """Writes the office file below `folder`, made from `of`, and returns the folder."""
    file = write_large_office(folder, of=of) / OFFICE_FILE.name
    text = file.read_text(encoding="utf-8")
    for usual, short in _SHORT.items():
        if text.count(usual) != 1:
            raise ValueError(f"the office file does not say {usual!r} once")
        text = text.replace(usual, short)
    file.write_text(text, encoding="utf-8")
    return folder
