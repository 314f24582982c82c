"""A database of several members, as `amtstermin setup mongo` makes it out of one, on real servers."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.ports import Ports
from deploy.local.servers import Mongod
from shared.replica_set import set_up_mongodb
from shared.setup import Addresses, Trouble, deploy_folder, make_secrets, read_secret
from tests.waiting import eventually

NAMES = ("mongod", "mongod-2", "mongod-3")
WHOLE = ["PRIMARY", "SECONDARY", "SECONDARY"]
Members = list[Mongod]


@pytest.fixture
def members(tmp_path: Path) -> Iterator[Members]:
    """Three that run and belong to no set yet."""
    ports = Ports(file=tmp_path / "ports.json", fixed={})
    three = [Mongod(folder=tmp_path, secrets=tmp_path / "secrets", ports=ports, name=name) for name in NAMES]
    addresses = Addresses(mongodb=",".join(member.address for member in three), amqp="127.0.0.1:1")
    make_secrets(folder=tmp_path / "secrets", addresses=addresses, deploy=deploy_folder())
    for member in three:
        member.start()
    for member in three:
        member.wait_until_ready()
    yield three
    for member in three:
        # Asked to stop, a primary first waits for the others.
        member.kill()


def set_up(folder: Path, first: Mongod, *others: Mongod, timeout: float = 60) -> None:
    set_up_mongodb(
        address=first.address,
        member=first.address,
        others=[other.address for other in others],
        folder=folder / "secrets",
        deploy=deploy_folder(),
        timeout=timeout,
    )


def as_admin(folder: Path) -> MongoClient[dict[str, Any]]:
    return MongoClient(read_secret(folder / "secrets", "admin_mongodb_uri"))


def states(folder: Path) -> list[str]:
    with as_admin(folder) as client:
        return sorted(member["stateStr"] for member in client.admin.command("replSetGetStatus")["members"])


def config(folder: Path) -> dict[str, Any]:
    with as_admin(folder) as client:
        found: dict[str, Any] = client.admin.command("replSetGetConfig")["config"]
        return found


def test_a_set_of_one_takes_in_two_with_its_data(members: Members, tmp_path: Path) -> None:
    """Seen to fail without waiting for the new members' votes: alone, they elected nobody."""
    first, *others = members
    set_up(tmp_path, first)
    with MongoClient[dict[str, Any]](read_secret(tmp_path / "secrets", "booking_mongodb_uri")) as booking:
        booking["booking"]["things"].insert_one({"_id": "kept"})

    set_up(tmp_path, *members)

    eventually(lambda: states(tmp_path) == WHOLE, within=60, what="all have the data")
    first.kill()
    with as_admin(tmp_path) as client:
        eventually(
            lambda: client.primary in {("127.0.0.1", other.port) for other in others},
            within=60,
            what="another primary",
        )
        assert client["booking"]["things"].find_one() == {"_id": "kept"}


def test_second_setup_leaves_the_set_as_it_is(members: Members, tmp_path: Path) -> None:
    """Also where another member has become the primary."""
    set_up(tmp_path, *members)
    eventually(lambda: states(tmp_path) == WHOLE, within=60, what="all have the data")
    with as_admin(tmp_path) as client:
        client.admin.command("replSetStepDown", 60, secondaryCatchUpPeriodSecs=5)
    before = config(tmp_path)

    set_up(tmp_path, *members)

    assert config(tmp_path) == before


def test_a_wiped_member_founds_no_second_set(members: Members, tmp_path: Path) -> None:
    """Seen to fail without the question to the others: it became the primary of a set of its own."""
    first, *others = members
    set_up(tmp_path, *members)
    eventually(lambda: states(tmp_path) == WHOLE, within=60, what="all have the data")
    for member in members:
        member.kill()
    shutil.rmtree(tmp_path / first.name)
    first.start()
    first.wait_until_ready()

    with pytest.raises(Trouble, match="does not answer"):
        set_up(tmp_path, *members, timeout=2)

    for other in others:
        other.start()
    eventually(lambda: states(tmp_path) == WHOLE, within=60, what="one set")
