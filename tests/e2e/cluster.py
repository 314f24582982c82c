"""What deploy/cluster starts: three brokers, three database members, each service twice; and their faults."""

import json
import re
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

from shared.setup import VHOST
from tests.e2e.compose import BASE, CAUGHT, ROOT, Compose, engine
from tests.waiting import eventually

OVERLAY = "deploy/cluster/docker-compose.yml"
BROKERS = ("rabbitmq", "rabbitmq-2", "rabbitmq-3")


class Cluster(Compose):
    """A container beside it, in its network, reads the databases."""

    def __init__(self, folder: Path, *, tag: str) -> None:
        twice = {"booking": 2, "notification": 2, "reporting": 2}
        super().__init__(folder, tag=tag, processes=twice, files=(BASE, OVERLAY))
        self._network = f"{self.project}_inside"
        self._auditor = f"{self.project}-auditor"

    def start(self, *options: str) -> None:
        super().start(*options)
        self._keep_metadata_in_raft()
        # Alone, since the image has nothing of what the other modules of the tests import.
        volumes = (
            f"{self.project}_secrets:/secrets:ro",
            f"{ROOT}/tests/wholeness.py:/app/tests/wholeness.py:ro",
            f"{ROOT}/tests/recount.py:/app/tests/recount.py:ro",
            f"{ROOT}/tests/e2e/audit.py:/app/audit.py:ro",
        )
        mounts = [argument for volume in volumes for argument in ("--volume", volume)]
        place = ["--name", self._auditor, "--network", self._network, "--user", "0", "--entrypoint", "sleep"]
        _docker("run", "--detach", "--init", *place, *mounts, f"amtstermin/tools:{self.tag}", "infinity")

    def remove(self) -> None:
        engine("rm", "--force", self._auditor)
        super().remove()

    def kill(self, service: str) -> None:
        _docker("kill", self.container(service))

    def revive(self, service: str) -> None:
        _docker("start", self.container(service))

    def cut_off(self, service: str) -> list[str]:
        """From everybody; its names in the network, which `reconnect` wants back."""
        form = f'{{{{json (index .NetworkSettings.Networks "{self._network}").Aliases}}}}'
        names: list[str] = json.loads(_docker("inspect", "--format", form, self.container(service)))
        _docker("network", "disconnect", self._network, self.container(service))
        return names

    def reconnect(self, service: str, names: list[str]) -> None:
        aliases = [argument for name in names for argument in ("--alias", name)]
        _docker("network", "connect", *aliases, self._network, self.container(service))

    def container(self, service: str) -> str:
        return f"{self.project}-{service}-1"

    def primary(self) -> str:
        """The service that is MongoDB's primary."""
        return eventually(self._primary, within=60, what="a primary")

    def lacks(self, *, within: float) -> list[str]:
        """What is not as at the start, members and consumers, after so many seconds."""
        deadline = time.monotonic() + within
        while (lacking := [*self._lacking_members(), *self._lacking_in_queues()]) and time.monotonic() < deadline:
            pass
        return lacking

    def waiting_messages(self, *, within: float) -> dict[str, int]:
        """What still is in queues after so many seconds: each minute's demand is told, and heard at once."""
        deadline = time.monotonic() + within
        while True:
            found = {queue["name"]: queue["messages"] for queue in self.queues() if queue["messages"]}
            if not found or time.monotonic() > deadline:
                return found

    def given_up(self, broker: str) -> bool:
        """By the first broker's log: while one is out of sight, its command line does not always answer."""
        log = _docker("logs", self.container(BROKERS[0]))
        return re.search(rf"rabbit on node '?rabbit@{broker}'? down", log) is not None

    def queues(self) -> list[dict[str, Any]]:
        columns = ("name", "messages", "consumers", "members", "online")
        listed = self._rabbitmqctl("--formatter", "json", "list_queues", "--vhost", VHOST, *columns)
        found: list[dict[str, Any]] = json.loads(listed)
        return found

    def ledger(self) -> dict[str, Any]:
        """Once everything is at rest."""
        found: dict[str, Any] = self._audit("ledger", within=200)
        return found

    def wrongly_sent(self, handed_over: Counter[str]) -> list[str]:
        found: list[str] = self._audit("messages", json.dumps(handed_over))
        return found

    def copy_mails(self, folder: Path) -> None:
        """All that were caught so far, one file each."""
        _docker("cp", f"{self.container('mail')}:{CAUGHT}/new/.", str(folder))

    def texts(self) -> Counter[str]:
        """How often each SMS was handed over, by the delivery's id."""
        lines = self("exec", "-T", "notification", "sh", "-c", "cat /var/lib/amtstermin/sms.jsonl || true")
        return Counter(json.loads(line)["reference"] for line in lines.splitlines())

    def _keep_metadata_in_raft(self) -> None:
        """As brokers do from 4.2 on; where the image is older they would do so only when they are told."""
        flags = self._rabbitmqctl("--formatter", "json", "list_feature_flags", "name", "state")
        if {"name": "khepri_db", "state": "disabled"} in json.loads(flags):
            self._rabbitmqctl("enable_feature_flag", "--opt-in", "khepri_db")

    def _rabbitmqctl(self, *arguments: str) -> str:
        return self("exec", "-T", BROKERS[0], "rabbitmqctl", "--quiet", *arguments)

    def _primary(self) -> str | None:
        primaries = (host for host, state in self._members().items() if state == "PRIMARY")
        return next(primaries, "").partition(":")[0]

    def _lacking_members(self) -> list[str]:
        members = self._members()
        whole = ["PRIMARY", "SECONDARY", "SECONDARY"]
        return [] if sorted(members.values()) == whole else [f"the replica set is {members}"]

    def _lacking_in_queues(self) -> list[str]:
        """Members on all three nodes, and for work queues a consumer in each of two processes."""
        try:
            queues = self.queues()
        except AssertionError as error:
            return [str(error)]
        lacking = []
        for queue in queues:
            if not len(queue["members"]) == len(queue["online"]) == len(BROKERS):
                lacking.append(f"{queue['name']} has members {queue['members']}, online {queue['online']}")
            if _is_work_queue(queue["name"]) and queue["consumers"] != 2:
                lacking.append(f"{queue['name']} has {queue['consumers']} consumers")
        return lacking

    def _members(self) -> dict[str, str]:
        found: dict[str, str] = self._audit("members")
        return found

    def _audit(self, question: str, given: str = "", *, within: float = 30) -> Any:
        asked = ["exec", "--interactive", self._auditor, "python", "audit.py", question]
        return json.loads(_docker(*asked, given=given, within=within))


def _is_work_queue(name: str) -> bool:
    """One that both processes of its service hear; a rebuild's is heard while figures are made anew."""
    return not name.startswith("retry.") and not name.endswith((".parking", ".rebuild"))


def _docker(*arguments: str, given: str = "", within: float = 60) -> str:
    done = subprocess.run(
        ["docker", *arguments], input=given, capture_output=True, text=True, check=False, timeout=within
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}:\n{(done.stdout + done.stderr)[-2000:]}"
    return done.stdout
