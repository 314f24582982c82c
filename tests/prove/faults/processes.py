"""Our own processes die between two steps, freeze, restart, have wrong clocks, or run out of something."""

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from deploy.local.process import Process
from shared.crashpoints import EXIT_CODE, VARIABLE, CrashPoint
from tests.prove import skewed
from tests.prove.faults import Recovery, timed
from tests.prove.world import SEND_TIMEOUT_S, World
from tests.waiting import eventually

# Both leases that matter: the relay's is 6 s, a delivery's three times the time to send.
_BEYOND_LEASE_S = 3 * SEND_TIMEOUT_S + 3
_GRACE_S = 40
_FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


@timed(
    11,
    "booking killed between its write and the publishing",
    expected="the event is published once a relay looks",
)
def booking_killed_after_write(world: World, chance: Random) -> str:
    point = chance.choice((CrashPoint.BOOKING_AFTER_INSERT, CrashPoint.BOOKING_AFTER_APPLY))
    return _crash(world, "booking-2", point, chance)


@timed(
    12,
    "relay killed between the broker's confirm and its own mark",
    expected="published twice, one effect",
    resends=True,
)
def relay_killed_after_confirm(world: World, chance: Random) -> str:
    name = chance.choice(("booking-2", "notification-2"))
    return _crash(world, name, CrashPoint.RELAY_AFTER_CONFIRM, chance)


@timed(
    13,
    "consumer killed between its write and the acknowledgement",
    expected="delivered again, done already, acknowledged",
    resends=True,
)
def consumer_killed_before_ack(world: World, chance: Random) -> str:
    name = chance.choice(("booking-2", "notification-2", "reporting-2"))
    return _crash(world, name, CrashPoint.CONSUMER_AFTER_HANDLER, chance)


@timed(
    14,
    "notification killed between the provider's yes and its record",
    expected="at most one message more, counted",
    resends=True,
)
def notification_killed_after_sending(world: World, chance: Random) -> str:
    return _crash(world, "notification-2", CrashPoint.NOTIFICATION_AFTER_HAND_OVER, chance)


@timed(
    15,
    "two relays, one frozen beyond its lease; a notifier frozen likewise",
    expected="no event lost; what goes out twice is bounded",
    resends=True,
)
def frozen_beyond_lease(world: World, chance: Random) -> str:
    still = [world.service(chance.choice((kind, f"{kind}-2"))) for kind in ("booking", "notification")]
    seconds = _BEYOND_LEASE_S + chance.uniform(0, 3)
    with frozen(*still):
        world.wait(seconds)
    return f"{', '.join(service.name for service in still)} for {seconds:.0f} s"


@timed(
    23,
    "clocks of two processes five minutes off",
    expected="holds and leases end by the database's clock",
)
def clocks_off(world: World, chance: Random) -> str:
    if not _FAKETIME:
        return "did not strike: libfaketime is not installed"
    for name, offset in (("booking-2", "+300s"), ("notification-2", "-300s")):
        world.restart(name, _shifted(name, offset), module=skewed.__name__)
    world.wait(chance.uniform(10, 16))
    for name in ("booking-2", "notification-2"):
        world.restart(name)
    return "booking-2 ahead, notification-2 behind"


@timed(
    31,
    "rolling restarts",
    expected="nobody who was taken in is dropped, nothing lost",
    within=90,
)
def rolling_restarts(world: World, chance: Random) -> str:
    """One process of each kind at a time, so that its sibling carries on."""
    rounds = 7
    for number in range(rounds):
        suffix = "-2" if number % 2 else ""
        names = [f"{kind}{suffix}" for kind in ("booking", "notification", "reporting")]
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(world.restart, names))
    return f"{3 * rounds} restarts"


@timed(
    32,
    "SIGTERM while handlers are stuck",
    expected="ends within its grace period; messages are delivered again",
    recovery=Recovery.BOOKING,
    resends=True,
)
def stopped_while_stuck(world: World, chance: Random) -> str:
    """Handlers of notification wait for a database that does not answer."""
    service = world.service(chance.choice(("notification", "notification-2")))
    began = time.monotonic()
    for member in world.members:
        member.freeze()
    try:
        world.wait(2)
        os.kill(service.pid, 15)
        eventually(lambda: not service.running, within=_GRACE_S, what=f"{service.name} ended after SIGTERM")
    finally:
        for member in world.members:
            member.thaw()
    took = time.monotonic() - began - 2
    world.begin(service.name)
    return f"{service.name} ended after {took:.0f} s"


@timed(
    40,
    "no CPU left, and an event loop that stands still",
    expected="heartbeats survive or connections come back",
    within=90,
    resends=True,
)
def starved(world: World, chance: Random) -> str:
    burners = 2 * (os.cpu_count() or 1)
    still = world.service(chance.choice(("reporting-2", "notification-2")))
    with _burning(burners), frozen(still):
        world.wait(35)
    return f"{burners} burners, {still.name} stood still for 35 s"


@timed(
    41,
    "no file descriptors left",
    expected="refused or 503 instead of a crash; goes on once there are some",
    recovery=Recovery.BOOKING,
)
def no_descriptors(world: World, chance: Random) -> str:
    service = world.service(chance.choice(("booking", "booking-2")))
    before = resource.prlimit(service.pid, resource.RLIMIT_NOFILE)
    used = len(list(Path(f"/proc/{service.pid}/fd").iterdir()))
    resource.prlimit(service.pid, resource.RLIMIT_NOFILE, (used + 4, before[1]))
    connections: list[socket.socket] = []
    try:
        for _ in range(60):
            with suppress(OSError):
                connections.append(socket.create_connection(("127.0.0.1", service.port), timeout=1))
        world.wait(chance.uniform(5, 8))
    finally:
        for connection in connections:
            connection.close()
        resource.prlimit(service.pid, resource.RLIMIT_NOFILE, before)
    assert service.running, f"{service.name} ended for want of descriptors"
    return f"{service.name} with {used + 4}, 60 connections on top"


def _crash(world: World, name: str, point: CrashPoint, chance: Random) -> str:
    """Lets the process die there under load, then starts it as usual."""
    times = chance.randint(2, 8)
    world.service(name).stop()
    # Not until it is ready: it may come to that point, and die, before.
    service = world.begin(name, {VARIABLE: f"{point}:{times}"}, wait=False)
    eventually(lambda: not service.running, within=90, what=f"{name} came to {point} for the {times}th time")
    service.stop()
    assert service.exit_code == EXIT_CODE, f"{name} ended with {service.exit_code} before it came to {point}"
    world.begin(name)
    return f"{name} at {point}, {times}th time"


def _shifted(name: str, offset: str) -> dict[str, str]:
    """Settings for a process of `name` whose wall clock is off by `offset`; it runs in the module `skewed`."""
    return {
        "LD_PRELOAD": str(_FAKETIME[0]),
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        skewed.SERVICE: name.partition("-")[0],
    }


@contextmanager
def frozen(*services: Process) -> Iterator[None]:
    for service in services:
        service.freeze()
    try:
        yield
    finally:
        for service in services:
            service.thaw()


@contextmanager
def _burning(count: int) -> Iterator[None]:
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
