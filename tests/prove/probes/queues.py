"""Messages put into queues as the broker would deliver them, and what was parked of them."""

import asyncio
from collections.abc import Mapping, Sequence

import aio_pika

from shared import parking
from shared.contracts.event import CONTENT_TYPE, Event
from shared.parking import Parked
from tests.prove.world import World
from tests.waiting import eventually

_WITHIN_S = 30.0

# (exchange, routing key, message id, body)
_Message = tuple[str, str, str, bytes]


def deliver(world: World, bodies: Mapping[str, Sequence[bytes | Event]]) -> None:
    """Onto work queues, by name: every queue in its order, all at the same time."""
    _publish(
        world,
        [
            ("requeue", f"probe.{queue}", "probe", body if isinstance(body, bytes) else body.body())
            for queue, some in bodies.items()
            for body in some
        ],
    )


def deliver_poison(world: World, queue: str, bodies: Mapping[str, bytes]) -> None:
    """Onto a work queue, each body under a message id of its own; all are to end in the parking queue."""
    world.poisoned[queue] += len(bodies)
    _publish(world, [("requeue", f"probe.{queue}", id, body) for id, body in bodies.items()])


def park(world: World, queue: str, bodies: Mapping[str, bytes]) -> None:
    """Straight into the parking queue, as if they had failed."""
    world.poisoned[queue] += len(bodies)
    _publish(world, [("parking", queue, id, body) for id, body in bodies.items()])


def parked(world: World, queue: str) -> list[Parked]:
    """Everything that is parked for `queue`, oldest first."""
    return asyncio.run(parking.browse(url=_url(world), queue=queue, limit=10_000))


def count_parked(world: World, queues: Sequence[str]) -> dict[str, int]:
    return asyncio.run(parking.count(url=_url(world), queues=queues))


def wait_until_parked(world: World, queue: str, ids: Sequence[str]) -> list[Parked]:
    """Until the messages with these ids are parked; they alone, oldest first."""

    def all_parked() -> list[Parked] | None:
        found = [message for message in parked(world, queue) if message.id in ids]
        return found if len(found) >= len(ids) else None

    return eventually(all_parked, within=_WITHIN_S, what=f"{len(ids)} messages parked for {queue}")


def _url(world: World) -> str:
    return world.stack.secret("operator_amqp_url")


def _publish(world: World, messages: Sequence[_Message]) -> None:
    async def publish() -> None:
        connection = await aio_pika.connect(_url(world))
        async with connection:
            channel = await connection.channel(on_return_raises=True)
            exchanges = {name: await channel.get_exchange(name, ensure=False) for name in {m[0] for m in messages}}
            await asyncio.gather(
                *(
                    exchanges[exchange].publish(
                        aio_pika.Message(body, content_type=CONTENT_TYPE, message_id=id, delivery_mode=2), key
                    )
                    for exchange, key, id, body in messages
                )
            )

    asyncio.run(publish())
