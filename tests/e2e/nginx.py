"""Debian's nginx with the delivered configuration, as a process of a test."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.process import ROOT

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
WHY_NOT = "there is no nginx here: apt-get install nginx-light to try the proxy"
LISTENERS = {"8080": "plain", "8443": "public", "9443": "staff", "9444": "figures"}
# One computer plays everybody.
_FOR_MANY_CLIENTS = re.compile(r"^\s*limit_(req|conn)\b.*;\n", re.MULTILINE)


def write(
    folder: Path,
    *,
    ports: Mapping[str, int],
    servers: Mapping[str, Sequence[int]],
    limits: bool = True,
) -> Path:
    """The delivered file with this machine's ports (by listener), files and servers (by service); without `limits`
    one client may ask as often as it likes."""
    text = (ROOT / "deploy" / "production" / "nginx.conf").read_text(encoding="utf-8")
    text = text.replace("/tmp/", f"{folder}/").replace("/run/tls", str(folder / "tls"))
    text = text.replace("/dev/stdout", str(folder / "access.log"))
    for port, name in LISTENERS.items():
        text = text.replace(f"listen {port}", f"listen 127.0.0.1:{ports[name]}")
    for name, local in servers.items():
        text = text.replace(f"server {name}:8000;", " ".join(f"server 127.0.0.1:{port};" for port in local))
    if not limits:
        text = _FOR_MANY_CLIENTS.sub("", text)
    file = folder / "nginx.conf"
    file.write_text(text, encoding="utf-8")
    return file


def certificates(folder: Path) -> Path:
    """For localhost, by the delivered script; the authority's file."""
    script = ROOT / "deploy" / "production" / "certificates.sh"
    names = ("public=localhost", "staff=localhost")
    subprocess.run([script, folder / "tls", *names], check=True, capture_output=True)
    return folder / "tls" / "ca.pem"


def start(folder: Path) -> subprocess.Popen[bytes]:
    as_whom = "user root;" if os.geteuid() == 0 else ""
    return subprocess.Popen([*_command(folder), "-g", f"daemon off; {as_whom}"])


def _command(folder: Path) -> list[str]:
    return [str(NGINX), "-c", str(folder / "nginx.conf"), "-p", str(folder)]


def reload(folder: Path) -> None:
    """Requests under way are finished by the old configuration."""
    subprocess.run([*_command(folder), "-s", "reload"], check=True, capture_output=True)
