"""docs/figures.md from the code: `python -m services.reporting.definitions docs/figures.md`."""

import sys
from pathlib import Path

from services.reporting.domain import FIGURES, Figure, Group, Section

_HEAD = """# Figures

What reporting counts, as `GET /v1/reports/figures` and the dashboard show it. Generated from
`services/reporting/domain/figures/` by `make docs`; the same sentences stand in the API's OpenAPI.

Every figure is a function of facts: the newest known state of each appointment, message, minute of searches,
planned day and hourly look at free times.
An event that comes late or twice changes nothing but what it should, and an empty database that hears all
events again shows the same figures. No figure is about a person: reporting holds no name, address or number.

A figure counts on a **day** of the local calendar (`REPORTING_TIMEZONE`, Europe/Berlin by default). In a query
`from` is included and `to` is not. Days without anything to tell have no row.

Sums are integers and add up. Medians and 90% values are by nearest rank over every single value of the group, so
they occurred; they never come from other medians. Shares are of sums, worked out after grouping and rounded half
up to one digit; without anything to share they are null. "Unit" says what a number is in. A figure can be told
apart by day, by office and by what stands under "by"; grouped by anything else, it stands in the row where that is
null.

## Groups

| `group_by` | meaning |
| --- | --- |
"""
_COLUMNS = "| column | title | what counts, and on which day | unit | by |"


def markdown() -> str:
    lines = [_HEAD.rstrip("\n")]
    lines += [f"| `{group.value}` | {group.definition} |" for group in Group]
    for section in Section:
        lines += [
            "",
            f"## {section.named['en']} ({section.named['de']})",
            "",
            _COLUMNS,
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [_line(figure) for figure in FIGURES if figure.section is section]
    return "\n".join(lines) + "\n"


def _line(figure: Figure) -> str:
    groups = " ".join(f"`{group}`" for group in figure.groups if group not in (Group.DAY, Group.OFFICE))
    title, definition = f"{figure.title['en']} ({figure.title['de']})", figure.definition["en"]
    return f"| `{figure.name}` | {title} | {definition} | {figure.unit} | {groups} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown(), encoding="utf-8")
