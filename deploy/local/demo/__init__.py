"""The main jobs on real servers, through the public interfaces only: HTTP, mail, figures, the command line."""

import sys
import tempfile
import time
from pathlib import Path

import httpx

from deploy.local.demo.main_job import main_job
from deploy.local.demo.office import office_work
from deploy.local.demo.steps import DemoFailed, Told
from deploy.local.stack import Stack
from shared.setup import Trouble


def run_demo() -> int:
    """0 where every step did what it should."""
    print("Amtstermin demo: a family picks up its residence cards, then a day of the office.\n")
    told, started = Told(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="amtstermin-demo-") as folder:
        stack = Stack(folder=Path(folder))
        try:
            with told.step("RabbitMQ, MongoDB, a mail catcher and the three services start") as note:
                stack.start()
                note(", ".join(f"{name} {url}" for name, url in stack.addresses.items()))
            with httpx.Client(base_url=stack["booking"].url, timeout=30) as http:
                office = main_job(told, stack, http)
                office_work(told, stack, http, office)
        except (DemoFailed, Trouble, httpx.HTTPError, LookupError, ValueError) as error:
            print(f"\nStep {told.number} failed ({told.title}): {error!s:.600}", file=sys.stderr)
            _show_logs(stack)
            return 1
        finally:
            stack.stop()
    seconds = time.monotonic() - started
    print(f"\nAll {told.number} steps did what they should, in {seconds:.0f} s; everything is stopped.")
    return 0


def _show_logs(stack: Stack) -> None:
    """The folder goes away with the demo; its last words should not."""
    for process in stack.processes:
        if process.log.exists():
            lines = process.log.read_text(errors="replace").splitlines()[-5:]
            print(f"\n{process.name} said last:", *lines, sep="\n  ", file=sys.stderr)
