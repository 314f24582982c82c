"""The catalogues' upkeep: new ones from templates and code, and what is wrong with them."""

import io
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from shared.catalogues import FALLBACK, Catalogues

_KEYWORDS = {"_": None, "gettext": None, "to_translate": None, "ngettext": (1, 2)}
_GAP = re.compile(r"%\(\w+\)s")
_NOT_A_GAP = re.compile(r"%(?!\(\w+\)s)")
_MARKUP = re.compile("[<>&\ue000\ue001]")
_REVIEWED = re.compile(r'^"X-Reviewed: (no|yes, .+)\\n"$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Texts:
    """Where the texts of one service stand (`methods` as Babel takes them, below `root`) and its catalogues."""

    project: str
    root: Path
    methods: Sequence[tuple[str, str]]
    options: Mapping[str, dict[str, Any]]
    catalogues: Catalogues

    @property
    def translated(self) -> tuple[str, ...]:
        return tuple(lang for lang in self.catalogues.languages if lang != FALLBACK)

    def messages(self) -> Catalog:
        """Every text that is said in templates and code, German, where it stands."""
        catalogue = Catalog(project=self.project, charset="utf-8")
        found = extract_from_dir(
            str(self.root), method_map=self.methods, options_map=self.options, keywords=_KEYWORDS
        )
        for file, _, message, comments, context in found:
            catalogue.add(message, locations=[(Path(file).as_posix(), 0)], auto_comments=comments, context=context)
        return catalogue

    def read(self, lang: str) -> Catalog:
        with (self.catalogues.folder / f"{lang}.po").open("rb") as file:
            return read_po(file)

    def reviewed(self, lang: str) -> str:
        """`no`, or `yes, by whom and when` for a catalogue that somebody has read who speaks the language."""
        found = _REVIEWED.search((self.catalogues.folder / f"{lang}.po").read_text(encoding="utf-8"))
        return found[1] if found else ""

    def renew(self) -> None:
        """Writes messages.pot, and each catalogue with new texts empty and old ones gone."""
        said, folder = self.messages(), self.catalogues.folder
        _write(folder / "messages.pot", said, reviewed="")
        for lang in self.translated:
            _write(folder / f"{lang}.po", renewed(self.read(lang), said), reviewed=self.reviewed(lang) or "no")

    def command(self) -> int:
        """Renews the catalogues, with `--check` only says what is wrong; the exit code."""
        if "--check" not in sys.argv[1:]:
            self.renew()
        said = self.messages()
        faults = [f"{lang}.po: {flaw}" for lang in self.translated for flaw in flaws(self.read(lang), said)]
        print("\n".join(faults or ["Every text is there in every language."]))
        return 1 if faults else 0


def flaws(catalogue: Catalog, said: Catalog) -> list[str]:
    """What is missing, doubtful, left over or broken, as lines for people."""
    needed = {_key(message) for message in said if message.id}
    there = {_key(message): message for message in catalogue if message.id}
    return [
        *(f"missing: {key!r}" for key in sorted(needed) if key not in there or not _is_whole(there[key])),
        *(f"nobody needs any more: {key!r}" for key in sorted(there.keys() - needed)),
        *(f"{fault}: {key!r}" for key, message in there.items() for fault in _faults(message, catalogue)),
    ]


def renewed(catalogue: Catalog, said: Catalog) -> Catalog:
    """In the order of the template; what was translated for a text that is gone helps nobody."""
    result = Catalog(locale=catalogue.locale, charset="utf-8")
    for message in said:
        if message.id:
            old = catalogue.get(message.id)
            kept = old.string if old and not old.fuzzy else ""
            result.add(message.id, kept, locations=message.locations)
    return result


def _write(path: Path, catalogue: Catalog, *, reviewed: str) -> None:
    body = io.BytesIO()
    write_po(body, catalogue, omit_header=True, include_lineno=False, width=110)
    path.write_bytes(_header(catalogue, reviewed).encode() + body.getvalue())


def _header(catalogue: Catalog, reviewed: str) -> str:
    """Without times, which would make each renewal a change."""
    fields = {
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
    }
    if catalogue.locale:
        fields["Language"] = str(catalogue.locale)
        fields["Plural-Forms"] = catalogue.plural_forms
        fields["X-Reviewed"] = reviewed
    lines = "".join(f'"{name}: {value}\\n"\n' for name, value in fields.items())
    return f'msgid ""\nmsgstr ""\n{lines}\n'


def _faults(message: Message, catalogue: Catalog) -> Iterator[str]:
    if message.fuzzy:
        yield "nobody has looked at it again (fuzzy)"
    texts = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
    german = (message.id,) if isinstance(message.id, str) else tuple(message.id)
    if isinstance(message.id, tuple) and _is_whole(message) and len(texts) != catalogue.num_plurals:
        yield f"needs {catalogue.num_plurals} plural forms"
    gaps = set(_GAP.findall(german[-1]))
    for text in filter(None, texts):
        found = set(_GAP.findall(text))
        # "One person", "two persons": languages with words for these need no figure.
        if found != gaps and not (isinstance(message.id, tuple) and found == gaps - {"%(num)s"}):
            yield f"has the gaps {sorted(found)} instead of {sorted(gaps)}"
        if _NOT_A_GAP.search(text):
            yield "has a % that begins no gap"
        if _MARKUP.search(text):
            yield "has signs that are markup"


def _key(message: Message) -> str:
    return message.id[0] if isinstance(message.id, tuple) else str(message.id)


def _is_whole(message: Message) -> bool:
    return all(message.string) if isinstance(message.string, tuple) else bool(message.string)
