"""A simulated office is spoilt on purpose, found out by `check`, and put right by a rebuild that is killed once.

All by the commands that operators use, on databases of their own.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

import pytest
from pymongo import MongoClient

from deploy.local.process import ROOT
from deploy.local.stack import Service, Stack
from services.reporting.settings import Settings
from services.reporting.storage import Figures
from shared.mongo import connect
from tests.integration.reporting.harness import EVER, told_of
from tests.integration.reporting.stories import Counts, Wire, an_appointment, recount
from tests.integration.reporting.test_killed_replay import publish
from tests.recount import Place
from tests.waiting import eventually


@dataclass
class Office:
    """A simulated office: its processes' settings, its databases, and the command line."""

    service: Service
    settings: Settings
    environment: Mapping[str, str]
    client: "MongoClient[dict[str, object]]"

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "shared.cli", *arguments]
        environment = {**os.environ, **self.environment}
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=400)
        return process.returncode, output

    @property
    def pointer(self) -> dict[str, object]:
        found = self.client[self.settings.mongodb_database]["generations"].find_one({"_id": "live"})
        return found or {"live": self.settings.mongodb_database, "building": None}

    @property
    def live(self) -> str:
        return str(self.pointer["live"])

    def shown(self) -> dict[Place, Counts]:
        return asyncio.run(self._shown())

    async def _shown(self) -> dict[Place, Counts]:
        client = connect(self.settings)
        try:
            return told_of(await Figures(client[self.live]).rows(EVER))
        finally:
            client.close()


@pytest.fixture(scope="module")
def office(servers: Stack) -> Iterator[Office]:
    uri, mark = servers.secret("admin_mongodb_uri"), uuid4().hex[:8]
    environment = {"AMTSTERMIN_SECRETS_DIR": str(servers.secrets)}
    for name in ("booking", "notification", "reporting"):
        environment |= {f"{name.upper()}_MONGODB_URI": uri, f"{name.upper()}_MONGODB_DATABASE": f"{name}_{mark}"}
    service = servers.start_service("reporting", name="rebuilding", environment=environment)
    client: MongoClient[dict[str, object]] = MongoClient(uri)
    settings = Settings.model_validate(
        {
            "mongodb_uri": uri,
            "mongodb_database": f"reporting_{mark}",
            "amqp_url": servers.secret("reporting_amqp_url"),
        }
    )
    yield Office(service, settings, environment, client)
    service.stop()
    for database in client.list_database_names():
        if mark in database:
            client.drop_database(database)
    client.close()


@pytest.mark.long
def test_what_is_spoilt_is_found_and_put_right(office: Office, servers: Stack) -> None:
    code, output = office.run(
        "simulate", "--residents", "150", "--months", "1", "--until", "2026-11-01", "--seed", "3"
    )
    assert code == 0, output
    assert "Reporting shows all of it." in output
    before = office.shown()
    assert before

    _spoil(office)
    code, output = office.run("reporting", "check")
    assert code == 1
    assert "1 missing" in output
    assert "1 different" in output

    spoilt = office.live
    _killed_midway(office)
    assert office.live == spoilt

    process = office.start("reporting", "rebuild")
    # What the killed run left behind goes first.
    eventually(lambda: not office.pointer["building"], within=150, what="the new run has begun")
    eventually(lambda: office.pointer["building"], within=150, what="a database is being built")
    asyncio.run(publish(servers, _late()))
    output, _ = process.communicate(timeout=400)

    assert process.returncode == 0, output
    assert office.live != spoilt
    assert office.client[office.live]["appointments"].find_one({"_id": "late"}), "told while it was rebuilt"
    wanted = before | recount(_late())
    eventually(lambda: office.shown() == wanted, within=30, what="the figures as before, and the late one's")
    code, output = office.run("reporting", "check")
    assert (code, "1 unknown" in output) == (1, True), output
    _back_again(office, spoilt)
    assert office.shown() == before
    assert office.run("reporting", "check")[0] == 0


def test_play_never_mixes_into_what_no_play_has_made(office: Office) -> None:
    booking = office.client[office.environment["BOOKING_MONGODB_DATABASE"]]
    booking["training"].delete_many({})
    booking["appointments"].insert_one({"_id": "made by nobody's play"})
    known = booking["appointments"].count_documents({})

    code, output = office.run("simulate", "--residents", "10", "--months", "1", "--anew")

    assert code == 1
    assert "booking" in output
    assert "never mixes" in output
    assert booking["appointments"].count_documents({}) == known


def _late() -> list[Wire]:
    """What happens while the figures are rebuilt; booking does not know it, so no replay brings it."""
    return an_appointment("late", "held", "requested", "confirmed", office="elsewhere")


def _spoil(office: Office) -> None:
    facts = office.client[office.live]["appointments"]
    first, second = facts.find({}, {"_id": 1}, sort=[("_id", 1)]).limit(2)
    facts.delete_one({"_id": first["_id"]})
    facts.update_one({"_id": second["_id"]}, {"$inc": {"fact.persons": 1}})


def _back_again(office: Office, first: str) -> None:
    """Into the database that was live at first, which also holds what no rebuild may touch."""
    kept = office.client[first]["schedules"]
    kept.insert_one({"_id": "kept"})
    code, output = office.run("reporting", "rebuild")
    assert (code, office.live != first) == (1, True), "an appointment that nobody tells would be lost"
    assert "1 appointments would be lost" in output
    code, output = office.run("reporting", "rebuild", "--anyway")
    assert code == 0, output
    assert office.live == first
    assert kept.find_one() == {"_id": "kept"}


def _killed_midway(office: Office) -> None:
    """As soon as the first facts are in the new database."""
    process = office.start("reporting", "rebuild")
    spare = f"{office.settings.mongodb_database}_rebuilt"
    eventually(lambda: office.client[spare]["appointments"].find_one(), within=150, what="facts in the new one")
    process.send_signal(signal.SIGKILL)
    process.communicate()
