"""Acknowledgements: many deliveries in one frame."""

import asyncio
from contextlib import suppress
from weakref import WeakKeyDictionary

from aiormq.abc import AbstractChannel


class Acknowledger:
    """Acknowledges what finishes in one turn of the loop together, a run of deliveries by its last one.

    A run ends before the first delivery that is still being handled, so no unfinished one is ever covered;
    what is finished beyond it is acknowledged one by one.
    """

    def __init__(self) -> None:
        self._channels: WeakKeyDictionary[AbstractChannel, _Runs] = WeakKeyDictionary()
        self._sending: set[asyncio.Task[None]] = set()

    async def finish(self, channel: AbstractChannel, tag: int) -> None:
        """Returns when the acknowledgement is sent. A lost channel brings the delivery again."""
        runs = self._channels.get(channel)
        if runs is None:
            runs = self._channels[channel] = _Runs()
        runs.finished.add(tag)
        if runs.sent is None:
            runs.sent = asyncio.Event()
            # A task of its own: a cancelled handler must not take the others' acknowledgements along.
            task = asyncio.create_task(self._send(channel, runs, runs.sent))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        await runs.sent.wait()

    async def _send(self, channel: AbstractChannel, runs: "_Runs", sent: asyncio.Event) -> None:
        """Starts in the next turn of the loop, so whoever finishes in this one comes along.

        One after the other: a later run would cover what an earlier one is still acknowledging alone, and
        acknowledging a delivery twice is an error that closes the channel.
        """
        try:
            async with runs.sending:
                runs.sent = None
                last, alone = runs.take()
                with suppress(Exception):
                    if last:
                        await channel.basic_ack(last, multiple=True)
                    for tag in alone:
                        await channel.basic_ack(tag)
        finally:
            sent.set()


class _Runs:
    """Of one channel: tags count from 1, in the order of delivery, and only one consumer gets them."""

    def __init__(self) -> None:
        self.finished: set[int] = set()
        self.sent: asyncio.Event | None = None
        self.sending = asyncio.Lock()
        self._acknowledged: set[int] = set()
        self._next = 1

    def take(self) -> tuple[int, list[int]]:
        """The last tag of the run that is finished from the start on (0 for none), and the tags beyond it."""
        last = 0
        while self._next in self.finished or self._next in self._acknowledged:
            if self._next in self.finished:
                last = self._next
            self.finished.discard(self._next)
            self._acknowledged.discard(self._next)
            self._next += 1
        alone = sorted(self.finished)
        self._acknowledged |= self.finished
        self.finished = set()
        return last, alone
