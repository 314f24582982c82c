import asyncio
from collections.abc import Sequence

import pytest

from services.reporting.storage.batch import Batch


class Refused(Exception):
    pass


def test_concurrent_items_share_one_write() -> None:
    writes: list[list[int]] = []

    async def write(items: Sequence[int]) -> Sequence[int | Exception]:
        writes.append(list(items))
        return [item * 2 for item in items]

    async def run() -> list[int]:
        batch = Batch(write)
        return await asyncio.gather(*(batch.add(n) for n in range(50)))

    assert asyncio.run(run()) == [n * 2 for n in range(50)]
    assert writes == [list(range(50))]


def test_batch_never_exceeds_its_size() -> None:
    sizes: list[int] = []

    async def write(items: Sequence[int]) -> Sequence[int | Exception]:
        sizes.append(len(items))
        return list(items)

    async def run() -> None:
        batch = Batch(write, size=4)
        await asyncio.gather(*(batch.add(n) for n in range(10)))

    asyncio.run(run())
    assert sizes == [4, 4, 2]


def test_one_bad_item_fails_alone() -> None:
    async def write(items: Sequence[int]) -> Sequence[int | Exception]:
        return [Refused() if item == 3 else item for item in items]

    async def run() -> list[int | BaseException]:
        batch = Batch(write)
        return await asyncio.gather(*(batch.add(n) for n in range(5)), return_exceptions=True)

    outcomes = asyncio.run(run())
    assert [n for n in outcomes if isinstance(n, int)] == [0, 1, 2, 4]
    assert isinstance(outcomes[3], Refused)


def test_failed_write_fails_all_and_next_batch_works() -> None:
    down = [True]

    async def write(items: Sequence[int]) -> Sequence[int | Exception]:
        if down:
            raise ConnectionError
        return list(items)

    async def run() -> int:
        batch = Batch(write)
        with pytest.raises(ConnectionError):
            await asyncio.gather(batch.add(1), batch.add(2))
        down.clear()
        return await batch.add(3)

    assert asyncio.run(run()) == 3


def test_cancelled_handler_does_not_disturb_the_others() -> None:
    release = asyncio.Event()

    async def write(items: Sequence[int]) -> Sequence[int | Exception]:
        await release.wait()
        return list(items)

    async def run() -> int:
        batch = Batch(write)
        given_up = asyncio.create_task(batch.add(1))
        kept = asyncio.create_task(batch.add(2))
        await asyncio.sleep(0)
        given_up.cancel()
        release.set()
        return await kept

    assert asyncio.run(run()) == 2
