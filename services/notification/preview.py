"""`amtstermin notification preview`: every message in every language as files, with pages to look at them."""

import argparse
import tomllib
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ValidationError

from services.notification.catalogues import FALLBACK, LANGUAGES, direction
from services.notification.purposes import Purpose
from services.notification.rendering import TEMPLATES
from services.notification.samples import CASES, Rendered, samples
from services.notification.translating import reviewed
from shared.contracts import Office
from shared.setup import Trouble, deploy_folder


def register(actions: Any) -> None:
    """Adds `amtstermin notification preview`."""
    preview = actions.add_parser(
        "preview", help="every message in every language, into a folder with an index page"
    )
    preview.add_argument("folder", type=Path, help="where to; made if it is not there")
    preview.add_argument(
        "--office", type=Path, metavar="FILE", help="the office's data (the first in deploy/offices)"
    )
    preview.add_argument("--language", action="append", choices=LANGUAGES, help="only this one; may be repeated")
    preview.add_argument("--purpose", action="append", choices=[*Purpose], help="only this one; may be repeated")
    preview.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    office = read_office(arguments.office or _first_office())
    languages = tuple(arguments.language or (FALLBACK, *(lang for lang in LANGUAGES if lang != FALLBACK)))
    now = datetime.now(ZoneInfo(office.timezone))
    shown = list(samples(office, languages=languages, purposes=tuple(arguments.purpose or Purpose), now=now))
    index = write(shown, folder=arguments.folder)
    print(f"{len(shown)} messages. Open {index}")


def read_office(file: Path) -> Office:
    """Raises Trouble. Keys of booking's own are left aside; `amtstermin office import` looks at all of them."""
    try:
        return Office.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        raise Trouble(f"{file}: {error}") from None


def write(shown: Sequence[Rendered], *, folder: Path) -> Path:
    """The index page's path. Files are `<language>/<message>.html`, `.txt`, `.sms` and `.ics`.

    `sheet.html` is all of them on one page, for a picture.
    """
    for one in shown:
        there = folder / one.language
        there.mkdir(parents=True, exist_ok=True)
        for ending, content in _files(one):
            (there / f"{one.case.name}.{ending}").write_bytes(content)
    languages = list(dict.fromkeys(one.language for one in shown))
    for language in languages:
        _page("language", folder / language / "index.html", language, [s for s in shown if s.language == language])
    for page in ("sheet", "index"):
        _page(page, folder / f"{page}.html", FALLBACK, shown)
    return folder / "index.html"


def _files(one: Rendered) -> Iterable[tuple[str, bytes]]:
    yield "html", one.mail.html.encode()
    yield "txt", f"{one.mail.subject}\n\n{one.mail.text}".encode()
    if one.sms:
        yield "sms", one.sms.encode()
    if one.mail.calendar:
        yield "ics", one.mail.calendar


def _page(template: str, path: Path, language: str, shown: Sequence[Rendered]) -> None:
    text = _PAGES.get_template(f"{template}.html").render(
        language=language,
        dir=direction(language),
        shown=shown,
        languages=list(dict.fromkeys(one.language for one in shown)),
        cases=[case for case in CASES if any(one.case is case for one in shown)],
        there={(one.case.name, one.language): one for one in shown},
        reviewed=lambda lang: lang == FALLBACK or reviewed(lang).startswith("yes"),
    )
    path.write_text(text, encoding="utf-8")


def _first_office() -> Path:
    files = sorted((deploy_folder() / "offices").glob("*.toml"))
    if not files:
        raise Trouble("Name the office's file with --office.")
    return files[0]


_PAGES = Environment(
    loader=FileSystemLoader(TEMPLATES / "preview"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
