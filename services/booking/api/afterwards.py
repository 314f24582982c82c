"""What is done after the answer: nobody waits for it, and it must not be lost to a database that is away."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.mongo import PyMongoError, is_away
from shared.observability import get_logger

log = get_logger()

_TRIES = 5


async def until_done(do: Callable[[], Awaitable[None]], *, what: str) -> None:
    for _ in range(_TRIES):
        try:
            await do()
            return
        except PyMongoError as error:
            if not is_away(error):
                raise
            log.warning("not_asked_for_yet", what=what, error=type(error).__name__)
            await asyncio.sleep(1)
    log.error("not_asked_for", what=what)
