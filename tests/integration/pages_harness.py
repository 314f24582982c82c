"""Somebody of the staff at the pages, without a browser: cookies, forms, and what a browser says of itself."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI

from services.booking.api.signed_in import COOKIE
from services.booking.domain.actors import Role
from services.booking.staff.accounts import Account
from tests.integration.office_harness import OFFICE, AtWork

PASSWORD = "ein Satz aus Wörtern"
OURS = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class AtTheScreen:
    http: httpx.AsyncClient
    account: Account

    async def see(self, path: str) -> str:
        """The page at `path`."""
        answer = await self.http.get(path, follow_redirects=True)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.text

    async def send(self, path: str, **fields: Any) -> httpx.Response:
        """A form of ours, without following where it leads."""
        return await self.http.post(path, data=fields, headers=OURS)

    async def sent(self, path: str, **fields: Any) -> str:
        """A form of ours that is taken; the page that follows."""
        answer = await self.http.post(path, data=fields, headers=OURS, follow_redirects=True)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:2000]}"
        return answer.text


def a_browser(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://termine.example")


async def account_of(work: AtWork, *roles: Role, office: str = OFFICE) -> Account:
    """With PASSWORD."""
    account, link = await work.staff.administration.add(
        login=f"somebody-{uuid4().hex[:8]}", name=None, roles=roles, office=office
    )
    await work.staff.sign_in.set_password(secret=link.secret, password=PASSWORD)
    return account


async def at_the_screen(work: AtWork, *roles: Role, office: str = OFFICE) -> AtTheScreen:
    """Signed in, as the page does it once the password fits: that takes its time, and has tests of its own."""
    account, _ = await work.staff.administration.add(
        login=f"somebody-{uuid4().hex[:8]}", name=None, roles=roles, office=office
    )
    token, _ = await work.staff.sessions.open(account.id, now=work.desk.clock.now())
    http = a_browser(work.app)
    http.cookies.set(COOKIE, token, domain="termine.example", path="/")
    return AtTheScreen(http, account)


def hidden(page: str, name: str) -> str:
    """What a hidden field of the page holds."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
