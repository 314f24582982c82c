"""Whether all secrets are there, are nobody else's to read, and are no default."""

import stat
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from shared.doctor.findings import Finding, Level, well
from shared.setup import (
    CONTACT_KEYS,
    CONTACT_PRIVATE_KEYS,
    CONTACT_PUBLIC_KEYS,
    KEYFILE,
    SIGNING_KEYS,
    broker_definitions,
    database_users,
)

_KEYS = (SIGNING_KEYS, CONTACT_KEYS, CONTACT_PUBLIC_KEYS, CONTACT_PRIVATE_KEYS)
_SHORTEST_PASSWORD = 16
_COMMON = frozenset({"guest", "admin", "password", "secret", "changeme", "amtstermin", "test", "example"})
_MAKE = "Run `amtstermin setup secrets`."


def examine(folder: Path, deploy: Path) -> Iterator[Finding]:
    passwords = {f"{name}_password" for name in _accounts(deploy)}
    expected = {KEYFILE, *_KEYS, *passwords}
    missing = sorted(name for name in expected if not (folder / name).is_file())
    if missing:
        yield Finding("secrets", Level.CRITICAL, f"missing in {folder}: {', '.join(missing)}", _MAKE)
    else:
        yield well("secrets", f"all {len(expected)} are in {folder}")
    yield _readable(folder)
    there = {name: (folder / name).read_text().strip() for name in sorted(expected - set(missing))}
    yield _defaults({name: text for name, text in there.items() if name in passwords})
    yield _keys({name: text for name, text in there.items() if name in _KEYS})


def _accounts(deploy: Path) -> set[str]:
    users = [user["name"] for user in broker_definitions(deploy)["users"]]
    return {*users, *(user["user"] for user in database_users(deploy)["users"])}


def _readable(folder: Path) -> Finding:
    """A folder that nobody else may enter hides whatever is in it."""
    if not stat.S_IMODE(folder.stat().st_mode) & 0o077:
        return well("secrets_private", f"nobody else may enter {folder}")
    open_to_others = [
        path.name for path in sorted(folder.iterdir()) if path.is_file() and path.stat().st_mode & 0o077
    ]
    if not open_to_others:
        return well("secrets_private", "nobody else may read any")
    said = f"others may read {', '.join(open_to_others[:5])}{' …' if len(open_to_others) > 5 else ''}"
    return Finding("secrets_private", Level.CRITICAL, said, f"chmod 700 {folder}; chmod 600 {folder}/*")


def _defaults(passwords: dict[str, str]) -> Finding:
    weak = sorted(
        name
        for name, text in passwords.items()
        if len(text) < _SHORTEST_PASSWORD or text.lower() in _COMMON or text == name.removesuffix("_password")
    )
    by_text = defaultdict[str, list[str]](list)
    for name, text in passwords.items():
        by_text[text].append(name)
    shared = sorted(name for names in by_text.values() if len(names) > 1 for name in names)
    if not weak and not shared:
        return well("passwords", "each is long and its own")
    said = [f"too short or common: {', '.join(weak)}"] if weak else []
    said += [f"the same: {', '.join(shared)}"] if shared else []
    do = "Remove these files, run `amtstermin setup secrets` and `setup mongo`, restart RabbitMQ and the services."
    return Finding("passwords", Level.CRITICAL, "; ".join(said), do)


def _keys(keys: dict[str, str]) -> Finding:
    """As "k1:<64 hex>[,k0:…]"; zeroes are what an example would have."""
    wrong = sorted(name for name, text in keys.items() if not all(map(_is_key, text.split(","))))
    if not wrong:
        return well("keys", "all have 32 bytes, none is an example")
    do = "Bring back those that belong to the data (`amtstermin restore --secrets-to`); new ones open nothing old."
    return Finding("keys", Level.CRITICAL, f"no keys: {', '.join(wrong)}", do)


def _is_key(text: str) -> bool:
    id, _, digits = text.strip().partition(":")
    try:
        return bool(id) and len(bytes.fromhex(digits)) >= 32 and len(set(digits)) > 4
    except ValueError:
        return False
