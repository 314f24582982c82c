"""What a résumé holds, from the same rows as API and dashboard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.reporting.charts import Chart
from services.reporting.domain import FIGURES, Figure, Group, Section
from services.reporting.pictures import label, ranked, trends
from services.reporting.reports import Reports
from services.reporting.resume.sentences import listed, paragraphs
from services.reporting.storage import OfficeData
from services.reporting.views import COMPARED, Compared, Selection, View, figure, load, sections
from services.reporting.words import Words

WORDS = Words("de")
_COMPARED = (Group.TEAM, Group.SERVICE, Group.MUNICIPALITY)


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` begin with their head; `names` are the figures of the rows, where each row is one."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resume:
    title: str
    office: str
    period: str
    before: str
    made: datetime
    text: tuple[str, ...]
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]
    definitions: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    selection: Selection


async def build(reports: Reports, selection: Selection, *, now: datetime) -> Resume:
    offices = await reports.offices()
    return assembled(await load(reports, selection), offices, now=now)


def assembled(view: View, offices: Sequence[OfficeData], *, now: datetime) -> Resume:
    period, before = (WORDS.period(each.period) for each in (view.selection, view.selection.before))
    return Resume(
        title=f"Résumé der Terminvergabe: {period}",
        office=_office(view, offices),
        period=period,
        before=before,
        made=now,
        text=tuple(paragraphs(view)),
        charts=_charts(view, offices),
        tables=(*_of_sections(view, period, before), *_of_groups(view, offices)),
        definitions=_definitions(view),
        selection=view.selection,
    )


def _office(view: View, offices: Sequence[OfficeData]) -> str:
    chosen = [o.name["de"] for o in offices if view.selection.office in (None, o.id)] or [
        view.selection.office or ""
    ]
    places = [label(group, value, WORDS, offices) for group, value in view.selection.where.items()]
    return " · ".join([listed(chosen) if len(chosen) < 3 else WORDS["all_offices"], *places])


def _charts(view: View, offices: Sequence[OfficeData]) -> tuple[Chart, ...]:
    ranking = ranked(view, Group.SERVICE, WORDS, offices)
    return (*(chart for chart, _ in trends(view, WORDS)), *([ranking] if ranking else []))


def _of_sections(view: View, period: str, before: str) -> list[Table]:
    return [
        Table(
            title=section.named["de"],
            head=(WORDS["figure"], period, before, WORDS["change"]),
            rows=tuple(
                (f.title["de"], WORDS.value(f, now), WORDS.value(f, then), WORDS.change(f, now, then))
                for f, now, then in lines
            ),
            names=tuple(f.name for f, _, _ in lines),
        )
        for section, lines in sections(view)
    ]


def _of_groups(view: View, offices: Sequence[OfficeData]) -> list[Table]:
    return [_of_group(group, view.compared[group], offices) for group in _COMPARED if view.compared[group]]


def _of_group(group: Group, lines: Sequence[Compared], offices: Sequence[OfficeData]) -> Table:
    figures = [figure(name) for name in COMPARED[group]]
    rows = (
        (label(group, line.key, WORDS, offices), *(WORDS.value(f, line.now[f.name]) for f in figures))
        for line in lines
    )
    return Table(
        title=f"{WORDS['comparison']}: {WORDS[f'by_{group}']}",
        head=(WORDS[group], *(f.title["de"] for f in figures)),
        rows=tuple(rows),
    )


def _definitions(view: View) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Of the figures that the résumé shows."""
    shown = {f.name for _, lines in sections(view) for f, _, _ in lines}
    by_section: Mapping[Section, list[Figure]] = {
        section: [f for f in FIGURES if f.section is section and f.name in shown] for section in Section
    }
    return tuple(
        (section.named["de"], tuple((f.title["de"], f.definition["de"]) for f in figures))
        for section, figures in by_section.items()
        if figures
    )
