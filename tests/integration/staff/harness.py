"""The staff's routes on a real database, with a clock that a test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
from fastapi import Depends, FastAPI
from pydantic import SecretStr

from deploy.local.stack import Stack
from services.booking.api import add_staff_routes
from services.booking.api.signed_in import for_office, signed_in
from services.booking.domain.actors import Role, SignedIn
from services.booking.staff import Staff, ensure_staff_indexes, make_staff
from services.booking.staff.accounts import Account
from services.booking.staff.settings import OidcSettings
from services.booking.web.staff import password
from shared.http import Health, create_app
from shared.mongo import Database, connect
from shared.settings import CommonSettings
from tests.integration.booking_harness import KEYS, MovedClock

OFFICE, OTHER_OFFICE = "zollernalbkreis", "tuttlingen"
PASSWORD = "ein Satz aus Wörtern"


@dataclass
class Counter:
    """What a test asks of the staff's side, over HTTP where staff would."""

    app: FastAPI
    staff: Staff
    clock: MovedClock
    database: Database

    def client(self, *, address: str = "192.0.2.1", token: str | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(self.app, client=(address, 40000))
        return httpx.AsyncClient(transport=transport, base_url="https://termine.example", headers=headers)

    async def account(self, *roles: Role, login: str | None = None, office: str = OFFICE) -> Account:
        """With PASSWORD, set by its link."""
        account, link = await self.staff.administration.add(
            login=login or f"somebody-{uuid4().hex[:8]}", name=None, roles=roles, office=office
        )
        await self.staff.sign_in.set_password(secret=link.secret, password=PASSWORD)
        return account

    async def sign_in(self, login: str, *, password: str = PASSWORD, address: str = "192.0.2.1") -> httpx.Response:
        async with self.client(address=address) as client:
            return await client.post("/v1/staff/sessions", json={"login": login, "password": password})

    async def at_work(self, *roles: Role, office: str = OFFICE) -> tuple[Account, httpx.AsyncClient]:
        """Somebody with these roles, and a client that is signed in as them."""
        account = await self.account(*roles, office=office)
        answer = await self.sign_in(account.login)
        return account, self.client(token=answer.json()["token"])

    async def recorded(self, subject: str) -> list[str]:
        found = self.database["audit"].find({"subject": subject}).sort("_id", 1)
        return [entry["action"] async for entry in found]


def secret_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["token"][0]


def kind(answer: httpx.Response) -> tuple[int, Any]:
    """Status and type of a problem."""
    return answer.status_code, answer.json().get("type")


@asynccontextmanager
async def a_counter(servers: Stack, *, oidc: OidcSettings | None = None) -> AsyncIterator[Counter]:
    """A database of its own, and the staff's routes without the rest of booking."""
    settings = CommonSettings(
        mongodb_uri=SecretStr(servers.secret("admin_mongodb_uri")),
        mongodb_database=f"staff_{uuid4().hex[:8]}",
        amqp_url=SecretStr("amqp://nobody@127.0.0.1:1"),
    )
    client = connect(settings)
    database = client[settings.mongodb_database]
    await ensure_staff_indexes(database)
    clock = MovedClock(client)
    await clock.start()
    staff = make_staff(
        database,
        clock=clock,
        keys=KEYS,
        offices=[OFFICE, OTHER_OFFICE],
        public_url="https://termine.example/",
        oidc=oidc,
    )
    try:
        yield Counter(_app(staff), staff, clock, database)
    finally:
        await clock.stop()
        await client.drop_database(settings.mongodb_database)
        client.close()


def _app(staff: Staff) -> FastAPI:
    @asynccontextmanager
    async def nothing(_: FastAPI) -> AsyncIterator[None]:
        yield

    health = Health(required={}, degrading={})
    app = create_app(title="staff", description="staff", health=health, lifespan=nothing)
    add_staff_routes(app, staff)
    app.include_router(password.router(staff))

    @app.get("/desk/{office}")
    async def desk(office: str, somebody: Annotated[SignedIn, Depends(signed_in("serve"))]) -> dict[str, str]:
        """As the routes of the day use it."""
        for_office(somebody, office)
        return {"by": somebody.actor.id or ""}

    return app
