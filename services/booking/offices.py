"""Offices: read from their files, checked, and kept as the database has them. Errors name file, key and value."""

import asyncio
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from services.booking.domain.contradictions import contradictions
from services.booking.domain.misfits import misfits
from services.booking.domain.office import Office
from services.booking.domain.rules import OfficeData
from services.booking.storage import ChangedMeanwhile
from services.booking.storage.offices import OfficeStore
from shared.mongo import DatabaseClock, once_it_answers
from shared.observability import get_logger

log = get_logger()

_LOOK_EVERY_S = 0.5


class BrokenOffice(Exception):
    """Office data that cannot be used; the text names file, key and value."""


def load_offices(folder: Path, *, key: bytes = b"") -> dict[str, Office]:
    """Every `*.toml` in `folder` by office id; raises BrokenOffice. `key` makes the minutes of release."""
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise BrokenOffice(f"{folder}: no office file (*.toml) here; set BOOKING_OFFICES to the folder")
    offices = [load_office(file, key=key) for file in files]
    return {office.id: office for office in offices}


def load_office(file: Path, *, key: bytes = b"") -> Office:
    data = read_office(file)
    try:
        return Office(data, key=key)
    except ValueError as error:
        raise BrokenOffice(f"{file}: booking.release = {data.booking.release!r}: {error}") from None


def read_office(file: Path) -> OfficeData:
    """Raises BrokenOffice."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BrokenOffice(f"{file}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrokenOffice(f"{file}: not valid TOML: {error}") from None
    return checked(values, source=str(file))


def checked(values: Mapping[str, Any], *, source: str) -> OfficeData:
    """The office that `values` describe; raises BrokenOffice, also for keys that nobody knows."""
    try:
        data = OfficeData.model_validate(values, extra="forbid")
    except ValidationError as error:
        raise BrokenOffice("\n".join(f"{source}: {fault}" for fault in misfits(error, values))) from None
    faults = [f"{source}: {fault}" for fault in contradictions(data)]
    if faults:
        raise BrokenOffice("\n".join(faults))
    return data


class Offices(Mapping[str, Office]):
    """The offices as they are now: from their files at first, from the database once this runs.

    A new version, whoever wrote it, is noticed within a second and handed to all who `follow`.
    """

    def __init__(
        self, files: Mapping[str, Office], *, store: OfficeStore, key: bytes, clock: DatabaseClock
    ) -> None:
        self._files = files
        self._offices = dict(files)
        self._store = store
        self._key = key
        self._clock = clock
        self._followers: list[Callable[[Office], None]] = []
        self._task: asyncio.Task[None] | None = None

    def __getitem__(self, id: str) -> Office:
        return self._offices[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._offices)

    def __len__(self) -> int:
        return len(self._offices)

    def follow(self, follower: Callable[[Office], None]) -> None:
        """`follower` is called with each new version, in the same moment for all."""
        self._followers.append(follower)

    async def start(self) -> None:
        await once_it_answers(self._begin)
        self._task = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def save(self, data: OfficeData, *, actor: str, expected_version: int | None) -> int:
        """Checks, stores and tells it, and goes by it; the new version. `expected_version` is None for an office
        that is new. Raises BrokenOffice, ChangedMeanwhile."""
        data = checked(data.model_dump(by_alias=True), source=data.id)
        version = await self._store.save(
            data, actor=actor, expected_version=expected_version, now=self._clock.now()
        )
        self._take(data, version)
        return version

    async def _begin(self) -> None:
        for office in self._files.values():
            try:
                if not await self._store.begin(office.data, now=self._clock.now()):
                    log.warning("office_file_ignored", office=office.id, reason="it was edited in the database")
            except ChangedMeanwhile:
                log.info("office_begun_elsewhere", office=office.id)
        await self._look()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                await self._look()
            except Exception as error:
                log.warning("offices_not_looked_at", error=type(error).__name__)

    async def _look(self) -> None:
        stored = await self._store.versions()
        outdated = {id: self._version(id) for id, version in stored.items() if version > self._version(id)}
        for office in await self._store.newer(outdated) if outdated else ():
            self._take(office.data, office.version)

    def _version(self, id: str) -> int:
        return self._offices[id].version if id in self._offices else 0

    def _take(self, data: OfficeData, version: int) -> None:
        """One version after the other: a slow answer must not bring an older one back."""
        if version <= self._version(data.id):
            return
        office = self._offices[data.id] = Office(data, key=self._key, version=version)
        for follower in self._followers:
            follower(office)
        log.info("office_changed", office=office.id, version=version)
