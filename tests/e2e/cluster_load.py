"""What goes on at a cluster while nodes fail: people with mailboxes, and a pulse that shows when booking works."""

import asyncio
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx

from deploy.local.reading import parse, text_of
from tests.builders import HECHINGEN
from tests.citizen import OFFICE
from tests.e2e.cluster import Cluster
from tests.prove.history import Action, History, Outcome

_SECRET = re.compile(r"/confirm/\S+\?secret=(\S+)")
_FETCH_EVERY_S = 1.5
_BEAT_EVERY_S = 0.5
_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Process:
    """One of several of a service, as this host reaches it."""

    name: str
    url: str


class CaughtMail:
    """The mail catcher's folder, copied again and again by a thread of its own."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._read: set[str] = set()
        self._secrets: dict[str, str] = {}
        self.handed_over = Counter[str]()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep_fetching, name="mail", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def secret_for(self, address: str) -> str | None:
        """The secret of the link to confirm in the newest such mail; each once."""
        return self._secrets.pop(address, None)

    def fetch(self) -> None:
        """`handed_over` counts the mails by their Message-ID without its domain."""
        self._cluster.copy_mails(self._folder)
        for file in sorted(self._folder.iterdir()):
            if file.name not in self._read:
                self._read.add(file.name)
                self._take(file.read_bytes())

    def _take(self, content: bytes) -> None:
        mail = parse(content)
        self.handed_over[str(mail["Message-ID"]).strip("<>").rpartition("@")[0]] += 1
        if found := _SECRET.search(text_of(mail)):
            self._secrets[str(mail["To"])] = found[1]

    def _keep_fetching(self) -> None:
        while not self._ending.wait(_FETCH_EVERY_S):
            self.fetch()


@dataclass(frozen=True, slots=True)
class Beat:
    """One hold: seconds since the epoch; no status where nobody answered in time."""

    process: str
    began_at: float
    ended_at: float
    status: int | None
    retry_after: str | None

    @property
    def held(self) -> bool:
        return self.status == 201


class Pulse:
    """Holds a time every half second, at each process in turn, whether or not the one before was answered."""

    def __init__(self, *, seed: int, history: History, processes: Sequence[Process]) -> None:
        self._chance = random.Random(f"{seed}-pulse")  # noqa: S311 (must be repeatable)
        self._history = history
        self._processes = processes
        self.beats: list[Beat] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=[self._keep_beating()], name="pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def seconds_until_held(self, *, after: float) -> float | None:
        """From then on until somebody who asked later held a time; None where nobody has yet."""
        held = [beat.ended_at for beat in list(self.beats) if beat.held and beat.began_at > after]
        return min(held) - after if held else None

    async def _keep_beating(self) -> None:
        async with httpx.AsyncClient(timeout=_PATIENCE_S) as http, asyncio.TaskGroup() as beats:
            times = await self._free_times(http)
            while not self._ending.is_set():
                for process in self._processes:
                    beats.create_task(self._beat(http, process, self._chance.choice(times)))
                    await asyncio.sleep(_BEAT_EVERY_S)

    async def _free_times(self, http: httpx.AsyncClient) -> list[str]:
        path, wish = f"/v1/offices/{OFFICE}/availability", {"service": "eat_pickup", "persons": "1"}
        answer = await http.get(self._processes[0].url + path, params=wish)
        return [moment for day in answer.json()["days"] for moment in day["times"]]

    async def _beat(self, http: httpx.AsyncClient, process: Process, starts_at: str) -> None:
        key = str(uuid4())
        began = self._history.invoke(Action.HOLD, key=key, wish=starts_at, process=process.name, appointment=None)
        answer = await self._hold(http, process, starts_at, key)
        status = answer.status_code if answer else None
        retry_after = answer.headers.get("Retry-After") if answer else None
        id = answer.json()["id"] if answer and status == 201 else None
        self._history.end(began, outcome_of(status), status=status, appointment=id)
        self.beats.append(Beat(process.name, began.invoked_at, time.time(), status, retry_after))

    async def _hold(
        self, http: httpx.AsyncClient, process: Process, starts_at: str, key: str
    ) -> httpx.Response | None:
        wish = {
            "office": OFFICE,
            "service": "eat_pickup",
            "starts_at": starts_at,
            "family_name": "Öztürk",
            "members": [{"municipality": HECHINGEN}],
            "preconditions": {"pin_letter": True},
        }
        try:
            return await http.post(f"{process.url}/v1/appointments", json=wish, headers={"Idempotency-Key": key})
        except httpx.HTTPError:
            return None


def outcome_of(status: int | None) -> Outcome:
    if status is None or status >= 500:
        return Outcome.UNKNOWN
    return Outcome.OK if status < 400 else Outcome.REFUSED
