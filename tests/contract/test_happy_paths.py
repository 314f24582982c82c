"""Every operation of booking does its work, many times, and answers as the OpenAPI says."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.contract.lives import accounts, citizens, desk, planners
from tests.contract.lives.world import World

TIMES = 20
_AT_ONCE = 4

# Answered well only with an identity provider, which has tests of its own in tests/integration/staff.
NOT_HERE = {
    ("GET", "/v1/staff/oidc/login"): "leads to an identity provider, and none is set up",
    ("GET", "/v1/staff/oidc/callback"): "comes back from one",
}


def test_every_operation_is_answered_well_many_times(world: World) -> None:
    many = range(TIMES)
    at_once: list[Callable[[], None]] = [
        *(lambda: citizens.look_around(world) for _ in many),
        *(lambda: citizens.whole_life(world) for _ in many),
        *(lambda: citizens.come_to_the_office(world) for _ in many),
        *(lambda: citizens.waiting_life(world, accepts=True) for _ in many),
        *(lambda: citizens.waiting_life(world, accepts=False) for _ in many),
        *(lambda: citizens.invited_life(world) for _ in many),
        *(lambda: desk.serve_everybody(world) for _ in many),
        *(lambda: desk.look_after_a_caller(world) for _ in many),
        *(lambda: desk.phone_somebody(world) for _ in many),
        *(lambda: desk.write_once_more(world) for _ in many),
        *(lambda: accounts.come_and_go(world) for _ in many),
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = [pool.submit(life) for life in at_once]
    faults = [str(fault) for life in running if (fault := life.exception())]
    assert not faults, "\n".join(faults)
    for turn in many:
        desk.pause_and_go_on(world)
        planners.edit_the_office(world)
        planners.close_and_replan(world)
        planners.be_away(world, room=turn % 3 + 8)
        planners.close_at_once(world, room=turn % 3 + 8)

    done = world.call.done
    for operation, reason in NOT_HERE.items():
        print(*operation, "is left out:", reason)
    rare = {operation: done[operation] for operation in world.call.operations - NOT_HERE.keys()}
    assert not {operation: count for operation, count in rare.items() if count < TIMES}
    assert world.call.operations >= NOT_HERE.keys()
