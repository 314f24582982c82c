"""Links and codes in the hands of scanners, of people who press twice, and of those who guess."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import httpx
from pymongo.collection import Collection

from tests.prove.faults import probe
from tests.prove.probes.client import Person, a_key, at_once
from tests.prove.world import World
from tests.waiting import eventually

Stored = Collection[dict[str, Any]]

_AT_ONCE = 100
_LOOKS = 5
_TRIES = 5
_GUESSES = 40
# As scanners of mail gateways do, and browsers that look ahead.
_LOOKING_AHEAD = ({"User-Agent": "MailScanner"}, {"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"})
# The version that the first contact brings an appointment to, by which its message's secrets are made.
_FIRST_MESSAGE = 2


@probe(37, "links opened by scanners, guessed, pressed again, too late", expected="GET changes nothing, POST once")
def links(world: World, chance: Random) -> str:
    """Seen to fail with a page that confirms when it is opened."""
    with Person(world, chance) as person, Person(world, chance) as late, world.auditor() as client:
        stored = client["booking"]["appointments"]
        old = person.request(chance)
        assert person.give_contact(email=f"corrected-{person.email}").status_code == 200, "no second contact"
        person.email = f"corrected-{person.email}"
        secret = person.secret()
        late_secret = late.request(chance)
        _assert_looking_changes_nothing(stored, person, secret)
        guesses = _assert_guesses_fail(stored, person, secret, (old, late_secret))
        _press_at_once(stored, person, secret)
        _run_out(stored, late)
        for press in (late.confirm, late.confirm_by_page):
            assert press(late_secret).status_code == 410, "a link that is too late is not answered 410"
        assert person.cancel().status_code == 200, "the appointment could not be cancelled"
        assert person.confirm(secret).status_code == 409, "the link confirms what was cancelled"
        assert _state(stored, person)["status"] == "cancelled", "the link brought a cancelled appointment back"
    return (
        f"opened {2 * _LOOKS * len(_LOOKING_AHEAD)} times: nothing changed; {guesses} guesses refused; "
        f"pressed {_AT_ONCE} times at once at two processes: confirmed once, told everybody; too late: 410"
    )


def _state(stored: Stored, person: Person) -> dict[str, Any]:
    """What an appointment is and has told; what waits to be published aside."""
    found = stored.find_one({"_id": person.id}, {"outbox": 0})
    assert found, f"there is no appointment {person.id}"
    return found


def _assert_looking_changes_nothing(stored: Stored, person: Person, secret: str) -> None:
    _wait_until_message_counts(stored, person)
    before = _state(stored, person)
    manage = person.world.keys.secret("manage", person.id)
    for headers in _LOOKING_AHEAD * _LOOKS:
        for path, shown in ((f"/confirm/{person.id}", secret), (f"/manage/{person.id}", manage)):
            answer = person.http.get(path, params={"secret": shown}, headers=headers)
            assert answer.status_code == 200, f"a link is answered {answer.status_code}"
            assert answer.headers["Cache-Control"] == "no-store", "a page behind a secret may be kept"
            person.http.head(path, params={"secret": shown}, headers=headers)
    assert _state(stored, person) == before, "opening a link changed the appointment"


def _wait_until_message_counts(stored: Stored, person: Person) -> None:
    """Until booking has heard that the message was sent: what changes from here on is not its doing."""
    eventually(
        lambda: _state(stored, person)["steps"][-1]["step"] == "confirmation_sent",
        within=30,
        what="the time to confirm begins",
    )


def _assert_guesses_fail(stored: Stored, person: Person, secret: str, others: tuple[str, str]) -> int:
    """Secrets of an older message, another appointment, another purpose, and such as are nearly right."""
    before, keys = _state(stored, person), person.world.keys
    nearly = [_nearly(secret), secret[:-1], secret.swapcase(), f"k9{secret[2:]}"]
    wrong = [*others, *nearly, person.token, keys.secret("manage", person.id), "k1.", "k1.=====", "undefined"]
    for guess in wrong:
        statuses = [
            person.http.post(f"{person.path}/confirm", json={"secret": guess}).status_code,
            person.http.post(f"/confirm/{person.id}", data={"secret": guess}).status_code,
        ]
        assert set(statuses) <= {403, 422}, f"a wrong secret is answered {statuses}"
    assert _state(stored, person) == before, "a wrong secret changed the appointment"
    return len(wrong) * 2


def _nearly(secret: str) -> str:
    return secret[:-1] + ("A" if secret[-1] != "A" else "B")


def _press_at_once(stored: Stored, person: Person, secret: str) -> None:
    """By the API at one process, by the page at the other; then once more."""
    with Person(person.world, Random(), process="booking-2") as other:  # noqa: S311 (its key is replaced)
        other.key, other.id = person.key, person.id
        half = _AT_ONCE // 2
        answers = at_once(
            [partial(person.confirm, secret)] * half + [partial(other.confirm_by_page, secret)] * half
        )
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {200: _AT_ONCE}, f"pressed at once, answered {dict(statuses)}"
    told = {answer.text for answer in [*answers[:half], person.confirm(secret)]}
    assert len(told) == 1, f"the same request got {len(told)} different answers"
    state = _state(stored, person)
    steps, events = [step["step"] for step in state["steps"]], [entry["type"] for entry in state["history"]]
    assert steps.count("confirmed") == 1, f"confirmed {steps.count('confirmed')} times"
    assert events.count("appointment.confirmed.v1") == 1, "the confirmation was not told once"


def _run_out(stored: Stored, person: Person) -> None:
    """As if the minutes to confirm were over; whoever sweeps finds it so."""
    _wait_until_message_counts(stored, person)
    past = datetime.now(UTC) - timedelta(seconds=1)
    stored.update_one({"_id": person.id}, {"$set": {"expires_at": past}})
    eventually(lambda: _state(stored, person)["status"] == "expired", within=30, what="the request runs out")


@probe(38, "codes tried one after another", expected=f"{_TRIES} tries, then none; the link still works")
def codes(world: World, chance: Random) -> str:
    """Seen to fail with tries that nobody counts."""
    with Person(world, chance) as person, Person(world, chance, process="booking-2") as careful:
        secret, _ = person.request(chance), careful.request(chance)
        right = world.keys.code(person.id, _FIRST_MESSAGE)
        wrong = [code for code in map("{:06d}".format, chance.sample(range(10**6), k=_GUESSES)) if code != right]
        doors = (person.http, careful.http)
        answers = at_once([partial(_try, doors[n % 2], person, code) for n, code in enumerate(wrong)])
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses == {403: _TRIES, 429: len(wrong) - _TRIES}, f"wrong codes are answered {dict(statuses)}"
        used_up = person.confirm(right)
        assert used_up.status_code == 429, f"after {_TRIES} tries the right code is answered {used_up.status_code}"
        assert person.look()["status"] == "requested", "a code confirmed the appointment"
        assert person.confirm(secret).status_code == 200, "the link no longer works"
        _assert_right_code_costs_nothing(world, careful)
        _assert_nothing_is_told_of_others(person, wrong, chance)
        for one in (person, careful):
            assert one.cancel().status_code == 200, "an appointment could not be cancelled"
    return (
        f"{len(wrong)} wrong codes at once at two processes: {_TRIES} were looked at, then 429, "
        "for the right one as well; the link confirmed"
    )


def _try(door: httpx.Client, person: Person, code: str) -> httpx.Response:
    """As somebody else who guesses: no operation of the person."""
    return door.post(f"{person.path}/confirm", json={"secret": code})


def _assert_right_code_costs_nothing(world: World, person: Person) -> None:
    """After all wrong tries but one; and again and again."""
    right = world.keys.code(person.id, _FIRST_MESSAGE)
    wrong = [f"{(int(right) + n) % 10**6:06d}" for n in range(1, _TRIES)]
    tried = [_try(person.http, person, code).status_code for code in wrong]
    assert tried == [403] * len(wrong), f"wrong codes are answered {tried}"
    confirmed = [person.confirm(right).status_code for _ in range(_TRIES + 1)]
    assert confirmed == [200] * len(confirmed), f"the right code, given again, is answered {confirmed}"


def _assert_nothing_is_told_of_others(person: Person, codes: list[str], chance: Random) -> None:
    """An appointment that there is not answers every code alike, and every token as one that there is."""
    unknown = f"/v1/appointments/{a_key(chance)}"
    answers = {
        (answer.status_code, answer.text)
        for answer in (person.http.post(f"{unknown}/confirm", json={"secret": code}) for code in codes[:20])
    }
    assert len(answers) == 1, f"an unknown appointment answers codes in {len(answers)} ways"
    token = {"Authorization": f"Bearer {_nearly(person.token)}"}
    looks = {
        (answer.status_code, answer.text)
        for answer in (person.http.get(p, headers=token) for p in (person.path, unknown))
    }
    assert len(looks) == 1, "a wrong token tells whether an appointment exists"
