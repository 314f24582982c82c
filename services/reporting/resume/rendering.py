"""The résumé as HTML that stands by itself, and as PDF/UA-1 by typst."""

import json
from pathlib import Path
from typing import Any

import typst
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from services.reporting.charts import Chart, svg
from services.reporting.resume.building import WORDS, Resume

_TEMPLATES = Path(__file__).parent / "templates"
_WIDTH, _PDF_WIDTH = 620, 380
# Comes with typst, so that the same file is made on any machine.
_FONT = "Libertinus Serif"
_PAGES = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def as_html(resume: Resume) -> str:
    charts = [(chart.title, Markup(svg(chart, width=_WIDTH))) for chart in resume.charts]  # noqa: S704 (our own)
    return _PAGES.get_template("resume.html").render(resume=resume, charts=charts, words=WORDS, made=_made(resume))


def as_pdf(resume: Resume) -> bytes:
    """Takes about a second; raises RuntimeError where typst refuses what it is given."""
    drawn = {f"{chart.id}.svg": svg(chart, width=_PDF_WIDTH, font=_FONT).encode() for chart in resume.charts}
    files: dict[str, bytes] = {
        "main.typ": (_TEMPLATES / "resume.typ").read_bytes(),
        "resume.json": json.dumps(_data(resume)).encode(),
        **drawn,
    }
    # Its type hints do not know that files may come from memory.
    compile: Any = typst.compile
    pdf: bytes = compile(
        files,
        format="pdf",
        pdf_standards=["ua-1"],
        ignore_system_fonts=True,
        timestamp=int(resume.made.timestamp()),
    )
    return pdf


def _data(resume: Resume) -> dict[str, Any]:
    return {
        "title": resume.title,
        "office": resume.office,
        "before": resume.before,
        "made": _made(resume),
        "text": resume.text,
        "charts": [
            {"file": f"{c.id}.svg", "title": c.title, "alt": f"{c.title}. {c.description}"} for c in resume.charts
        ],
        "tables": [{"title": t.title, "head": t.head, "rows": t.rows} for t in resume.tables],
        "definitions": resume.definitions,
    }


def _told(chart: Chart) -> str:
    return f"{chart.title}. {chart.description}"


def _made(resume: Resume) -> str:
    return f"Stand {WORDS.full_day(resume.made.date())}, {resume.made:%H:%M} Uhr"
