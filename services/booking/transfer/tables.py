"""CSV with a heading line, UTF-8, separated by commas or semicolons; as spreadsheets write and read it."""

import csv
import io
from collections.abc import Iterable

from services.booking.transfer.rows import COLUMNS, REQUIRED, Fault, Read, Row

# A spreadsheet takes what begins so for a formula.
_FORMULA = ("=", "@", "-", "\t", "\r")


def read_table(data: bytes) -> Read:
    read = Read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        read.faults.append(Fault(1 + data[: error.start].count(b"\n"), "the file is not UTF-8"))
        return read
    heading = text.partition("\n")[0]
    lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=heading.count), strict=True)
    try:
        if fault := _fault_of(lines.fieldnames or ()):
            read.faults.append(fault)
            return read
        for values in lines:
            _add(read, lines.line_num, values)
    except csv.Error as error:
        read.faults.append(Fault(lines.line_num + 1, f"no CSV: {error}"))
    return read


def _fault_of(names: Iterable[str]) -> Fault | None:
    given = set(names)
    if missing := [name for name in REQUIRED if name not in given]:
        return Fault(1, f"columns are missing: {', '.join(missing)}")
    if unknown := sorted(given - {*COLUMNS}):
        return Fault(1, f"columns that nobody knows: {', '.join(unknown)}; there are {', '.join(COLUMNS)}")
    return None


def _add(read: Read, line: int, values: dict[str | None, str | list[str] | None]) -> None:
    if None in values or None in values.values():
        read.faults.append(Fault(line, "more or fewer fields than the heading line has"))
        return
    read.add(line, {str(name): str(value).strip().removeprefix("'") for name, value in values.items()})


def write_table(rows: Iterable[Row]) -> bytes:
    """With a mark that lets spreadsheets see that it is UTF-8."""
    text = io.StringIO(newline="")
    table = csv.writer(text, delimiter=";")
    table.writerow(COLUMNS)
    for row in rows:
        values = row.model_dump() | {"municipalities": " ".join(row.municipalities)}
        table.writerow([_harmless(values[name] or "") for name in COLUMNS])
    return text.getvalue().encode("utf-8-sig")


def _harmless(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value
