"""`amtstermin helper`: secrets for those who book for many."""

import argparse
import re
from typing import Any

from services.booking.domain.rules import HELPER_ID
from services.booking.guard.helpers import new_secret, verifier
from shared.setup import Trouble


def register(commands: Any) -> None:
    """Adds `amtstermin helper`."""
    top = commands.add_parser("helper", help="registered helpers: counselling centres and the like")
    actions = top.add_subparsers(metavar="ACTION", required=True)
    secret = actions.add_parser(
        "secret",
        help="a new secret for a helper, and the lines for the office file",
        description="Stores nothing: the secret is printed once, and the office file keeps what verifies it.",
    )
    secret.add_argument("id", metavar="ID", help="how the helper is called in the office file, e.g. caritas")
    secret.set_defaults(run=_secret)


def _secret(arguments: argparse.Namespace) -> None:
    id = arguments.id
    if not re.fullmatch(HELPER_ID, id):
        raise Trouble("An ID has 1 to 60 signs of a-z, 0-9, _ and -.")
    given = new_secret()
    print(f"""# For the helper, kept secret there; sent with each hold as the header "Helper":
#   {id}.{given}
[[helpers]]
id = "{id}"
name = "…"
verifier = "{verifier(id, given)}"
holds_per_day = 60""")
