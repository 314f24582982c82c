"""Runs the service that PROVE_SERVICE names, for a process whose clock libfaketime sets wrong.

libfaketime 0.9.10 refuses Python's sleeps, which wait for a moment of the monotonic clock, and the driver's
threads would end of that. `select` waits as long and is left alone.
"""

import os
import runpy
import select
import time
from typing import SupportsIndex

SERVICE = "PROVE_SERVICE"


def _sleep(seconds: float | SupportsIndex) -> None:
    select.select([], [], [], float(seconds))


if __name__ == "__main__":
    time.sleep = _sleep
    runpy.run_module(f"services.{os.environ[SERVICE]}", run_name="__main__")
