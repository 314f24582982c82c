"""The command line of an image, which carries one service and only the libraries that this one needs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.process import ROOT
from tests.documented import CHECKOUT, DOCUMENTS, documented

_PLAY = """
import sys
sys.modules.update(dict.fromkeys({missing!r}))
from shared.cli import main
sys.argv = ["amtstermin", "--help"]
main()
"""
# Each line of what is given, as it is parsed; what an error or the help says comes back.
_PARSE = """
import contextlib, io, json, sys
sys.modules.update(dict.fromkeys({missing!r}))
from shared.cli import _parser
parser, said = _parser(), []
for arguments in json.load(sys.stdin):
    told, code = io.StringIO(), 0
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        try:
            parser.parse_args(arguments)
        except SystemExit as end:
            code = end.code
    said.append([code, told.getvalue()])
print(json.dumps(said))
"""

_MODULES = {name: name for name in ("xlsxwriter", "typst", "segno", "jinja2")} | {"pynacl": "nacl"}


def _locked(service: str) -> set[str]:
    text = (ROOT / "requirements" / f"{service}.txt").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


SERVICES = ("booking", "notification", "reporting")


def _missing(*services: str) -> list[str]:
    """What the image of these does not carry; a checkout carries all."""
    everywhere = set().union(*map(_locked, SERVICES))
    here = set().union(*map(_locked, services))
    missing = [_MODULES[name] for name in sorted(everywhere - here) if name in _MODULES]
    return [*missing, *(f"services.{name}" for name in SERVICES if name not in services), "deploy.local"]


def _image(folder: Path, *services: str) -> Path:
    shutil.copytree(ROOT / "shared", folder / "shared")
    for service in services:
        shutil.copytree(ROOT / "services" / service, folder / "services" / service)
    shutil.copy(ROOT / "services" / "__init__.py", folder / "services")
    return folder


@pytest.mark.parametrize(
    ("service", "some", "none"),
    [
        ("booking", ("office", "staff", "backup", "migrate"), ("reporting",)),
        ("notification", ("notification", "backup", "migrate"), ("office",)),
        ("reporting", ("reporting", "doctor", "migrate"), ("office", "backup")),
    ],
)
def test_every_image_has_a_command_line(
    service: str, some: tuple[str, ...], none: tuple[str, ...], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PLAY.format(missing=_missing(service))],
        cwd=_image(tmp_path, service),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    offered = set(re.findall(r"^ {4}([a-z-]+)", done.stdout, re.MULTILINE))
    assert offered.issuperset(some), done.stdout
    assert offered.isdisjoint(none), done.stdout


@pytest.mark.parametrize("image", [CHECKOUT, "tools", "booking", "notification"])
def test_each_documented_command_is_one_of_the_image_where_it_runs(image: str, tmp_path: Path) -> None:
    lines = [one for one in documented() if one.image == image]
    assert lines, image
    services = SERVICES if image in (CHECKOUT, "tools") else (image,)
    tree = ROOT if image == CHECKOUT else _image(tmp_path, *services)
    play = _PARSE.format(missing=[] if image == CHECKOUT else _missing(*services))
    asked = [[*one.arguments, "--help"] for one in lines] + [list(one.arguments) for one in lines if one.whole]

    done = subprocess.run(
        [sys.executable, "-c", play],
        cwd=tree,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    wrong = [(arguments, text[-300:]) for arguments, (code, text) in zip(asked, said, strict=True) if code]
    assert not wrong
    for one, (_, help_) in zip(lines, said, strict=False):
        options = set(re.findall(r"--[\w-]+", help_))
        unknown = [word for word in one.arguments if word.startswith("--") and word not in options]
        assert not unknown, (one.at, one.arguments, unknown)


def test_no_document_has_lost_its_commands() -> None:
    """So that the test above cannot look at nothing."""
    found = documented()
    assert {one.at for one in found} == set(DOCUMENTS)
    assert sum(one.whole for one in found) > 30
    assert sum(not one.whole for one in found) > 50
    assert {"restore", "reporting", "migrate", "doctor"} <= {
        one.arguments[0] for one in found if one.image == "tools"
    }
