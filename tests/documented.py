"""Command lines that the documents show, and in which image each runs; only those of `amtstermin`."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml

from deploy.local.process import ROOT

DOCUMENTS = (
    "README.md",
    "docker-compose.yml",
    "deploy/cluster/README.md",
    "deploy/production/README.md",
    "docs/events.md",
    "docs/office-data.md",
    "docs/operations.md",
    "docs/reporting.md",
)
CHECKOUT = "checkout"
_SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
# Of `docker compose` and of its `run` and `exec`: what takes a word.
_TAKES_ONE = frozenset({"-f", "--file", "--profile", "--volume", "--entrypoint", "--env", "--user"})
_BLOCK = re.compile(r"^[ \t]*```console\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL)
_FENCED = re.compile(r"^[ \t]*```.*?^[ \t]*```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_ROW = re.compile(r"^\| (.+?) \| `docker compose run --rm ([\w-]+) …` \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Documented:
    """`whole` lines are typed as they are but for placeholders; others name a command with some of its options."""

    at: str
    image: str
    arguments: tuple[str, ...]
    whole: bool


def documented() -> list[Documented]:
    found = [one for name in DOCUMENTS for one in _of(name, (ROOT / name).read_text(encoding="utf-8"))]
    return [one for one in found if one.arguments]


def _of(name: str, text: str) -> Iterator[Documented]:
    for block in _BLOCK.findall(text):
        for line in re.findall(r"^[ \t]*\$ (.*)$", block.replace("\\\n", " "), re.MULTILINE):
            yield from _lines(name, line, whole=True)
    for line in re.findall(r"^# .*(docker compose run .*)$", text, re.MULTILINE) if name.endswith(".yml") else ():
        yield from _lines(name, line, whole=True)
    for span in _SPAN.findall(_FENCED.sub("", text)) if name.endswith(".md") else ():
        yield from _lines(name, " ".join(span.split()), whole=False)
    for commands, service in _ROW.findall(text):
        for command in re.findall(r"`([\w-]+)(?: …)?`", commands):
            yield Documented(name, _image(service), (command,), whole=False)


def _lines(name: str, line: str, *, whole: bool) -> Iterator[Documented]:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return
    for simple in _simple(words):
        if found := _command(name, simple):
            yield replace(found, whole=whole)


def _simple(words: list[str]) -> Iterator[list[str]]:
    """Split at what a shell splits at, without what is read from files."""
    command: list[str] = []
    for word in [*words, "|"]:
        if word in ("|", "&&", ";"):
            yield command
            command = []
        else:
            command.append(word)


def _command(name: str, words: list[str]) -> Documented | None:
    if "<" in words:
        words = words[: words.index("<")]
    if words[:1] in (["amtstermin"], [".venv/bin/amtstermin"]):
        return Documented(name, CHECKOUT, _meant(words[1:]), whole=True)
    if words[:2] != ["docker", "compose"]:
        return None
    options, (action, *rest) = _options(words[2:])
    if action not in ("run", "exec"):
        return None
    options, (service, *rest) = _options(rest)
    if "--entrypoint" in options:
        return None
    if action == "exec":
        return Documented(name, _image(service), _meant(rest[1:]), True) if rest[:1] == ["amtstermin"] else None
    entrypoint = _SERVICES[service].get("entrypoint", ["amtstermin"])
    # What is given takes the place of the service's own command.
    rest = rest or shlex.split(_SERVICES[service].get("command", ""))
    return Documented(name, _image(service), _meant([*entrypoint[1:], *rest]), whole=True)


def _options(words: list[str]) -> tuple[list[str], list[str]]:
    """Those before the first word that is none, and the rest."""
    place = 0
    while place < len(words) and words[place].startswith("-"):
        place += 2 if words[place] in _TAKES_ONE else 1
    return words[:place], words[place:] or [""]


def _image(service: str) -> str:
    return str(_SERVICES[service]["image"]).split("/")[1].split(":")[0]


def _meant(words: list[str]) -> tuple[str, ...]:
    """A time for what stands for one, the first of what may be chosen, nothing for what may follow."""
    return tuple(
        "2026-12-01T08:00+01:00" if word in ("TIME", "<time>") else word.split("|")[0]
        for word in words
        if word != "…"
    )
