"""Administrators look after accounts; everybody signs in and out."""

from typing import Any, get_args
from uuid import uuid4

import httpx

from services.booking.domain.actors import Role
from tests.contract.lives.world import OFFICE, PASSWORD, Body, World

_S = "/v1/staff"


def open_doors(world: World, *, first_link: str) -> None:
    """The first administrator sets a password by the command's link, and makes an account for each role."""
    _set_password(world, first_link)
    root = _sign_in(world, "root")["token"]
    for role in get_args(Role):
        world.tokens[role] = _newcomer(world, root, role)
    world.tokens["all"] = _newcomer(world, root, *get_args(Role))


def newcomer(world: World) -> str:
    """The token of somebody new, who may look and no more."""
    return _newcomer(world, world.tokens["admin"], "read_only")


def come_and_go(world: World) -> None:
    """An account from its making until it is disabled."""
    call = world.call
    admin: Body = {"token": world.tokens["admin"]}
    made = _add(world, world.tokens["admin"], "read_only")
    _set_password(world, made["link"])
    first, second = _sign_in(world, made["login"])["token"], _sign_in(world, made["login"])["token"]
    assert call(f"GET {_S}/me", token=first)["login"] == made["login"]
    other = next(s for s in call(f"GET {_S}/sessions", token=first) if not s["current"])
    call(f"DELETE {_S}/sessions/{{id}}", token=first, id=other["id"])
    call(f"GET {_S}/me", token=second, expected=401)
    change = {"present": PASSWORD, "password": f"{PASSWORD}, anders"}
    call(f"PUT {_S}/me/password", token=first, json=change)
    call(f"DELETE {_S}/sessions/current", token=first)
    assert any(a["id"] == made["id"] for a in call(f"GET {_S}/accounts", **admin))
    call(f"POST {_S}/accounts/{{id}}/link", **admin, id=made["id"])
    assert call(f"PATCH {_S}/accounts/{{id}}", **admin, id=made["id"], json={"disabled": True})["disabled_at"]
    record = call(f"GET {_S}/audit", **admin, params={"subject": made["id"], "limit": 5})
    assert record["entries"][0]["action"] == "account.disabled"


def _newcomer(world: World, token: str, *roles: Role) -> str:
    made = _add(world, token, *roles)
    _set_password(world, made["link"])
    signed_in: str = _sign_in(world, made["login"])["token"]
    return signed_in


def _add(world: World, token: str, *roles: Role) -> Any:
    account = {"login": f"{roles[0]}-{uuid4().hex[:8]}", "roles": roles, "office": OFFICE}
    return world.call(f"POST {_S}/accounts", token=token, json=account)


def _set_password(world: World, link: str) -> None:
    token = httpx.URL(link).params["token"]
    world.call(f"POST {_S}/password", json={"token": token, "password": PASSWORD})


def _sign_in(world: World, login: str) -> Any:
    return world.call(f"POST {_S}/sessions", json={"login": login, "password": PASSWORD})
