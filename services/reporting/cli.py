"""`amtstermin reporting …`: what operators do with figures by hand."""

import argparse
from typing import Any

from services.reporting.resume import command


def register(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser("reporting", help="figures: the résumé of a period")
    steps = parser.add_subparsers(metavar="STEP", required=True)
    command.register(steps)
