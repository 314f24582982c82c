"""docs/figures.md from the code: `python -m services.reporting.definitions docs/figures.md`."""

import sys
from pathlib import Path

from services.reporting.domain import FIGURES, Group

_HEAD = """# Figures

What reporting counts, as `GET /v1/reports/figures` and the dashboard show it. Generated from
`services/reporting/domain/figures.py` by `make docs`; the same sentences stand in the API's OpenAPI.

Every figure is a function of facts: the newest known state of each appointment, message and minute of searches.
An event that comes late or twice changes nothing but what it should, and an empty database that hears all
events again shows the same figures. No figure is about a person: reporting holds no name, address or number.

A figure counts on a **day** of the local calendar (`REPORTING_TIMEZONE`, Europe/Berlin by default). In a query
`from` is included and `to` is not. Days without anything to tell have no row.

## Groups

| `group_by` | meaning |
| --- | --- |
"""


def markdown() -> str:
    lines = [_HEAD.rstrip("\n")]
    lines += [f"| `{group.value}` | {group.definition} |" for group in Group]
    lines += ["", "## Figures", "", "| column | title | what counts, and on which day |", "| --- | --- | --- |"]
    lines += [f"| `{f.name}` | {f.title['en']} ({f.title['de']}) | {f.definition['en']} |" for f in FIGURES]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown(), encoding="utf-8")
