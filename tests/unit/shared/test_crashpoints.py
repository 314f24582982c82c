import subprocess
import sys
from pathlib import Path

import pytest

from shared.crashpoints import EXIT_CODE, VARIABLE, CrashPoint, UnknownCrashPoint, parse

PROGRAM = """
from shared.crashpoints import CrashPoint, crash_point
for time in range(1, 4):
    crash_point(CrashPoint.RELAY_AFTER_PULL)
    crash_point(CrashPoint.RELAY_AFTER_CONFIRM)
    print(time, flush=True)
"""


def run(setting: str, program: str = PROGRAM) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", program], env={VARIABLE: setting}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("setting", "lines"), [("relay_after_confirm", 0), ("relay_after_confirm:1", 0), ("relay_after_confirm:3", 2)]
)
def test_armed_process_dies_when_it_comes_there_the_nth_time(setting: str, lines: int) -> None:
    done = run(setting)
    assert (done.returncode, len(done.stdout.splitlines())) == (EXIT_CODE, lines)
    assert done.stderr == f"crash point relay_after_confirm:{lines + 1}: the process ends here\n"


@pytest.mark.parametrize("setting", ["", "relay_after_confirm:4", "booking_after_insert"])
def test_process_that_is_not_armed_there_goes_on(setting: str) -> None:
    done = run(setting)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["1", "2", "3"], "")


FILED_PROGRAM = """
import os
from pathlib import Path
from shared.crashpoints import CrashPoint, crash_point
file = Path(os.environ["AMTSTERMIN_CRASH_AT"][1:])
for setting in ("", "relay_after_pull:2", "relay_after_confirm:2"):
    file.write_text(setting)
    for time in range(1, 4):
        crash_point(CrashPoint.RELAY_AFTER_CONFIRM)
        print(setting, time, flush=True)
"""


def test_a_file_arms_a_running_process_from_then_on(tmp_path: Path) -> None:
    done = run(f"@{tmp_path / 'crash_at'}", FILED_PROGRAM)
    assert done.returncode == EXIT_CODE
    assert done.stdout.splitlines()[-1] == "relay_after_confirm:2 1"
    assert len(done.stdout.splitlines()) == 7


def test_unknown_crash_point_ends_the_start_with_its_name() -> None:
    done = run("relay_after_lunch")
    assert done.returncode == 1
    assert done.stderr.startswith("AMTSTERMIN_CRASH_AT: there is no crash point 'relay_after_lunch', but: ")


@pytest.mark.parametrize("setting", ["relay_after_confirm:0", "relay_after_confirm:-1", "relay_after_confirm:x"])
def test_number_of_times_counts_from_one(setting: str) -> None:
    with pytest.raises(UnknownCrashPoint):
        parse(setting)


def test_name_on_the_wire_is_the_members_own() -> None:
    assert all(point.value == point.name.lower() for point in CrashPoint)
