"""What the host itself must have: time zone data that knows this year's rules."""

import zoneinfo
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from shared.doctor.findings import Finding, Level, well

_MARK = "# version "


def time_zones() -> Finding:
    version = tzdata_version()
    if version is None:
        do = "Install tzdata (Debian: apt-get install tzdata), so that its version can be told."
        return Finding("tzdata", Level.UNKNOWN, "nobody says which version of the time zone data this is", do)
    age = datetime.now(UTC).year - int(version[:4])
    if age > 1:
        do = "Update tzdata: where the rules changed, times are an hour off."
        return Finding("tzdata", Level.WARNING, f"time zone data {version} is {age} years old", do)
    return well("tzdata", f"time zone data {version}")


def tzdata_version() -> str | None:
    """As `2026a`: of the files that zoneinfo reads, else of the package."""
    for folder in map(Path, zoneinfo.TZPATH):
        for name in ("tzdata.zi", "+VERSION"):
            file = folder / name
            if file.is_file():
                with file.open() as lines:
                    return lines.readline().removeprefix(_MARK).strip()
    try:
        year, number = metadata.version("tzdata").split(".")[:2]
    except metadata.PackageNotFoundError:
        return None
    return f"{year}{'abcdefghij'[int(number) - 1]}"
