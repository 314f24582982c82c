"""The production overlay, as far as its text can tell."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.process import ROOT

FOLDER = ROOT / "deploy" / "production"


class _Loader(yaml.SafeLoader):
    """Knows Compose's own tag."""


_Loader.add_constructor("!reset", lambda loader, node: [])


def _read(file: str, part: str = "services") -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.load((ROOT / file).read_text(), _Loader)[part]  # noqa: S506 (a safe one)
    return found


_FILE = "deploy/production/docker-compose.yml"
BASE, OVERLAY, VOLUMES = _read("docker-compose.yml"), _read(_FILE), _read(_FILE, "volumes")


def test_the_proxy_alone_is_reached_from_outside() -> None:
    published = {name for name, service in BASE.items() if service.get("ports")}
    assert published == {"booking", "notification", "reporting"}
    assert all(OVERLAY[name]["ports"] == [] for name in published)
    assert [name for name, service in OVERLAY.items() if service.get("ports")] == ["proxy"]


def test_whoever_connects_to_the_servers_knows_their_authority() -> None:
    ca = "${TLS:-./deploy/production/tls}/ca.pem:/run/tls/ca.pem:ro"
    connecting = {
        name for name, service in BASE.items() if "secrets" in str(service.get("volumes")) and name != "secrets"
    }
    assert {name for name, service in OVERLAY.items() if ca in service.get("volumes", [])} == connecting


@pytest.mark.parametrize(
    "name",
    [
        "BOOKING_PUBLIC_URL",
        "BOOKING_STAFF_URL",
        "REPORTING_PUBLIC_URL",
        "NOTIFICATION_SENDER",
        "STAFF_ADDRESS",
        "ERASURES",
    ],
)
def test_what_only_the_office_knows_has_no_default_and_stands_in_the_guide(name: str) -> None:
    assert f"${{{name}:?" in (FOLDER / "docker-compose.yml").read_text()
    assert re.search(rf"^{name}=", (FOLDER / "README.md").read_text(), re.MULTILINE)


def test_all_that_note_or_read_erasures_have_their_journal_and_its_disk() -> None:
    journal = Path(BASE["booking"]["environment"]["BOOKING_ERASURE_JOURNAL"])
    having = {name for name, s in BASE.items() if f"erasures:{journal.parent}" in s.get("volumes", [])}
    assert having == {"booking", "booking-cli", "backup-cli", "doctor"}
    settings = {name: BASE[name]["environment"]["BOOKING_ERASURE_JOURNAL"] for name in having}
    assert set(settings.values()) == {str(journal)}
    # What the image owns at that path is what booking may write.
    made = f"install --directory --owner amtstermin --group amtstermin --mode 700 {journal.parent}"
    assert made in (ROOT / "Dockerfile").read_text()
    assert "${ERASURES:?" in VOLUMES["erasures"]["driver_opts"]["device"]


def test_the_doctor_meets_the_proxy_where_it_has_the_citizens_certificate() -> None:
    """Whatever the citizens' name leads to from within."""
    setting = OVERLAY["doctor"]["environment"]["BOOKING_PUBLIC_CONNECT"]
    host, port = setting.removeprefix("${BOOKING_PUBLIC_CONNECT-").removesuffix("}").split(":")
    assert any(published.endswith(f":443:{port}") for published in OVERLAY[host]["ports"])
    assert set(OVERLAY[host]["networks"]) <= set(OVERLAY["doctor"]["networks"])
    assert set(BASE["doctor"]["networks"]) <= set(OVERLAY["doctor"]["networks"])


def test_no_password_stands_in_the_overlay() -> None:
    for file in FOLDER.glob("*"):
        if file.is_file() and file.name != "README.md":
            assert not re.search(r"(?i)(password|secret|token)\s*[:=]\s*['\"]?\w{4,}", file.read_text()), file.name


def test_mongod_starts_as_in_the_stack_of_the_root_but_for_tls() -> None:
    base, here = set(BASE["mongodb"]["command"]), set(OVERLAY["mongodb"]["command"])
    assert base < here
    assert {option.split("=")[0] for option in here - base} == {
        "--tlsMode",
        "--tlsCertificateKeyFile",
        "--tlsCAFile",
        "--tlsAllowConnectionsWithoutCertificates",
    }


def test_each_has_a_ceiling_of_memory_and_a_log_that_ends() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert "max-size: 10m" in text
    for name in ("mongodb", "rabbitmq", "booking", "notification", "reporting", "proxy"):
        service = {**BASE.get(name, {}), **OVERLAY[name]}
        assert service.get("mem_limit"), name
        assert service.get("cpus"), name
        assert service.get("logging"), name
