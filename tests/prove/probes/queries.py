"""Values that mean to be queries, in every place where a request can carry one."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random
from typing import Any
from urllib.parse import quote

import httpx

from tests.prove.faults import probe
from tests.prove.probes.client import OFFICE, Person, a_client, a_key, as_json, asked, at_once, wish
from tests.prove.world import World

_APPOINTMENTS, _CONTACTS = "notification.appointments", "notification.contacts"
_SOME_ID = "e4998c24-5832-8382-8e4d-1b78be2067b8"
# What a search for `$where` with a pause in it would exceed.
_ANSWER_WITHIN_S = 8.0
_THREADS = 8

# No field takes any of these, whatever it is for.
_PAYLOADS: Sequence[Any] = (
    {"$gt": ""},
    {"$ne": None},
    {"$where": "sleep(9000) || true"},
    {"$regex": ".*"},
    {"$function": {"body": "function() { return true }", "args": [], "lang": "js"}},
    [{"$gt": ""}],
    {"a.b": 1, "$set": {"status": "confirmed"}},
    {"__proto__": {"status": "confirmed"}},
    "'; return true; '",
    "x\x00y",
    "\ud800",
    "${{7*7}}",
    "0001-01-01T00:10:00+14:00",
    "9999-12-31T23:50:00-14:00",
)
_KEYS = ("$where", "$set", "office.$ne", "__proto__", "status", "a\x00b", "")


@probe(35, "queries in place of values, in every field", expected="4xx, nothing stored")
def queries(world: World, chance: Random) -> str:
    """Seen to fail with models that ignore unknown fields (a refused request changed an appointment), and before
    times that no zone can tell were refused (500).
    """
    keys: list[str] = []
    # A connection for each request: a fault of one must not show as another's.
    booking, reporting = a_client(world, "booking", kept=0), a_client(world, "reporting", kept=0)
    with Person(world, chance) as person, booking, reporting:
        person.hold_any(chance)
        before = _stored(world, person.id)
        requests = [*_requests(person, keys, chance), *_reports(reporting, world.stack.reader)]
        answers = [answer for some in at_once(_sending(booking, requests)) for answer in some]
        assert _stored(world, person.id) == before, "an appointment was changed by a request that was refused"
        assert person.cancel().status_code == 200, "the hold could not be given back"
    for answer in answers:
        assert 400 <= answer.status_code < 500, f"{asked(answer)} was answered {answer.status_code}"
        took = answer.elapsed.total_seconds()
        assert took < _ANSWER_WITHIN_S, f"{asked(answer)} took {took:.1f} s"
    ids = [world.keys.appointment_id(key) for key in keys]
    with world.auditor() as client:
        held = client["booking"]["appointments"].count_documents({"_id": {"$in": ids}})
        odd = client["booking"]["appointments"].count_documents(
            {"contact.email_digest": {"$not": {"$type": "string"}}, "contact": {"$exists": True}}
        )
    assert not held, f"{held} appointments were made by requests that were refused"
    assert not odd, f"{odd} contacts hold something else than text"
    return (
        f"{len(answers)} requests, {len(_PAYLOADS)} payloads in fields, keys, paths, queries, headers: all refused"
    )


def _stored(world: World, id: str) -> Any:
    with world.auditor() as client:
        return client["booking"]["appointments"].find_one({"_id": id}, {"outbox": 0})


def _requests(person: Person, keys: list[str], chance: Random) -> Iterator[httpx.Request]:
    yield from _holds(person, keys, chance)
    own = person.authorization
    contact = {
        "email": person.email,
        "given_name": "Ayşe",
        "phone": "+4915141123456",
        "language": "de",
        "sms_consent": True,
    }
    for method, path, body in (
        ("PUT", f"{person.path}/contact", contact),
        ("POST", f"{person.path}/confirm", {"secret": "123456"}),
        ("POST", f"{person.path}/reschedule", {"starts_at": "2026-12-03T08:00:00+01:00"}),
        ("POST", "/v1/links", {"email": person.email}),
        ("POST", f"/v1/offices/{OFFICE}/assignment", _without(wish(""), "office", "starts_at")),
    ):
        for bad in _with_payloads(body):
            yield as_json(person.http, method, path, bad, own)
    yield from _gets(person.http, own)


def _holds(person: Person, keys: list[str], chance: Random) -> Iterator[httpx.Request]:
    good = wish(person.free_times()[-1])
    for bad in _with_payloads(good):
        keys.append(f"refused-{a_key(chance)}")
        yield as_json(person.http, "POST", "/v1/appointments", bad, {"Idempotency-Key": keys[-1]})
    for key in ("", "short", 'with a space {"$gt": ""}', "x" * 201):
        yield as_json(person.http, "POST", "/v1/appointments", good, {"Idempotency-Key": key})


def _with_payloads(good: dict[str, Any]) -> Iterator[Any]:
    """`good` with each payload in place of each value and of the whole, and with each key too many."""
    for payload in _PAYLOADS:
        yield payload
        for name in good:
            yield {**good, name: payload}
        for place in good.get("members", ()):
            yield {**good, "members": [payload]}
            yield {**good, "members": [{**place, "municipality": payload}]}
            yield {**good, "members": [{**place, "under_6": payload}]}
    for key in _KEYS:
        yield {**good, key: {"$gt": ""}}


def _without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def _gets(http: httpx.Client, own: dict[str, str]) -> Iterator[httpx.Request]:
    for payload in _PAYLOADS:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        raw = quote(text.encode(errors="surrogatepass"), safe="")
        for path in (
            f"/v1/offices/{raw}",
            f"/v1/offices/{raw}/availability?service=eat_pickup",
            f"/v1/offices/{OFFICE}/availability?service={raw}",
            f"/v1/offices/{OFFICE}/availability?service=eat_pickup&persons={raw}",
            f"/v1/offices/{OFFICE}/availability?service=eat_pickup&team={raw}",
            f"/v1/offices/{OFFICE}/availability?service=eat_pickup&from={raw}",
            f"/v1/offices/{OFFICE}/availability?service[$ne]={raw}",
            f"/v1/appointments/{raw}",
            f"/confirm/{raw}",
            f"/manage/{_SOME_ID}?secret={raw}",
            f"/manage/{_SOME_ID}?secret[$ne]={raw}",
        ):
            yield http.build_request("GET", path, headers=own)
        bearer = b"Bearer " + text.encode(errors="surrogatepass").replace(b"\x00", b"%00")
        yield http.build_request("GET", f"/v1/appointments/{_SOME_ID}", headers={b"Authorization": bearer})


def _reports(http: httpx.Client, reader: dict[str, str]) -> Iterator[httpx.Request]:
    days = "from=2026-11-01&to=2026-12-31"
    for payload in _PAYLOADS:
        raw = quote(json.dumps(payload), safe="")
        for query in (f"from={raw}&to=2026-12-31", f"from=2026-11-01&to={raw}", f"{days}&group_by={raw}"):
            yield http.build_request("GET", f"/v1/reports/figures?{query}", headers=reader)
        yield http.build_request("GET", f"/v1/reports/figures?{days}&office[$ne]={raw}", headers=reader)


def _sending(http: httpx.Client, requests: Sequence[httpx.Request]) -> list[Callable[[], list[httpx.Response]]]:
    """In shares, for so many threads."""
    shares = [requests[number::_THREADS] for number in range(_THREADS)]
    return [partial(lambda share: [http.send(request) for request in share], share) for share in shares]
