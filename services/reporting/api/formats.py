"""A flat table as JSON, CSV or XLSX; which of them an Accept header asks for."""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import xlsxwriter
from fastapi import Request, Response
from fastapi.responses import JSONResponse

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows hold a value for every column."""

    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, Value]]


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# The same figures must give the same bytes, whatever the hour.
_CREATED = datetime(2021, 6, 1, tzinfo=UTC)


def answer(
    request: Request, table: Table, *, format: Format | None, name: str, headers: Mapping[str, str]
) -> Response:
    """`table` in the format asked for; `name` is the file's, without suffix."""
    chosen = format or preferred(request.headers.get("accept", ""))
    fields = dict(headers)
    if chosen is not Format.JSON:
        fields["Content-Disposition"] = f'attachment; filename="{name}.{chosen}"'
    return etag_answer(request, rendered(table, chosen), media_type=chosen.media_type, headers=fields)


def etag_answer(request: Request, body: bytes, *, media_type: str, headers: Mapping[str, str]) -> Response:
    """`body`, or 304 where the reader has it already."""
    tag = f'"{hashlib.sha256(media_type.encode() + body).hexdigest()[:32]}"'
    fields = {"ETag": tag, **headers}
    if _is_known(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=fields)
    return Response(body, media_type=media_type, headers=fields)


def _is_known(header: str, tag: str) -> bool:
    """RFC 9110: compared weakly, `*` is whatever there is."""
    known = {part.strip().removeprefix("W/") for part in header.split(",")}
    return tag in known or "*" in known


def rendered(table: Table, format: Format) -> bytes:
    if format is Format.CSV:
        return as_csv(table).encode()
    return as_xlsx(table) if format is Format.XLSX else as_json(table)


def as_json(table: Table) -> bytes:
    return bytes(JSONResponse([{name: row[name] for name in table.columns} for row in table.rows]).body)


def as_csv(table: Table) -> str:
    """RFC 4180, with a header; what does not apply is empty."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(table.columns)
    for row in table.rows:
        lines.writerow(_cell(row[column]) for column in table.columns)
    return out.getvalue()


def _cell(value: Value) -> str | int | float:
    """A spreadsheet would run a text that begins like a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return "" if value is None else value


def as_xlsx(table: Table) -> bytes:
    """One sheet; text stays text, whatever it begins with."""
    out = io.BytesIO()
    # Without temporary files: the container's disk is read-only.
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        book.set_properties({"created": _CREATED})
        sheet = book.add_worksheet("figures")
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(table.columns):
            sheet.write_string(0, column, name, book.add_format({"bold": True}))
            for line, row in enumerate(table.rows, 1):
                _write(sheet, line, column, row[name])
        sheet.autofit()
    return out.getvalue()


def _write(sheet: xlsxwriter.workbook.Worksheet, line: int, column: int, value: Value) -> None:
    if isinstance(value, str):
        sheet.write_string(line, column, value)
    elif value is not None:
        sheet.write_number(line, column, value)


def preferred(accept: str) -> Format:
    """What stands highest in an Accept header (RFC 9110); JSON where others are only as good."""
    return max(Format, key=lambda each: (_quality(accept, each.media_type), each is Format.JSON))


def _quality(accept: str, media_type: str) -> float:
    """Of the most specific range that covers `media_type`: its q, and a trace more for naming it fully."""
    ranges = (media_type, media_type.split("/")[0] + "/*", "*/*")
    found: dict[str, float] = {}
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        found[name] = _q(parameters)
    for bonus, name in zip((0.0001, 0, 0), ranges, strict=True):
        if name in found:
            return found[name] + (bonus if found[name] else 0)
    return 0.0


def _q(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
