"""`python -m tests.mutants`: puts each deliberate fault into a copy of the code and runs what must catch it."""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from deploy.local.process import ROOT
from shared.setup import Trouble

FOLDER = Path(__file__).parent
_WALK = ("pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/e2e/test_crash_points.py", "-k")
_PROVE = ("tests.prove", "--seed", "1", "--report", "proof.md")
_LONGEST_S = 900
# What both commands say of a promise that was broken; anything else went wrong before.
_BROKEN = 1


@dataclass(frozen=True, slots=True)
class Mutant:
    """A patch and the command that must fail with it: a part of the crash-point walk, or of the proof."""

    number: int
    patch: Path
    catcher: tuple[str, ...]

    @property
    def what(self) -> str:
        return self.patch.read_text(encoding="utf-8").partition("\n")[0]


CATCHERS: dict[int, tuple[str, ...]] = {
    1: (*_WALK, "consumer_before_handler or notification_after_state"),
    2: (*_WALK, "relay_before_publish"),
    3: (*_PROVE, "--minutes", "0.5", "--faults", "39"),
    4: (*_PROVE, "--minutes", "0.5", "--faults", "1"),
    5: (*_PROVE, "--minutes", "0.5", "--faults", "17"),
    6: (*_PROVE, "--minutes", "0.5", "--faults", "17"),
    7: (*_PROVE, "--minutes", "0.7", "--faults", "1"),
    8: (*_PROVE, "--minutes", "0.7", "--faults", "25"),
}


def mutants() -> list[Mutant]:
    patches = {int(path.name.partition("_")[0]): path for path in FOLDER.glob("*.patch")}
    if patches.keys() != CATCHERS.keys():
        raise LookupError(f"patches {sorted(patches)} and catchers {sorted(CATCHERS)} are not the same")
    return [Mutant(number, patches[number], CATCHERS[number]) for number in sorted(patches)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("numbers", nargs="*", type=int, help="of the mutants to run; all by default")
    parser.add_argument("--control", action="store_true", help="run the same commands on the code as it is")
    given = parser.parse_args()
    chosen = [mutant for mutant in mutants() if not given.numbers or mutant.number in given.numbers]
    try:
        results = [_try(mutant, control=given.control) for mutant in chosen]
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 2
    return 0 if all(results) else 1


def _try(mutant: Mutant, *, control: bool) -> bool:
    """Whether the mutant was caught, or, as a control, whether the same command passes without it."""
    print(f"{mutant.number}. {'Unchanged' if control else mutant.what} …", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="amtstermin-mutant-") as folder:
        copy_code(Path(folder))
        if not control:
            apply(mutant.patch, Path(folder))
        log = Path(folder) / "catcher.log"
        code = _run(mutant.catcher, Path(folder), log)
        evidence = _evidence(log)
        if code not in (0, _BROKEN) or (code and not evidence):
            raise Trouble(f"{' '.join(mutant.catcher)} ended with {code}:\n{log.read_text()[-3000:]}")
    right = code == 0 if control else code == _BROKEN
    verdict = "passes" if code == 0 else "caught"
    by = f"{' '.join(mutant.catcher)}, {time.monotonic() - started:.0f} s"
    print(f"   {verdict}{'' if right else ' — WRONG'} by {by}\n   {evidence}", flush=True)
    return right


def copy_code(target: Path) -> None:
    """Everything that belongs to the project, as it stands here now."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((ROOT / name).read_bytes())


def apply(patch: Path, target: Path, *options: str) -> None:
    """Raises Trouble where the code has moved on and the patch no longer fits."""
    command: list[str | Path] = ["git", "apply", *options, patch]
    done = subprocess.run(command, cwd=target, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"{patch.name} does not fit the code any more, make it anew: {done.stderr.strip()}")


def _run(command: tuple[str, ...], folder: Path, log: Path) -> int:
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=_LONGEST_S,
        )
    return done.returncode


def _evidence(log: Path) -> str:
    """The first lines that say what was wrong."""
    telling = ("lost, ", "doubled, ", "stuck, ", "wrong, ", "E  ", "No violation")
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    found = [line for line in lines if line.startswith(telling)][:2]
    return "\n   ".join(line[:200] for line in found)


if __name__ == "__main__":
    sys.exit(main())
