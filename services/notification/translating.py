"""The catalogues' upkeep: new ones from templates and code, and what is wrong with them.

`python -m services.notification.translating` renews them, with `--check` it only says what is wrong.
"""

import sys
from pathlib import Path

from services.notification.catalogues import CATALOGUES
from shared.translating import Texts, flaws, renewed

__all__ = ["flaws", "messages", "read", "renewed", "reviewed"]

_TEXTS = Texts(
    project="Amtstermin notification",
    root=Path(__file__).parent,
    methods=[("templates/**.*", "jinja2"), ("**.py", "python")],
    options={
        "templates/**.*": {"silent": "false", "trim_blocks": "true", "lstrip_blocks": "true", "encoding": "utf-8"}
    },
    catalogues=CATALOGUES,
)
messages, read, reviewed = _TEXTS.messages, _TEXTS.read, _TEXTS.reviewed


if __name__ == "__main__":
    sys.exit(_TEXTS.command())
