"""The catalogues of the pages: `python -m services.booking.web.translating` renews them, `--check` looks."""

import sys
from pathlib import Path

from services.booking.web.languages import CATALOGUES
from shared.translating import Texts

TEXTS = Texts(
    project="Amtstermin booking",
    root=Path(__file__).parent,
    methods=[("templates/**.html", "jinja2"), ("**.py", "python")],
    options={
        "templates/**.html": {
            "silent": "false",
            "trim_blocks": "true",
            "lstrip_blocks": "true",
            "encoding": "utf-8",
        }
    },
    catalogues=CATALOGUES,
)


if __name__ == "__main__":
    sys.exit(TEXTS.command())
