"""The mail server and the SMS gateway are down, slow, forgetful or unwilling."""

from random import Random

from tests.prove.faults import timed
from tests.prove.gateway import GatewayMood
from tests.prove.sinks import Mood
from tests.prove.world import World


@timed(
    25,
    "mail server down, greylisting, slow, or gone after it took the mail",
    expected="tried again later; twice only where its answer was lost",
    within=90,
    resends=True,
)
def mail_server_moody(world: World, chance: Random) -> str:
    world.mail.stop()
    world.wait(chance.uniform(3, 5))
    world.mail.start()
    moods = [mood for mood in Mood if mood is not Mood.FAIR]
    chance.shuffle(moods)
    for mood in moods:
        world.mail.mood = mood
        world.wait(chance.uniform(3, 5))
    world.mail.mood = Mood.FAIR
    return f"down, then it {'; '.join(moods)}"


@timed(
    26,
    "SMS gateway down, failing, busy, resetting, or taking a message and not saying so",
    expected="a time named is kept to; tried again; twice only where the answer was lost",
    resends=True,
)
def sms_gateway_moody(world: World, chance: Random) -> str:
    world.gateway.stop()
    world.wait(chance.uniform(2, 4))
    world.gateway.start()
    moods = [mood for mood in GatewayMood if mood not in (GatewayMood.FAIR, GatewayMood.REFUSING)]
    chance.shuffle(moods)
    for mood in moods:
        world.gateway.mood = mood
        world.wait(chance.uniform(3, 5))
    world.gateway.mood = GatewayMood.FAIR
    return f"down, then it {'; '.join(moods)}"
