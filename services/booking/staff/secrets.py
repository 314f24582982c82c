"""Random secrets that are shown once and stored as their hash."""

import hashlib
import secrets


def new_secret() -> str:
    """256 random bits: nobody guesses one, so that a plain hash of it is enough."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
