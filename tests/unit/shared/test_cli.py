"""The command line of an image, which carries one service and only the libraries that this one needs."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.process import ROOT

_PLAY = """
import sys
sys.modules.update(dict.fromkeys({missing!r}))
from shared.cli import main
sys.argv = ["amtstermin", "--help"]
main()
"""

_MODULES = {name: name for name in ("xlsxwriter", "typst", "segno", "jinja2")} | {"pynacl": "nacl"}


def _locked(service: str) -> set[str]:
    text = (ROOT / "requirements" / f"{service}.txt").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


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
    shutil.copytree(ROOT / "shared", tmp_path / "shared")
    shutil.copytree(ROOT / "services" / service, tmp_path / "services" / service)
    shutil.copy(ROOT / "services" / "__init__.py", tmp_path / "services")
    everywhere = _locked("booking") | _locked("notification") | _locked("reporting")
    missing = [_MODULES[name] for name in sorted(everywhere - _locked(service)) if name in _MODULES]
    others = [f"services.{name}" for name in ("booking", "notification", "reporting") if name != service]

    done = subprocess.run(
        [sys.executable, "-c", _PLAY.format(missing=[*missing, *others, "deploy.local"])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    offered = set(re.findall(r"^ {4}([a-z-]+)", done.stdout, re.MULTILINE))
    assert offered.issuperset(some), done.stdout
    assert offered.isdisjoint(none), done.stdout
