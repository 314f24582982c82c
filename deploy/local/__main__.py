"""`python -m deploy.local up`: the stack in the foreground. `… demo`: from a booking to the figure."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from deploy.local.demo import run_demo
from deploy.local.inbox import Inbox
from deploy.local.process import ROOT, Process
from deploy.local.stack import SERVICES, Stack
from shared.setup import STAFF_KEYS, Trouble

_PURPOSE = {
    "booking": "web pages and public API (/docs)",
    "notification": "sends mail and SMS",
    "reporting": "dashboard and figures",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything and keep it running until Ctrl-C")
    up.add_argument("--folder", type=Path, default=ROOT / ".local", help="where data, mail and logs go")
    commands.add_parser("demo", help="play one family's booking through, then stop everything")
    chosen = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stop_once)
    try:
        return run_demo() if chosen.command == "demo" else _up(chosen.folder)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.")
        return 0 if chosen.command == "up" else 130


def _stop_once(number: int, _: FrameType | None) -> NoReturn:
    """A second signal must not cut the stopping short."""
    for same in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(same, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def _up(folder: Path) -> int:
    stack = Stack(folder=folder, ports=_ports_asked_for())
    print("Starting RabbitMQ, MongoDB, the mail catcher and the services …", flush=True)
    started = time.monotonic()
    with stack, _inbox(stack) as inbox:
        _welcome(stack, inbox, time.monotonic() - started)
        try:
            _watch(stack)
        except KeyboardInterrupt:
            print("\nStopping …", flush=True)
            raise
    return 0


def _inbox(stack: Stack) -> Inbox:
    return Inbox(maildir=stack.mail.maildir, sms_file=stack.sms_file, port=stack.ports.of("inbox"))


def _ports_asked_for() -> dict[str, int]:
    asked = {name: os.environ.get(f"{name.upper()}_PORT") for name in (*SERVICES, "inbox")}
    try:
        return {name: int(port) for name, port in asked.items() if port}
    except ValueError as error:
        raise Trouble(f"A port must be a number from 1 to 65535 ({error}).") from error


def _welcome(stack: Stack, inbox: Inbox, seconds: float) -> None:
    print(f"Amtstermin is ready after {seconds:.0f} s; Ctrl-C stops it.\n")
    for name, url in stack.addresses.items():
        print(f"  {name:<14}{url}   {_PURPOSE[name]}")
    print(f"  {'':<14}its key: {_short(stack.secrets / STAFF_KEYS)}")
    print(f"  {'inbox':<14}{inbox.url}   caught mails and text messages, as a person sees them")
    for name, path in {
        "mail": stack.mail.maildir,
        "SMS": stack.sms_file,
        "logs": stack.folder / "log",
        "secrets": stack.secrets,
        "addresses": stack.folder / "addresses.json",
    }.items():
        print(f"  {name:<14}{_short(path)}")
    print(flush=True)


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _watch(stack: Stack) -> NoReturn:
    """Starts again what ends by itself; gives up where that does not help."""
    while True:
        for process in stack.processes:
            if not process.running:
                _revive(process)
        time.sleep(0.5)


def _revive(process: Process) -> None:
    print(f"{process.name} has ended by itself; starting it again (its log: {_short(process.log)}).", flush=True)
    try:
        process.start()
        process.wait_until_ready()
    except Trouble as trouble:
        raise Trouble(f"{process.name} does not come back, so everything stops. {trouble}") from trouble
    print(f"{process.name} is back.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
