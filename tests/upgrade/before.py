"""Which version is the one before, and its code."""

import io
import subprocess
import tarfile
from pathlib import Path

from deploy.local.process import ROOT

# The version that this one replaces, where there is no release yet. As soon as there is one, its tag is taken: the
# newest `v…` before the commit at hand. Nothing to do at a release, then; move this only to try another one.
FIRST = "757b2fb"


class Unknown(Exception):
    """This checkout does not hold the version before: a shallow clone, or no repository at all."""


def version_before() -> str:
    """The newest release before this commit, else FIRST."""
    asked = ("describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^")
    tag = subprocess.run(["git", *asked], cwd=ROOT, capture_output=True, text=True, check=False)
    return tag.stdout.strip() or FIRST


def unpack(revision: str, folder: Path) -> Path:
    """The code of `revision` below `folder`. Raises Unknown with the reason."""
    try:
        done = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        raise Unknown("there is no git here") from None
    if done.returncode:
        raise Unknown(f"git does not know {revision} here: {done.stderr.decode(errors='replace').strip()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder
