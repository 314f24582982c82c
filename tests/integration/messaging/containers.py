"""The same servers from their images, by testcontainers, where a container engine answers."""

import os
import shutil
import subprocess
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError
from testcontainers.core.container import DockerContainer

from deploy.local.process import ROOT
from shared.setup import DEFINITIONS, VHOST, Addresses, deploy_folder, make_secrets, read_secret
from tests.waiting import eventually

# As docker-compose.yml has them.
MONGO, RABBITMQ = "mongo:8", "rabbitmq:4-management"


def why_not() -> str | None:
    """What is missing to use containers here, or None."""
    if not shutil.which("docker"):
        return "there is no docker command"
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "no container engine answers `docker info`"
    for image in (MONGO, RABBITMQ):
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode:
            return f"the image {image} is not here: docker pull {image}"
    return None


class ContainerServers:
    """MongoDB as a replica set of one without access control, and RabbitMQ with our topology and users."""

    def __init__(self, folder: Path) -> None:
        # Nothing is pulled behind our back; we stop what we start.
        os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
        self._secrets = folder / "secrets"
        addresses = Addresses(mongodb="127.0.0.1:1", amqp="127.0.0.1:1")
        make_secrets(folder=self._secrets, addresses=addresses, deploy=deploy_folder())
        (self._secrets / DEFINITIONS).chmod(0o644)
        self._mongo = DockerContainer(MONGO).with_command("--replSet amtstermin").with_exposed_ports(27017)
        self._rabbitmq = (
            DockerContainer(RABBITMQ)
            .with_exposed_ports(5672)
            .with_volume_mapping(str(self._secrets / DEFINITIONS), "/run/amtstermin/definitions.json")
            .with_volume_mapping(str(ROOT / "deploy/rabbitmq/rabbitmq.conf"), "/etc/rabbitmq/rabbitmq.conf")
            .with_volume_mapping(
                str(ROOT / "deploy/compose/rabbitmq.conf"), "/etc/rabbitmq/conf.d/10-defaults.conf"
            )
        )

    def start(self) -> None:
        self._mongo.start()
        self._rabbitmq.start()
        eventually(self._replica_set_is_there, within=60, what="a primary in the container")

    def stop(self) -> None:
        self._rabbitmq.stop()
        self._mongo.stop()

    def secret(self, name: str) -> str:
        """`<user>_amqp_url` and `admin_mongodb_uri`, as a local stack gives them."""
        if name.endswith("_mongodb_uri"):
            return f"mongodb://127.0.0.1:{self._mongo.get_exposed_port(27017)}/?directConnection=true"
        user = name.removesuffix("_amqp_url")
        password = read_secret(self._secrets, f"{user}_password")
        return f"amqp://{user}:{password}@127.0.0.1:{self._rabbitmq.get_exposed_port(5672)}/{VHOST}"

    def _replica_set_is_there(self) -> bool:
        client: MongoClient[dict[str, object]] = MongoClient(
            self.secret("admin_mongodb_uri"), serverSelectionTimeoutMS=1000
        )
        try:
            if client.admin.command("hello").get("isWritablePrimary"):
                return True
            members = [{"_id": 0, "host": "127.0.0.1:27017"}]
            client.admin.command("replSetInitiate", {"_id": "amtstermin", "members": members})
        except (OperationFailure, PyMongoError):
            pass
        finally:
            client.close()
        return False
