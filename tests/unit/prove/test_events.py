"""Each change has told its event, and each event tells a change."""

from tests.unit.prove.story import a_whole_story


def test_gap_in_an_appointments_sequence_is_a_lost_event() -> None:
    story = a_whole_story()
    story.appointments["id-of-anna"]["history"].pop(0)

    assert story.found() == [("events", "lost")]


def test_event_without_a_change_is_wrong() -> None:
    story = a_whole_story()
    history = story.appointments["id-of-dora"]["history"]
    history.append({**history[-1], "id": "another", "sequence": 3, "type": "appointment.confirmation_sent.v1"})

    assert story.found() == [("events", "wrong")]


def test_change_that_is_told_twice_is_doubled() -> None:
    story = a_whole_story()
    history = story.appointments["id-of-dora"]["history"]
    history.append({**history[-1], "id": "another"})

    assert story.found() == [("events", "doubled")]


def test_events_out_of_order_are_wrong() -> None:
    story = a_whole_story()
    history = story.appointments["id-of-dora"]["history"]
    history.reverse()

    assert story.found() == [("events", "wrong")]


def test_contact_that_was_given_and_not_told_is_lost() -> None:
    story = a_whole_story()
    history = story.appointments["id-of-anna"]["history"]
    (told,) = [entry for entry in history if entry["exchange"] == "contacts"]
    history.remove(told)

    assert story.found() == [("events", "lost")]


def test_link_that_was_asked_for_again_needs_no_change() -> None:
    story = a_whole_story()
    anna = story.appointments["id-of-anna"]
    link = {"id": "link", "exchange": "contacts", "type": "contact.link_requested.v1", "body": None}
    anna["history"].append({**link, "at": story.now, "sequence": anna["version"]})
    story.contacts["id-of-anna"]["sequence"] = anna["version"]
    mail = story.plans("id-of-anna", "link", "link")
    story.sends(mail)

    assert story.found() == []


def test_two_events_of_one_id_are_wrong() -> None:
    story = a_whole_story()
    anna, dora = (story.appointments[f"id-of-{key}"]["history"] for key in ("anna", "dora"))
    dora[0]["id"] = anna[0]["id"]

    assert story.found() == [("events", "wrong")]


def test_outcome_of_a_message_that_is_not_told_is_lost() -> None:
    story = a_whole_story()
    delivery = story.deliveries["id-of-anna-2:confirm_request:email"]
    delivery["history"].clear()
    delivery["version"] = 0
    del story.facts["messages"][delivery["_id"]]

    assert story.found() == [("events", "lost")]


def test_message_whose_version_and_events_differ_is_wrong() -> None:
    story = a_whole_story()
    delivery = story.deliveries["id-of-anna-2:confirm_request:email"]
    delivery["version"] = 2
    story.facts["messages"][delivery["_id"]]["sequence"] = 2

    assert story.found() == [("events", "wrong")]
