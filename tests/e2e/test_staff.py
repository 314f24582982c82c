"""From the operator's first command to a signed-in administrator, on the running stack."""

import os
import re
import subprocess
import sys
from uuid import uuid4

import httpx

from deploy.local.process import ROOT
from deploy.local.stack import Stack


def test_first_administrator_comes_in_by_the_link(stack: Stack) -> None:
    login = f"admin-{uuid4().hex[:8]}"
    command = [sys.executable, "-m", "shared.cli", "staff", "add", login, "--role", "admin"]
    environment = {**os.environ, "AMTSTERMIN_SECRETS_DIR": str(stack.secrets)}
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    link = re.search(rf"{stack['booking'].url}/staff/password\?token=([\w-]+)", told)
    assert link

    with httpx.Client(base_url=stack["booking"].url, timeout=10) as client:
        assert client.get(link[0]).status_code == 200
        form = {"token": link[1], "password": "ein langes Passwort"}
        assert client.post("/staff/password", data=form).status_code == 200
        session = client.post("/v1/staff/sessions", json={"login": login, "password": form["password"]}).json()
        client.headers["Authorization"] = f"Bearer {session['token']}"
        assert client.get("/v1/staff/me").json()["login"] == login
        new = {"login": f"desk-{uuid4().hex[:8]}", "roles": ["service_point"], "office": "zollernalbkreis"}
        assert client.post("/v1/staff/accounts", json=new).status_code == 201
        assert client.delete("/v1/staff/sessions/current").status_code == 204
        assert client.get("/v1/staff/me").status_code == 401

    log = (stack.folder / "log" / "booking.log").read_text()
    for secret in (link[1], session["token"], login, form["password"]):
        assert secret not in log
