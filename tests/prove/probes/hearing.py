"""What became of events: in the logs of who heard them and in the databases."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

from shared.contracts.appointments import AppointmentEvent
from tests.prove.probes.invented import Life, a_life, mails_to, reference_of
from tests.prove.probes.queues import deliver
from tests.prove.world import World
from tests.waiting import eventually

WITHIN_S = 30.0


class Logs:
    """What the processes of a service log from now on."""

    def __init__(self, world: World, kind: str) -> None:
        self._files = {service.name: service.log for service in world.of_kind(kind)}
        self._begins = {name: file.stat().st_size for name, file in self._files.items()}

    @property
    def names(self) -> list[str]:
        return list(self._files)

    def count(self, event: str, ids: Sequence[str]) -> dict[str, Counter[str]]:
        """By process, how often it logged `event` with each of these event ids."""
        wanted = set(ids)
        return {
            name: Counter(line["event_id"] for line in self.lines(event, name) if line["event_id"] in wanted)
            for name in self._files
        }

    def lines(self, event: str, process: str) -> list[dict[str, Any]]:
        with self._files[process].open("rb") as file:
            file.seek(self._begins[process])
            logged = file.read().splitlines()
        found = (json.loads(line) for line in logged if line.startswith(b"{") and line.endswith(b"}"))
        return [line for line in found if line.get("event") == event and "event_id" in line]

    def wait_until_handled(self, copies: Mapping[str, int]) -> dict[str, Counter[str]]:
        """Until each event was handled so many times; how often by which process."""

        def all_handled() -> dict[str, Counter[str]] | None:
            handled = self.count("event_handled", list(copies))
            total = sum(handled.values(), Counter())
            return handled if all(total[id] >= wanted for id, wanted in copies.items()) else None

        return eventually(all_handled, within=WITHIN_S, what="every copy handled")


def wait_until_reporting_heard(world: World, chance: Random, lives: Sequence[Life]) -> None:
    """Until reporting has taken everything that is in its queue now, and counted these lives."""
    last = a_life(world, chance, steps=1)
    deliver(world, {"reporting.appointments": [last.newest]})
    ids = [life.id for life in (*lives, last)]
    with world.auditor() as client:
        facts = client["reporting"]["appointments"]
        counted = {"_id": {"$in": ids}, "dirty_since": {"$exists": False}}
        eventually(
            lambda: facts.count_documents(counted) == len(ids), within=WITHIN_S, what="every appointment counted"
        )


def wait_until_settled(world: World, lives: Sequence[Life]) -> dict[str, str]:
    """Until no delivery of these lives is due; their statuses by delivery id."""
    ids = [life.id for life in lives]
    with world.auditor() as client:
        deliveries = client["notification"]["deliveries"]
        # A reminder waits for its day.
        due = {"appointment": {"$in": ids}, "status": "due", "purpose": {"$ne": "reminder"}}
        eventually(lambda: not deliveries.count_documents(due), within=WITHIN_S, what="no delivery due")
        return {d["_id"]: d["status"] for d in deliveries.find({"appointment": {"$in": ids}})}


def assert_mailed(world: World, lives: Sequence[Life], wanted: Iterable[AppointmentEvent]) -> None:
    """The mails of these events went out, no other one, and each only once for each time that it was tried."""
    mails, by_id = mails_to(world, lives), {life.id: life for life in lives}
    expected = {by_id[event.subject].mail_of(event) for event in wanted}
    assert mails.keys() == expected, (
        f"{len(mails.keys() - expected)} mails that should not be, {len(expected - mails.keys())} missing"
    )
    assert_not_doubled(world, lives)


def assert_not_doubled(world: World, lives: Sequence[Life]) -> None:
    """A mail server that answers too late is asked again: as often as the notifier tried, and no more."""
    mails = mails_to(world, lives)
    with world.auditor() as client:
        mine = {"appointment": {"$in": [life.id for life in lives]}, "channel": "email"}
        found = list(client["notification"]["deliveries"].find(mine, {"attempts": 1}))
    tries = {reference_of(delivery["_id"]): delivery["attempts"] for delivery in found}
    doubled = {mail: copies for mail, copies in mails.items() if copies > tries[mail]}
    assert not doubled, f"sent more often than tried: {doubled}"
