"""Restores onto empty servers: documents back, erasures again, versions up, old mails never.

What is particular to a service its module `restoring` does: `TURN` says when, `after_restore(restore)` what.
"""

import asyncio
import importlib
import importlib.util
import pkgutil
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared import erasure_journal as journal
from shared.backup import survivors
from shared.backup.dumping import is_keys
from shared.backup.loading import Client, load, not_empty
from shared.backup.openable import Openable, configured, strangers_key
from shared.backup.records import Backup, Secret
from shared.backup.survivors import Seen, Survivors
from shared.outbox import Entry
from shared.republish import history_of
from shared.setup import CONTACT_KEYS, CONTACT_PRIVATE_KEYS, CONTACT_PUBLIC_KEYS, SIGNING_KEYS, Trouble

Progress = Callable[[int], None]

# What seals and opens people's data, and what proves who may see them.
_KEY_RINGS = frozenset({CONTACT_KEYS, CONTACT_PRIVATE_KEYS, CONTACT_PUBLIC_KEYS, SIGNING_KEYS})
# What was told shortly before the backup may have been on its way: the broker's part in a backup is none.
ON_ITS_WAY = timedelta(days=7)
# Changes that were not committed everywhere at the moment of the backup cannot be older.
_MARGIN = timedelta(seconds=5)


@dataclass(slots=True)
class Restore:
    """One restore, as each service is told of it, and what it found.

    `erased` are those whom sources outside of the backup know as erased; booking adds to `reerased` whom it erased
    anew. `withheld` are messages that may have gone out after the backup and will not again.
    """

    taken_at: datetime
    now: datetime
    with_keys: bool
    erased: set[str] = field(default_factory=set)
    reerased: set[str] = field(default_factory=set)
    withheld: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    raised: dict[str, int] = field(default_factory=dict)

    def told(self, exchange: str, *, types: Collection[str] | None = None) -> AsyncIterator[Entry]:
        """What was told on `exchange` so late that it may have been on its way at the moment of the backup."""
        since = self.taken_at - ON_ITS_WAY
        told: AsyncIterator[Entry] = history_of(exchange).told(exchange=exchange, since=since, types=types)
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`keys` is the file of keys, or None: then `keep_keys` says whether those that are there stay.

    `secrets` is the folder of those that the services are going to use.
    """

    data: Backup
    secrets: Path
    keys: Backup | None
    keep_keys: bool
    journals: Sequence[Path]
    replace: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """`keys` reaches the server of the key databases, `broker` RabbitMQ as its administrator."""

    data: Client
    keys: Client
    broker: str
    queues: Sequence[str]


@dataclass(slots=True)
class Report:
    taken_at: datetime
    restored_at: datetime
    documents: int
    restore: Restore
    lost: list[Seen]
    changed: list[Seen]
    asked: list[str]
    away: list[str]
    emptied: int
    erasures: str

    def as_json(self) -> dict[str, Any]:
        found = {name: getattr(self, name) for name in ("documents", "asked", "away", "emptied", "erasures")}
        restore = self.restore
        return {
            "taken_at": self.taken_at.isoformat(),
            "restored_at": self.restored_at.isoformat(),
            **found,
            "erased_again": sorted(restore.reerased),
            "messages_withheld": restore.withheld,
            "raised": restore.raised,
            "notes": restore.notes,
            "lost": [_plain(seen) for seen in self.lost],
            "changed_since": [_plain(seen) for seen in self.changed],
        }


def restore(wanted: Wanted, servers: Servers, *, progress: Progress) -> Report:
    """Everything, or Trouble with nothing touched; what breaks off later is begun again with `replace`."""
    _check(wanted, servers)
    found, emptied = _ask_survivors(wanted, servers)
    told = _say_what_of_erasures(wanted, found)
    documents = _load(wanted, servers, progress)
    restore = Restore(
        taken_at=wanted.data.contents.taken_at,
        now=_now(servers.data),
        with_keys=wanted.keys is not None or wanted.keep_keys,
        erased=found.erased | {erasure.appointment for erasure in journal.read(wanted.journals)},
    )
    lost, changed = _compare(servers.data, found)
    try:
        asyncio.run(_after(restore))
    except Exception as error:
        # Half restored they would send old mails as soon as a service starts.
        _give_up(wanted, servers)
        raise Trouble(f"The restore broke off, and the databases are empty again: {error!r:.300}.") from error
    return Report(
        taken_at=restore.taken_at,
        restored_at=restore.now,
        documents=documents,
        restore=restore,
        lost=lost,
        changed=changed,
        asked=found.asked,
        away=found.away,
        emptied=emptied,
        erasures=told,
    )


def _check(wanted: Wanted, servers: Servers) -> None:
    data, keys = wanted.data.contents, wanted.keys.contents if wanted.keys else None
    if data.kind != "data" or (keys and keys.kind != "keys"):
        raise Trouble("The file of data and the file of keys have been mixed up.")
    if keys and keys.at < data.at:
        raise Trouble(
            "The keys are older than the data: whoever booked in between would count as erased. "
            "Take the keys of the same backup, or later ones."
        )
    list(journal.read(wanted.journals))
    if not wanted.replace and (full := not_empty(servers.data, _plain_databases(wanted))):
        raise Trouble(f"Not empty: {', '.join(full)}. To give up what is there, say --replace.")
    if wanted.keys and not wanted.replace and (full := not_empty(servers.keys, _key_databases(wanted.keys))):
        raise Trouble(f"Not empty: {', '.join(full)}. Say --keep-keys if they are newer, or --replace.")
    _check_keys(wanted, servers)


def _check_keys(wanted: Wanted, servers: Servers) -> None:
    """All of the backup is read, before anything is given up for it."""
    openable = Openable(servers.keys, wanted.secrets)
    lacking = []
    for backup in (wanted.data, wanted.keys):
        for part in backup.parts() if backup else ():
            if isinstance(part, Secret):
                lacking += [part.name] if part.name in _KEY_RINGS and not _has_all(wanted.secrets, part) else []
            elif wanted.keep_keys:
                openable.look_at(part)
    lacking += openable.lacking()
    if lacking:
        raise Trouble(
            f"{wanted.secrets} lacks keys of the backup: {', '.join(sorted(lacking))}. What is restored could not "
            "be read. Put the secrets of the backup back first, with its --keys and --secrets-to, and take older "
            "ones out of the environment, which is asked first; then begin anew."
        )
    if (wanted.keys or wanted.keep_keys) and (id := strangers_key(wanted.secrets)):
        raise Trouble(
            f"The key {id} of {CONTACT_PUBLIC_KEYS} is none of {CONTACT_PRIVATE_KEYS}: nobody could be written "
            "to. Run `amtstermin setup secrets`, which derives it, and begin anew."
        )


def _has_all(folder: Path, backed_up: Secret) -> bool:
    """`id:key,…`: there may be newer ones beside those of the backup."""
    there = configured(folder, backed_up.name)
    wanted, found = ({key.strip() for key in text.split(",")} for text in (backed_up.content, there))
    return wanted <= found


def _ask_survivors(wanted: Wanted, servers: Servers) -> tuple[Survivors, int]:
    since = wanted.data.contents.taken_at - _MARGIN
    found = survivors.from_databases(servers.data, since=since)
    try:
        emptied = asyncio.run(survivors.from_broker(servers.broker, servers.queues, found))
    except survivors.StillRunning as error:
        raise Trouble(f"Somebody still works on {error}: stop all services first.") from error
    return found, emptied


def _say_what_of_erasures(wanted: Wanted, found: Survivors) -> str:
    sources = [f"the journal {path}" for path in wanted.journals]
    if wanted.keep_keys:
        sources.append("the keys that are there")
    elif wanted.keys and wanted.keys.contents.at > wanted.data.contents.at:
        sources.append(f"the keys of {wanted.keys.contents.taken_at:%Y-%m-%d %H:%M:%S} UTC")
    sources += found.asked
    taken = f"{wanted.data.contents.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    if not sources:
        return (
            f"Nobody could say who was erased after {taken}: whoever was erased between then and the loss is "
            "back, and must be erased anew where anybody still knows of it."
        )
    return f"Erasures after {taken} were taken from {', '.join(sources)}; of others nothing is known here."


def _load(wanted: Wanted, servers: Servers, progress: Progress) -> int:
    documents = load(servers.data, wanted.data, databases=_plain_databases(wanted), progress=progress)
    if wanted.keys:
        databases = _key_databases(wanted.keys)
        documents += load(servers.keys, wanted.keys, databases=databases, progress=progress)
    return documents


def _give_up(wanted: Wanted, servers: Servers) -> None:
    for database in _plain_databases(wanted):
        servers.data.drop_database(database)
    for database in _key_databases(wanted.keys) if wanted.keys else ():
        servers.keys.drop_database(database)


def _compare(client: Client, found: Survivors) -> tuple[list[Seen], list[Seen]]:
    """Who is not in the backup, and who went on since. By when they would come."""
    ids = list(found.seen)
    stored = client["booking"]["appointments"].find({"_id": {"$in": ids}}, {"version": 1})
    versions = {document["_id"]: document["version"] for document in stored}
    in_order = sorted(found.seen.values(), key=lambda seen: seen.starts_at)
    lost = [seen for seen in in_order if seen.appointment not in versions]
    changed = [seen for seen in in_order if versions.get(seen.appointment, seen.version) < seen.version]
    return lost, changed


async def _after(restore: Restore) -> None:
    for service in sorted(services(), key=lambda module: module.TURN):
        await service.after_restore(restore)


def services() -> list[Any]:
    """The module `restoring` of each service that is installed here; a restore needs all of them."""
    if importlib.util.find_spec("services") is None:
        return []
    found = importlib.import_module("services").__path__
    names = [f"services.{module.name}.restoring" for module in pkgutil.iter_modules(found)]
    return [importlib.import_module(name) for name in names if importlib.util.find_spec(name)]


def secrets_of(keys: Backup, folder: Path, *, replace: bool) -> list[str]:
    """Writes the secrets to `folder`. Raises Trouble, with nothing written, where one is there and differs."""
    found = [part for part in keys.parts() if isinstance(part, Secret)]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    other = [s.name for s in found if (folder / s.name).exists() and (folder / s.name).read_text() != s.content]
    if other and not replace:
        raise Trouble(f"{folder} has other secrets already: {', '.join(other)}. Say --replace to give them up.")
    for secret in found:
        path = folder / Path(secret.name).name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(secret.content)
    return [secret.name for secret in found]


def _plain_databases(wanted: Wanted) -> list[str]:
    return sorted({name.split(".", 1)[0] for name in wanted.data.contents.collections})


def _key_databases(keys: Backup) -> list[str]:
    names: Iterable[str] = {name.split(".", 1)[0] for name in keys.contents.collections}
    return sorted(name for name in names if is_keys(name))


def _now(client: Client) -> datetime:
    now: datetime = client.admin.command("hello")["localTime"]
    return now.replace(tzinfo=UTC)


def _plain(seen: Seen) -> dict[str, Any]:
    return {**asdict(seen), "starts_at": seen.starts_at.isoformat()}
