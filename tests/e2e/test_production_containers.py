"""deploy/production in containers: own certificates, TLS to all, a booking by the proxy, all lost and restored."""

import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.backup.sealed_file import new_identity
from tests.builders import HECHINGEN
from tests.citizen import OFFICE, link_in
from tests.e2e.compose import BASE, ROOT, Compose, engine
from tests.waiting import eventually

pytestmark = pytest.mark.long

OVERLAY = "deploy/production/docker-compose.yml"
PUBLIC, STAFF = "https://localhost", "https://localhost:9443"
OURS = 10001


@dataclass
class Installation:
    folder: Path
    compose: Compose
    http: httpx.Client

    def book(self) -> tuple[str, dict[str, str]]:
        """By the citizens' listener, with the link of the mail; path and header of the appointment."""
        office = f"{PUBLIC}/v1/offices/{OFFICE}"
        found = self.http.get(f"{office}/availability", params={"service": "eat_pickup", "persons": 1}).json()
        wish: dict[str, Any] = {
            "office": OFFICE,
            "service": "eat_pickup",
            "starts_at": next(time for day in found["days"] for time in day["times"]),
            "family_name": "Öztürk",
            "members": [{"municipality": HECHINGEN}],
            "preconditions": {"pin_letter": True},
        }
        email = f"{uuid4().hex[:8]}@example.org"
        key = {"Idempotency-Key": uuid4().hex}
        held = self.http.post(f"{PUBLIC}/v1/appointments", json=wish, headers=key).json()
        path, token = f"{PUBLIC}/v1/appointments/{held['id']}", {"Authorization": f"Bearer {held['token']}"}
        contact = {"given_name": "Ayşe", "email": email, "language": "de"}
        assert self.http.put(f"{path}/contact", json=contact, headers=token).status_code == 200
        mail = eventually(lambda: self.compose.fetch_mails().to(email), within=120, what="the mail")[0]
        secret = {"secret": httpx.URL(link_in(mail, "confirm")).params["secret"]}
        assert self.http.post(f"{path}/confirm", json=secret).json()["status"] == "confirmed"
        return path, token

    def erase(self, path: str, token: dict[str, str]) -> None:
        answer = self.http.delete(path, params={"cancel": "true"}, headers=token)
        assert answer.status_code == 204, answer.text

    def doctor(self) -> dict[str, str]:
        """What is not well, and why."""
        exported = self.compose("exec", "-T", "rabbitmq", "rabbitmqctl", "-q", "export_definitions", "-")
        done = self.compose.run("run", "--rm", "-T", "doctor", "--json", given=exported, within=120)
        findings = json.loads(done.stdout)
        assert len(findings) > 18, done.stdout
        return {finding["check"]: finding["said"] for finding in findings if finding["level"] != "OK"}

    def operate(self, *arguments: str, service: str = "backup-cli", options: tuple[str, ...] = ()) -> str:
        return self.compose("run", "--rm", "-T", *options, service, *arguments, within=300)


@pytest.fixture(scope="module")
def installation(images: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """As the guide makes it. The name in the certificates is this host's own, so that no DNS is needed."""
    if engine("image", "inspect", "nginx:stable") is None and engine("pull", "nginx:stable", within=600) is None:
        pytest.skip("the engine has no image nginx:stable and cannot pull it")
    folder = tmp_path_factory.mktemp("production")
    tls, erasures, backups = (folder / name for name in ("tls", "erasures", "backups"))
    for servers in ((), ("public=localhost", "staff=localhost")):
        subprocess.run(
            [ROOT / "deploy/production/certificates.sh", tls, *servers], check=True, capture_output=True
        )
    for kept in (erasures, backups):
        kept.mkdir(mode=0o700)
        shutil.chown(kept, OURS, OURS)
    settings = {
        "BOOKING_PUBLIC_URL": PUBLIC,
        "BOOKING_STAFF_URL": STAFF,
        "REPORTING_PUBLIC_URL": "https://localhost:9444",
        "PUBLIC_ADDRESS": "127.0.0.1",
        "STAFF_ADDRESS": "127.0.0.1",
        "NOTIFICATION_SENDER": "termine@example.org",
        "NOTIFICATION_SMTP_HOST": "mail",
        "NOTIFICATION_SMTP_PORT": "8025",
        "NOTIFICATION_SMTP_TLS": "none",
        "ERASURES": str(erasures),
        "BACKUPS": str(backups),
        "TLS": str(tls),
        "COMPOSE_PROFILES": "catcher",
    }
    compose = Compose(folder, tag=images, processes={}, files=(BASE, OVERLAY), settings=settings)
    try:
        compose.start()
        with httpx.Client(verify=ssl.create_default_context(cafile=tls / "ca.pem"), timeout=30) as http:
            yield Installation(folder, compose, http)
    finally:
        compose.remove()


def test_what_is_lost_comes_back_on_an_empty_host_and_who_was_erased_does_not(installation: Installation) -> None:
    stays, erased_later = installation.book(), installation.book()
    # From within the name leads to the container itself; the proxy has its certificate, by an authority of ours.
    wrong = installation.doctor()
    assert wrong.keys() == {"https"}
    assert "no TLS with localhost:443 at proxy:8443: unable to get local issuer certificate" in wrong["https"]
    assert installation.http.get(f"{STAFF}/staff", follow_redirects=True).status_code == 200
    assert installation.http.get(f"{PUBLIC}/staff").status_code == 404
    assert installation.http.get("https://localhost:9444/sign-in").status_code == 200

    identity = installation.folder / "backups" / "identity"
    public = new_identity(identity)
    identity.chmod(0o444)
    installation.operate("backup", "--folder", "/backups", "--recipient", public)
    installation.erase(*erased_later)
    installation.compose.remove()

    restore_on_an_empty_host(installation)

    path, token = stays
    seen = eventually(lambda: installation.http.get(path, headers=token), within=60, what="the first appointment")
    assert seen.json()["status"] == "confirmed"
    path, token = erased_later
    assert installation.http.get(path, headers=token).json()["status"] == "anonymised"
    assert installation.doctor().keys() <= {"https"}


def restore_on_an_empty_host(installation: Installation) -> None:
    """Step by step as docs/operations.md says."""
    compose, backups = installation.compose, installation.folder / "backups"
    data, keys = (f"/backups/{next(backups.glob(f'*.{kind}')).name}" for kind in ("data", "keys"))
    opened = ("--keys", keys, "--identity", "/backups/identity")
    for file in backups.iterdir():
        file.chmod(0o444)
    backups.chmod(0o755)
    mounted = ("--no-deps", "--volume", f"{backups}:/backups:ro")
    installation.operate("restore", *opened, "--secrets-to", "/secrets", service="secrets", options=mounted)
    compose("up", "--wait", "mongodb", "rabbitmq", within=300)
    compose("run", "--rm", "-T", "mongodb-setup", within=300)
    told = installation.operate("restore", "--data", data, *opened)
    assert "1 persons were erased again" in told, told
    compose.start()
