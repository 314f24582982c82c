"""A template is filled once: no message changes its shape or pulls in what is not its own."""

import json

import pytest

from services.notification.channels.sms.templates import filled, found, gaps, unknown_gaps

TEMPLATE = {
    "messages": [{"to": "{to}", "body": {"text": "{text}"}, "ref": "{reference}"}],
    "type": 1,
    "on": False,
}


def test_every_gap_is_filled_and_the_rest_stays() -> None:
    values = {"to": "+49151", "text": "Hallo", "reference": "r"}
    assert filled(TEMPLATE, values) == {
        "messages": [{"to": "+49151", "body": {"text": "Hallo"}, "ref": "r"}],
        "type": 1,
        "on": False,
    }
    assert sorted(gaps(TEMPLATE)) == ["reference", "text", "to"]


@pytest.mark.parametrize("text", ["{secret:token}", '"}], "to": "+49900', "{to}{reference}", "\\", "\r\nX: y"])
def test_no_message_can_pull_in_a_secret_or_change_the_shape(text: str) -> None:
    """Seen to fail where gaps are filled again in what was filled in."""
    values = {"to": "+49151", "text": text, "reference": "r", "secret:token": "hunter2"}
    made = json.loads(json.dumps(filled(TEMPLATE, values)))
    assert made["messages"][0]["body"]["text"] == text
    assert len(made["messages"]) == 1


def test_a_slip_in_a_template_is_found() -> None:
    assert unknown_gaps({"a": ["{too}", "{to}"], "b": "{Text}", "c": "{ }"}) == {"{too}", "{Text}"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("messages.0.id", "7"),
        ("ok", "true"),
        ("messages.1.id", None),
        ("messages.x.id", None),
        ("messages", None),
        ("", None),
        ("ok.more", None),
    ],
)
def test_a_path_finds_one_value_or_nothing(path: str, value: str | None) -> None:
    assert found({"messages": [{"id": 7}], "ok": True}, path) == value


@pytest.mark.parametrize("answer", [None, [], "text", 7, {"id": None}])
def test_an_unexpected_answer_has_no_value(answer: object) -> None:
    assert found(answer, "id") is None
