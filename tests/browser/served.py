"""An office at work, served over HTTP with a clock of its own: a browser can live any hour of its day."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import uvicorn

from deploy.local.stack import Stack
from services.booking.domain.actors import Role
from services.booking.staff.accounts import Account
from tests.integration.office_harness import OFFICE, AtWork, an_office_at_work
from tests.waiting import eventually

T = TypeVar("T")
PASSWORD = "ein Satz aus Wörtern"


@dataclass
class Served:
    """`work` lives in a loop of its own: `do` runs something there."""

    work: AtWork
    url: str
    loop: asyncio.AbstractEventLoop

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(timeout=30)

    def account(self, *roles: Role, office: str = OFFICE) -> Account:
        """With PASSWORD."""
        return self.do(self._account(roles, office))

    async def _account(self, roles: tuple[Role, ...], office: str) -> Account:
        account, link = await self.work.staff.administration.add(
            login=f"somebody-{uuid4().hex[:8]}", name="Kim Beispiel", roles=roles, office=office
        )
        await self.work.staff.sign_in.set_password(secret=link.secret, password=PASSWORD)
        return account


@contextmanager
def served(servers: Stack, **changes: Any) -> Iterator[Served]:
    loop, started, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    found: list[Served] = []
    failed: list[BaseException] = []

    async def run() -> None:
        try:
            async with an_office_at_work(servers, **changes) as work:
                server = uvicorn.Server(uvicorn.Config(work.app, port=0, log_config=None, lifespan="off"))
                serving = asyncio.create_task(server.serve())
                while not server.started:  # noqa: ASYNC110 (it has no event)
                    await asyncio.sleep(0.01)
                port = server.servers[0].sockets[0].getsockname()[1]
                found.append(Served(work, f"http://127.0.0.1:{port}", loop))
                started.set()
                await stop.wait()
                server.should_exit = server.force_exit = True
                await serving
        except BaseException as error:
            failed.append(error)
            started.set()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), name="served office")
    thread.start()
    eventually(started.is_set, within=60, what="the office is served")
    if failed:
        raise failed[0]
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=30)
        loop.close()
