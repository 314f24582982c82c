import subprocess
import sys

import pytest

from shared.crashpoints import EXIT_CODE, VARIABLE, CrashPoint, UnknownCrashPoint, parse

PROGRAM = """
from shared.crashpoints import CrashPoint, crash_point
for time in range(1, 4):
    crash_point(CrashPoint.RELAY_AFTER_PULL)
    crash_point(CrashPoint.RELAY_AFTER_CONFIRM)
    print(time, flush=True)
"""


def run(setting: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env={VARIABLE: setting}, capture_output=True, text=True, check=False
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
