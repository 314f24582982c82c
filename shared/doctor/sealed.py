"""Whether what is stored sealed opens with the keys that are configured: after a restore they may be others."""

import asyncio
from collections.abc import Coroutine
from enum import Enum, auto
from typing import Any

from shared.doctor.findings import Finding, Level, well
from shared.mongo import DATABASE_DOWN
from shared.sealing import Unsealable


class Stored(Enum):
    NOTHING = auto()
    WITHOUT_KEYS = auto()
    OPENS = auto()


def openable(check: str, look: Coroutine[Any, Any, Stored], *, secret: str, then: str) -> Finding:
    """`look` opens the newest and the oldest, or raises Unsealable; `secret` is the ring of keys that it has, and
    `then` what to do once the ring is whole."""
    try:
        stored = asyncio.run(look)
    except DATABASE_DOWN as error:
        do = "Look whether MongoDB answers, and the server of the key databases where it is another one."
        return Finding(check, Level.UNKNOWN, f"could not be asked for: {type(error).__name__}", do)
    except Unsealable as error:
        return _closed(check, error, secret=secret, then=then)
    if stored is Stored.WITHOUT_KEYS:
        do = "Bring the key databases back: `amtstermin restore` with --keys, or the address of their server."
        return Finding(check, Level.CRITICAL, "some are stored, and their keys are not", do)
    return well(check, "the newest and the oldest open" if stored is Stored.OPENS else "nothing is stored yet")


def _closed(check: str, error: Unsealable, *, secret: str, then: str) -> Finding:
    said = f"no key {error.key_id} that opens them" if error.key_id else "the newest or the oldest is damaged"
    do = (
        f"Put the key they were sealed for beside the newer ones in {secret}, as <id>:<key>: it is in a backup's "
        f"file of keys (`amtstermin restore --keys FILE --secrets-to FOLDER`). Then {then}."
    )
    return Finding(check, Level.CRITICAL, f"they cannot all be read: {said}", do)
