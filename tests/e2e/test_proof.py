"""A short proof with a fixed seed; `make prove` is the long one."""

import subprocess
import sys
from pathlib import Path

from deploy.local.process import ROOT
from tests.prove.faults import LAST_ROW
from tests.prove.matrix import rows

SEED, MINUTES, RATE = "20261124", "2", "2"


def test_a_short_proof_finds_nothing_lost_doubled_or_stuck(tmp_path: Path) -> None:
    """Seen to fail with each of the deliberate faults in tests/mutants that it is named for there."""
    report = tmp_path / "proof.md"
    command = [sys.executable, "-m", "tests.prove", "--seed", SEED, "--minutes", MINUTES, "--rate", RATE]

    done = subprocess.run(
        [*command, "--report", report], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900
    )

    print(done.stdout)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    table = [line for line in report.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert [int(line.split("|")[1]) for line in table if line.split("|")[1].strip().isdecimal()] == list(
        range(1, LAST_ROW + 1)
    )


def test_every_row_of_the_matrix_is_made() -> None:
    """Seen to fail with a row taken out."""
    assert [fault.row for fault in rows()] == list(range(1, LAST_ROW + 1))
