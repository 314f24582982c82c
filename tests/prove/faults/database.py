"""MongoDB dies, freezes, slows down, changes its primary, or has no disk left."""

import time
from random import Random

from pymongo.errors import PyMongoError

from tests.prove.faults import Recovery, timed
from tests.prove.proxy import Weather
from tests.prove.world import World


@timed(
    7,
    "database's disk full",
    expected="503 with Retry-After, no half booking; goes on once there is room",
    recovery=Recovery.BOOKING,
    within=90,
    resends=True,
)
def disk_full(world: World, chance: Random) -> str:
    if world.disk.why_not:
        return f"did not strike: {world.disk.why_not}"
    world.disk.fill()
    try:
        world.wait(chance.uniform(10, 16))
    finally:
        world.disk.empty()
    ended = [member.name for member in world.members if not member.running]
    world.revive()
    return f"{len(ended)} of 3 members ended by themselves"


@timed(
    8,
    "database killed, all members at once",
    expected="what was acknowledged is stored; booking and event are one",
    recovery=Recovery.BOOKING,
    resends=True,
)
def database_killed(world: World, chance: Random) -> str:
    for member in world.members:
        member.kill()
    world.wait(chance.uniform(1, 4))
    for member in world.members:
        member.start()
    for member in world.members:
        member.wait_until_ready()
    return ""


@timed(
    9,
    "database frozen, then slow",
    expected="bounded waiting, 503 at most, the pool is not used up",
    recovery=Recovery.BOOKING,
    resends=True,
)
def database_frozen(world: World, chance: Random) -> str:
    seconds, delay = chance.uniform(6, 10), 0.25
    for member in world.members:
        member.freeze()
    try:
        world.wait(seconds)
    finally:
        for member in world.members:
            member.thaw()
    for proxy in world.member_proxies:
        proxy.weather = Weather(delay=delay)
    try:
        world.wait(8)
    finally:
        for proxy in world.member_proxies:
            proxy.weather = Weather()
    return f"frozen {seconds:.0f} s, then {2 * delay:.1f} s for each round trip for 8 s"


@timed(
    10,
    "primary steps down, and another one dies",
    expected="writes are tried again by the driver; what is unknown is settled",
    recovery=Recovery.BOOKING,
    resends=True,
)
def primary_lost(world: World, chance: Random) -> str:
    _step_down(world)
    world.wait(chance.uniform(4, 7))
    primary = world.members[world.primary()]
    primary.kill()
    world.wait(chance.uniform(6, 9))
    primary.start()
    primary.wait_until_ready()
    return "one step down, one primary killed"


def _step_down(world: World) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with world.auditor() as client:
                client.admin.command("replSetStepDown", 30, secondaryCatchUpPeriodSecs=10)
            return
        except PyMongoError as error:
            # A primary that has stepped down may close the connection instead of answering.
            if "not primary" in str(error).lower() or "connection closed" in str(error).lower():
                return
            if time.monotonic() > deadline:
                raise
            world.wait(0.5)
