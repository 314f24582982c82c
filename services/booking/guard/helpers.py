"""Registered helpers: counselling centres and the like, who book for many and have a quota of their own.

`amtstermin helper secret ID` makes a helper's secret and the lines for the office file.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable

from services.booking.domain.office import Office
from services.booking.domain.rules import Helper


class UnknownHelper(Exception):
    """The header `Helper` names nobody here, or its secret is not right."""


def verifier(id: str, secret: str) -> str:
    """What the office file keeps: it shows that somebody has the secret, and not which it is."""
    return hmac.new(secret.encode(), f"helper|{id}".encode(), hashlib.sha256).hexdigest()


def find(given: str, offices: Iterable[Office]) -> Helper:
    """From `<id>.<secret>`. Raises UnknownHelper."""
    id, _, secret = given.partition(".")
    shown = verifier(id, secret)
    for office in offices:
        for helper in office.data.helpers:
            if helper.id == id and hmac.compare_digest(helper.verifier, shown):
                return helper
    raise UnknownHelper


def new_secret() -> str:
    return secrets.token_urlsafe(32)
