"""The rehearsal: back up while people book, go on, lose everything, restore onto empty servers, compare."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.lean_http import Connection
from deploy.local.process import ROOT
from deploy.local.stack import SERVICES, Stack
from shared import erasure_journal
from shared.backup.records import Backup, Documents
from shared.backup.sealed_file import new_identity, read_identity
from tests.builders import HECHINGEN
from tests.citizen import OFFICE, Citizen, Mailbox
from tests.ledger import Ledger, put_on_queue
from tests.waiting import eventually
from tests.wholeness import assert_whole

ENVIRONMENT = {"NOTIFICATION_SEND_TIMEOUT": "PT2S", "NOTIFICATION_REMINDERS": "off", "BOOKING_LIMITS": "off"}
PEOPLE, WRITERS = 8, 6


@dataclass
class World:
    folder: Path
    people: list[Citizen] = field(default_factory=list)
    everybody: list[Citizen] = field(default_factory=list)

    def citizen(self, stack: Stack) -> Citizen:
        """Closes the browser when the test ends."""
        self.everybody.append(Citizen(stack))
        return self.everybody[-1]

    @property
    def journal(self) -> Path:
        return self.folder / "erasures"

    @property
    def identity(self) -> Path:
        return self.folder / "identity"

    def file(self, kind: str) -> Path:
        return next((self.folder / "backups").glob(f"*.{kind}"))


def amtstermin(
    secrets: Path, *arguments: str | Path, code: int = 0, settings: Mapping[str, str] | None = None
) -> str:
    environment = {"AMTSTERMIN_SECRETS_DIR": str(secrets), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-m", "shared.cli", *map(str, arguments)],
        cwd=ROOT,
        env={**environment, **(settings or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextmanager
def people_writing(url: str, times: list[str]) -> Iterator[list[int]]:
    """Holds as fast as the service takes them, until the block ends."""
    stop, statuses = threading.Event(), list[int]()
    waiting = iter(times)

    async def one() -> None:
        async with Connection(url) as http:
            for time in waiting:
                if stop.is_set():
                    return
                members = [{"municipality": HECHINGEN}]
                wish: dict[str, Any] = {
                    "office": OFFICE,
                    "service": "eat_pickup",
                    "starts_at": time,
                    "members": members,
                }
                wish |= {"family_name": "Öztürk", "preconditions": {"pin_letter": True}}
                held = await http.send("POST", "/v1/appointments", wish, {"Idempotency-Key": f"writer-{time}"})
                statuses.append(held.status)

    async def all_of_them() -> None:
        await asyncio.gather(*(one() for _ in range(WRITERS)))

    thread = threading.Thread(target=lambda: asyncio.run(all_of_them()))
    thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        thread.join()


def first_life(world: World) -> dict[str, Citizen]:
    """What happens until everything is lost; the people of whom something is to be seen afterwards."""
    environment = {**ENVIRONMENT, "BOOKING_ERASURE_JOURNAL": str(world.journal)}
    with Stack(folder=world.folder / "first", environment=environment) as stack:
        ledger = Ledger(stack)
        world.people = [world.citizen(stack) for _ in range(PEOPLE)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(Citizen.book, world.people))
        cancelled, erased, erased_later, cancels_later, stays = world.people[:5]
        assert cancelled.cancel().status_code == 200
        erase(erased)
        ledger.quiet()
        due, on_its_way = asks_while_mail_is_away(world, stack, ledger)
        backs_up_under_load(world, stack, times=stays.free_times()[40:])
        stack["notification"].start()
        stack["notification"].wait_until_ready()
        stack.mail.start()
        due.mails()
        on_its_way.mails()
        erase(erased_later)
        assert cancels_later.cancel().status_code == 200
        lost = world.citizen(stack)
        lost.book()
        ledger.quiet()
        ledger.close()
    return {
        "cancelled": cancelled,
        "erased": erased,
        "erased_later": erased_later,
        "cancels_later": cancels_later,
        "stays": stays,
        "due": due,
        "on_its_way": on_its_way,
        "lost": lost,
    }


def erase(citizen: Citizen) -> None:
    answer = citizen.http.delete(f"{citizen.path}?cancel=true", headers=citizen.authorization)
    assert answer.status_code == 204, answer.text


def asks_while_mail_is_away(world: World, stack: Stack, ledger: Ledger) -> tuple[Citizen, Citizen]:
    """One whose message is planned and waits, and one whose event has not even been heard."""
    stack.mail.stop()
    due, on_its_way = world.citizen(stack), world.citizen(stack)
    due.hold_any()
    due.request()
    eventually(lambda: ledger.deliveries_of(due.booked["id"]), what="a planned message")
    stack["notification"].stop()
    on_its_way.hold_any()
    on_its_way.request()
    eventually(lambda: not ledger.appointments.count_documents({"outbox.0": {"$exists": True}}), what="published")
    return due, on_its_way


def backs_up_under_load(world: World, stack: Stack, *, times: list[str]) -> None:
    public = new_identity(world.identity)
    with people_writing(stack["booking"].url, times) as statuses:
        eventually(lambda: len(statuses) > 20, what="people who write")
        before = len(statuses)
        amtstermin(stack.secrets, "backup", "--folder", world.folder / "backups", "--recipient", public)
        assert len(statuses) > before, "nobody wrote meanwhile"


def move(citizen: Citizen, stack: Stack) -> None:
    """The same person, with the same token, at the restored service."""
    citizen.http.close()
    citizen.stack = stack
    citizen.http = httpx.Client(base_url=stack["booking"].url, timeout=30)
    citizen.mailbox = Mailbox(stack.mail.maildir)


@contextmanager
def second_life(world: World) -> Iterator[tuple[Stack, str]]:
    """Empty servers under the restored secrets, and where booking will be."""
    folder = world.folder / "second"
    keys = ("--keys", world.file("keys"), "--identity", world.identity)
    amtstermin(folder / "secrets", "restore", *keys, "--secrets-to", folder / "secrets")
    environment = {**ENVIRONMENT, "BOOKING_ERASURE_JOURNAL": str(world.folder / "erasures of the second life")}
    with Stack(folder=folder, services=(), environment=environment) as stack:
        yield stack, f"http://127.0.0.1:{stack.ports.of('booking')}"


def restore(world: World, stack: Stack, url: str, *more: str | Path, **settings: str) -> dict[str, Any]:
    report = world.folder / "report.json"
    settings |= {"BOOKING_PUBLIC_URL": url}
    told = amtstermin(stack.secrets, "restore", *files_of(world), "--report", report, *more, settings=settings)
    found: dict[str, Any] = json.loads(report.read_text())
    assert ("bookings were lost, and maybe more" in told) == bool(found["away"] or not found["asked"]), told
    return found


def files_of(world: World) -> tuple[str | Path, ...]:
    return ("--data", world.file("data"), "--keys", world.file("keys"), "--identity", world.identity)


def check_refused_without_the_journal(world: World, stack: Stack, url: str) -> None:
    """The one that is configured is not there, or was begun on this host after the backup."""
    missing = new = world.folder / "new journal"
    for why in ("is not here", "is newer than the backup"):
        settings = {"BOOKING_PUBLIC_URL": url, "BOOKING_ERASURE_JOURNAL": str(missing)}
        told = amtstermin(stack.secrets, "restore", *files_of(world), code=1, settings=settings)
        assert why in told, told
        erasure_journal.begin(new, datetime.now(UTC))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("restore"))
    yield world
    for citizen in world.everybody:
        citizen.http.close()


def test_everything_is_lost_and_comes_back_as_it_was(world: World) -> None:
    """Seen to fail without what services/notification/restoring.py withholds: both asking mails went out again."""
    who = first_life(world)
    check_one_moment(world)
    with second_life(world) as (stack, url):
        check_refused_without_the_journal(world, stack, url)
        report = restore(world, stack, url, BOOKING_ERASURE_JOURNAL=str(world.journal))
        check_report(report, who)
        for service in SERVICES:
            stack.start_service(service, name=service, wait=False)
        for service in SERVICES:
            stack[service].wait_until_ready()
        for citizen in world.everybody:
            move(citizen, stack)
        ledger = Ledger(stack)
        ledger.quiet()
        assert_whole(ledger.client)
        assert not Mailbox(stack.mail.maildir).all(), "an old mail went out again"
        check_people(world, who)
        check_what_follows(world, stack, ledger, who)
        restores_again(world, stack, url, ledger, who)
        restores_beside_the_keys(world, stack, url, ledger)
        ledger.close()


def check_one_moment(world: World) -> None:
    """Nobody knows in the backup what had not happened in it, though people wrote all the time.

    That what is written while it is copied stays out, tests/integration/test_backup_refusals.py makes sure.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for kind in ("data", "keys"):
        for part in Backup(world.file(kind), wrapping=read_identity(world.identity)).parts():
            if isinstance(part, Documents):
                documents = found.setdefault(part.collection, {})
                documents |= {document["_id"]: dict(document) for document in part.documents}
    appointments = found["booking.appointments"]
    for consumer in ("notification.appointments", "reporting.appointments"):
        late = [id for id, d in found[consumer].items() if d["sequence"] > appointments[id]["version"]]
        assert not late, consumer
    persons = {id for id, document in appointments.items() if "person" in document}
    assert persons <= found["booking_keys.keys"].keys()
    assert len(persons) > PEOPLE
    contacts = {id for id, document in found["notification.contacts"].items() if not document["erased"]}
    assert contacts <= found["notification_keys.keys"].keys()


def check_report(report: dict[str, Any], who: dict[str, Citizen]) -> None:
    withheld = {(one["appointment"], one["purpose"]) for one in report["messages_withheld"]}
    assert withheld == {(who[name].booked["id"], "confirm_request") for name in ("due", "on_its_way")}
    assert who["erased_later"].booked["id"] in report["erased_again"]
    assert who["erased"].booked["id"] not in report["erased_again"]
    assert "the journal" in report["erasures"]
    assert report["lost"] == []
    assert report["asked"] == []
    assert len(report["away"]) == 4


def check_people(world: World, who: dict[str, Citizen]) -> None:
    """By the tokens and names of the first life, as of the backup."""
    gone = {who[name].booked["id"] for name in ("erased", "erased_later")}
    for citizen in world.people:
        expected = "anonymised" if citizen.booked["id"] in gone else "confirmed"
        if citizen is who["cancelled"]:
            expected = "cancelled"
        assert citizen.look()["status"] == expected
    exported = who["stays"].http.get(f"{who['stays'].path}/export", headers=who["stays"].authorization).json()
    assert exported["person"]["email"] == who["stays"].email
    assert who["lost"].http.get(who["lost"].path, headers=who["lost"].authorization).status_code == 404


def check_what_follows(world: World, stack: Stack, ledger: Ledger, who: dict[str, Citizen]) -> None:
    """Ghosts of the lost time are old, and people are written to about what happens now, once."""
    ghost = {**newest_event(ledger, who["cancels_later"]), "type": "appointment.cancelled.v1", "sequence": "6"}
    ghost["data"] |= {"status": "cancelled"}
    for queue in ("reporting.appointments", "notification.appointments"):
        asyncio.run(put_on_queue(stack, queue, json.dumps(ghost).encode()))
    assert who["stays"].cancel().status_code == 200
    mail = who["stays"].mails()
    assert len(mail) == 1
    new = world.citizen(stack)
    new.book()
    who["new"] = new
    ledger.quiet()
    assert_whole(ledger.client)
    assert not who["cancels_later"].mailbox.to(who["cancels_later"].email)


def newest_event(ledger: Ledger, citizen: Citizen) -> dict[str, Any]:
    document = ledger.appointments.find_one({"_id": citizen.booked["id"]}) or {}
    event: dict[str, Any] = json.loads(document["history"][-1]["body"])
    return event


def restores_again(world: World, stack: Stack, url: str, ledger: Ledger, who: dict[str, Citizen]) -> None:
    """This time the databases have survived, and say what is lost with them."""
    erase(who["due"])
    ledger.quiet()
    for service in SERVICES:
        stack[service].stop()

    report = restore(world, stack, url, "--replace")

    lost = {one["appointment"]: one for one in report["lost"]}
    assert lost[who["new"].booked["id"]]["status"] == "confirmed"
    assert lost[who["new"].booked["id"]]["starts_at"][:16] == who["new"].booked["starts_at"][:16]
    assert who["stays"].booked["id"] in {one["appointment"] for one in report["changed_since"]}
    assert {who[name].booked["id"] for name in ("due", "erased_later")} <= set(report["erased_again"])


def restores_beside_the_keys(world: World, stack: Stack, url: str, ledger: Ledger) -> None:
    """The key databases have survived; with a fresh host's own secrets nothing would open, so nothing begins."""
    files = ("--data", world.file("data"), "--identity", world.identity, "--keep-keys", "--replace")
    there = ledger.appointments.count_documents({})
    ledger.appointments.insert_one({"_id": "untouched"})
    settings = {"BOOKING_PUBLIC_URL": url, "BOOKING_CONTACT_KEYS": f"k1:{'6f' * 32}"}

    told = amtstermin(stack.secrets, "restore", *files, code=1, settings=settings)
    assert "lacks keys of the backup: booking_contact_keys (k1)" in told, told
    assert ledger.appointments.find_one({"_id": "untouched"})

    amtstermin(stack.secrets, "restore", *files, settings={"BOOKING_PUBLIC_URL": url})
    assert ledger.appointments.count_documents({}) == there
