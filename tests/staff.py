"""A member of the staff at work: by the operator's command and the public API, as an office does it."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import httpx

from deploy.local.process import ROOT

OFFICE = "zollernalbkreis"


def staff_token(url: str, environment: Mapping[str, str], *, role: str = "lead", code: Path = ROOT) -> str:
    """Signed in with a new account; `environment` holds booking's settings or AMTSTERMIN_SECRETS_DIR."""
    login = f"{role}-{uuid4().hex[:8]}"
    command = [sys.executable, "-m", "shared.cli", "staff", "add", login, "--role", role, "--office", OFFICE]
    done = subprocess.run(
        command, cwd=code, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    link = re.search(r"token=([\w-]+)", done.stdout)
    assert link, done.stdout + done.stderr
    password = uuid4().hex
    with httpx.Client(base_url=url, timeout=30) as http:
        form = {"token": link[1], "password": password}
        http.post("/staff/password", data=form).raise_for_status()
        session = http.post("/v1/staff/sessions", json={"login": login, "password": password})
        session.raise_for_status()
        return str(session.json()["token"])
