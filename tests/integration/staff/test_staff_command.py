"""`amtstermin staff` as operators type it, on the real database."""

import re
import subprocess
import sys
from collections.abc import Callable
from uuid import uuid4

import pytest

from deploy.local.process import ROOT
from deploy.local.stack import Stack

Amtstermin = Callable[..., str]


@pytest.fixture
def amtstermin(servers: Stack) -> Amtstermin:
    def run(*arguments: str, ok: bool = True, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error::UserWarning", "-m", "shared.cli", *arguments],
            cwd=ROOT,
            env={
                "AMTSTERMIN_SECRETS_DIR": str(servers.secrets),
                "BOOKING_PUBLIC_URL": "https://termine.example",
                "PATH": "/usr/bin:/bin",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout if ok else done.stderr

    return run


def line_of(login: str, listed: str) -> str:
    return next(line for line in listed.splitlines() if line.startswith(f"{login} "))


def new_login() -> str:
    return f"cli-{uuid4().hex[:8]}"


def test_the_first_administrator_gets_a_link(amtstermin: Amtstermin) -> None:
    login = new_login()

    told = amtstermin("staff", "add", login.upper(), "--role", "admin", "--role", "lead")

    assert f"{login}: admin, lead at all offices." in told
    assert re.search(r"^https://termine\.example/staff/password\?token=[\w-]{43}$", told, re.MULTILINE)
    listed = line_of(login, amtstermin("staff", "list"))
    assert "admin, lead" in listed
    assert "no password yet" in listed


def test_where_staff_have_an_address_of_their_own_the_link_leads_there(amtstermin: Amtstermin) -> None:
    """The proxy of a production install lets nobody reach staff pages by the citizens' address."""
    told = amtstermin(
        "staff", "add", new_login(), "--role", "admin", BOOKING_STAFF_URL="https://intern.example:9443"
    )
    assert "https://intern.example:9443/staff/password?token=" in told


def test_other_roles_belong_to_the_only_office(amtstermin: Amtstermin) -> None:
    login = new_login()
    assert "at zollernalbkreis." in amtstermin("staff", "add", login, "--role", "service_point")
    assert line_of(login, amtstermin("staff", "list", "--office", "zollernalbkreis"))


def test_a_disabled_account_gets_no_link_until_enabled(amtstermin: Amtstermin) -> None:
    login = new_login()
    amtstermin("staff", "add", login, "--role", "lead")

    amtstermin("staff", "disable", login)
    assert "(disabled)" in line_of(login, amtstermin("staff", "list"))
    assert "is disabled" in amtstermin("staff", "link", login, ok=False)

    amtstermin("staff", "enable", login)
    assert "/staff/password?token=" in amtstermin("staff", "link", login)


def test_mistakes_are_told_in_one_sentence(amtstermin: Amtstermin) -> None:
    login = new_login()
    amtstermin("staff", "add", login, "--role", "lead")
    mistakes = {
        ("staff", "add", login, "--role", "lead"): "There is an account",
        ("staff", "add", "x y", "--role", "lead"): "no spaces",
        ("staff", "add", "another", "--role", "lead", "--office", "nowhere"): "no office 'nowhere'",
        ("staff", "add", "another", "--role", "lead", "--office", "*"): "Only administrators",
        ("staff", "link", "nobody-at-all"): "no account 'nobody-at-all'",
    }
    for command, told in mistakes.items():
        error = amtstermin(*command, ok=False)
        assert told in error
        assert len(error.splitlines()) == 1


def test_an_absent_database_is_told_in_one_sentence(amtstermin: Amtstermin) -> None:
    error = amtstermin(
        "staff", "list", ok=False, BOOKING_MONGODB_URI="mongodb://127.0.0.1:1/?directConnection=true"
    )
    assert "MongoDB does not answer" in error
    assert len(error.splitlines()) == 1
