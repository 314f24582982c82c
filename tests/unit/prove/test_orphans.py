"""Nothing is known of what does not exist."""

from tests.prove.checks.evidence import Learned
from tests.prove.checks.figures import GROUPS, recount
from tests.unit.prove.story import Story, a_whole_story


def test_orphans_of_every_kind_are_wrong() -> None:
    story = a_whole_story()
    for name, known in (("messages", story.facts["messages"]), ("demand", story.facts["demand"])):
        known[f"{name}-of-nobody"] = {"sequence": 1}
    story.facts["appointments"]["nobody"] = {"sequence": 1}
    story.contacts["nobody"] = {"sequence": 1, "erased": False, "data": {}}
    story.learned.append(Learned(story.now, "nobody", 1, {}))

    assert story.found() == [("orphans", "wrong")] * 5


def test_delivery_of_an_event_that_nobody_told_is_an_orphan() -> None:
    story = a_whole_story()
    story.sends(story.plans("id-of-anna", "no-event", "confirmation"))

    assert story.found() == [("orphans", "wrong")]


def test_what_probes_made_up_is_no_orphan() -> None:
    story = a_whole_story()
    story.sends(story.plans("id-of-anna", "no-event", "confirmation"))
    fact = {"office": "somewhere", "channel": "email", "outcome": "sent", "at": story.now}
    story.facts["messages"]["made up"] = {"sequence": 1, "fact": fact}
    story.contacts["nobody"] = {"sequence": 1, "erased": False, "data": {}}

    planted = frozenset({"no-event:confirmation:email", "made up"})
    assert story.found(planted=planted, invented=frozenset({"nobody"})) != []
    assert story.found(planted=planted, invented=frozenset({"nobody"}), figures=_all(story, planted)) == []


def _all(story: Story, planted: frozenset[str]) -> list[dict[str, object]]:
    """What reporting shows, the planted message included."""
    rows = recount(story.evidence(planted=planted))
    return [{**dict(zip(GROUPS, key, strict=True)), **values} for key, values in rows.items()]
