"""What an attacker would try on the citizens' pages, one test each.

There is no cookie, so nothing to ride on: every POST that changes something carries the appointment's own secret
in its body.
"""

import re
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from deploy.local.stack import Stack
from tests.citizen import Citizen, link_in

_BASE = {"lang": "de", "home": "08417031", "service": "eat_pickup", "yes": "pin_letter"}
_EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202egnp.exe",
    "{{ 7*7 }}%(x)s",
    "'\"`&lt;",
)
_ACTS = ("cancel", "ask-cancel", "restore", "move", "sms", "reminders", "no-reminders", "language", "wait",
         "leave", "accept", "decline", "export", "erase", "calendar.ics")  # fmt: skip


@pytest.fixture(scope="module")
def http(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack["booking"].url, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def mine(stack: Stack) -> Iterator[Citizen]:
    yield from _booked(stack)


@pytest.fixture(scope="module")
def theirs(stack: Stack) -> Iterator[Citizen]:
    yield from _booked(stack)


def _booked(stack: Stack) -> Iterator[Citizen]:
    citizen = Citizen(stack)
    citizen.book()
    yield citizen
    citizen.http.close()


def test_every_page_says_what_browsers_may_do_with_it(http: httpx.Client, mine: Citizen) -> None:
    own = httpx.URL(link_in(mine.mails(at_least=2)[-1], "manage")).raw_path.decode()
    for path in ("/", "/book/service?home=08417031", own, f"/manage/{uuid4()}?secret=x", "/imprint", "/links"):
        headers = http.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-frame-options"] == "DENY"
        # The secret of a link goes to no other site.
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] in ("no-store", "private, no-cache")
        assert "set-cookie" not in headers
    assert http.get(own).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("evil", _EVIL)
def test_what_is_typed_stays_text(http: httpx.Client, evil: str) -> None:
    typed = dict.fromkeys(("family_name", "given_name", "email", "phone", "day", "month", "key"), evil)
    journey = {**_BASE, "lang": evil, "office": evil, "more": evil, "invitation": evil, "entry": evil}
    for path, data in (
        ("/book/times", {**_BASE, **typed}),
        ("/book/check", {**_BASE, **typed, "starts_at": evil, "proof": evil}),
        ("/book/times", {**_BASE, "family_name": "Öztürk", "email": "a@example.org", "day": evil, "key": evil}),
        ("/book/wait", {**_BASE, "family_name": "Öztürk", "email": "a@example.org", "first": evil, "last": evil}),
        ("/book/confirm", {**_BASE, "id": evil, "token": evil, "code": evil}),
        ("/links", {"email": evil}),
    ):  # fmt: skip
        _assert_harmless(http.post(path, data=data), evil)
    for path in ("/", "/book/service", "/book/people", "/book/prepare", "/book/contact", "/links", "/imprint"):
        _assert_harmless(http.get(path, params=journey), evil)
    for path in ("/entry", "/invitation"):
        _assert_harmless(http.get(path, params={"token": evil, "lang": evil}), evil)
    _assert_harmless(http.get(f"/confirm/{uuid4()}", params={"secret": evil}), evil)


def _assert_harmless(answer: httpx.Response, evil: str) -> None:
    assert answer.status_code < 500, answer.text
    if "<" in evil:
        assert evil not in answer.text
        assert "<img" not in answer.text
    assert "alert(1)</script>" not in answer.text
    assert "49%" not in answer.text
    inputs = re.findall(r"<input[^>]*>", answer.text)
    assert not [one for one in inputs if re.search(r"\son\w+=", re.sub(r'"[^"]*"', '""', one))]


def test_a_name_that_runs_backwards_is_refused_and_shown_apart(http: httpx.Client) -> None:
    answer = http.post("/book/times", data={**_BASE, "family_name": "Öz\u202etürk", "email": "a@example.org"})
    assert answer.status_code == 422
    assert 'id="family_name-fault"' in answer.text


def test_no_parameter_leads_to_another_site(http: httpx.Client) -> None:
    elsewhere = "https://evil.example/"
    for name in ("next", "url", "redirect", "return", "office", "home", "service", "lang", "map"):
        for path in ("/", "/book/service", "/book/people", "/book/contact", "/book/nothing"):
            answer = http.get(path, params={name: elsewhere})
            assert answer.headers.get("location", "/").startswith("/")
            assert not answer.headers.get("location", "/").startswith("//")
    answer = http.get("//evil.example/%2e%2e")
    assert "evil.example" not in answer.headers.get("location", "")
    answer = http.get("/book/people", headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert "evil.example" not in answer.headers.get("location", "") + answer.text


def test_another_site_can_post_nothing_without_the_secret(http: httpx.Client, mine: Citizen) -> None:
    from_elsewhere = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    id = mine.booked["id"]
    for act in _ACTS:
        for data in ({}, {"secret": ""}, {"secret": "k1.guessed"}, {"secret": mine.booked["code"]}):
            answer = http.post(f"/manage/{id}/{act}", data={**data, "sure": "true"}, headers=from_elsewhere)
            assert answer.status_code in (403, 422), (act, answer.status_code)
    for path in ("/book/request", "/book/extend", "/book/confirm"):
        assert http.post(path, data={**_BASE, "id": id, "token": "k1.x", "code": "123456"}).status_code == 403
    assert mine.look()["status"] == "confirmed"


def test_ones_own_secret_opens_nobody_elses_appointment(
    http: httpx.Client, mine: Citizen, theirs: Citizen
) -> None:
    other = theirs.booked["id"]
    secrets = [mine.booked["token"], httpx.URL(link_in(mine.mails(at_least=2)[-1], "manage")).params["secret"]]
    for secret in secrets:
        assert http.get(f"/manage/{other}", params={"secret": secret}).status_code == 403
        for act in _ACTS:
            answer = http.post(f"/manage/{other}/{act}", data={"secret": secret, "sure": "true"})
            assert answer.status_code == 403, act
            assert theirs.booked["code"] not in answer.text
        own = {"id": other, "token": secret, "family_name": "Öztürk", "email": "a@example.org", "code": "000000"}
        for path in ("/book/request", "/book/extend", "/book/confirm"):
            assert http.post(path, data={**_BASE, **own}).status_code == 403
        assert http.post(f"/confirm/{other}", data={"secret": secret}).status_code == 403
        assert http.post(f"/unsubscribe/{other}/{secret}").status_code == 403
    assert theirs.look()["status"] == "confirmed"


def test_get_changes_nothing_whoever_follows_the_link(http: httpx.Client, mine: Citizen) -> None:
    for act in _ACTS:
        assert (
            http.get(f"/manage/{mine.booked['id']}/{act}", params={"secret": mine.booked["token"]}).status_code
            == 405
        )
    assert mine.look()["status"] == "confirmed"


def test_codes_cannot_be_guessed_on_the_page(stack: Stack, http: httpx.Client) -> None:
    citizen = Citizen(stack)
    citizen.hold_any()
    citizen.request()
    own = {"id": citizen.booked["id"], "token": citizen.booked["token"], "email": citizen.email}
    answers = [http.post("/book/confirm", data={**_BASE, **own, "code": f"{n:06d}"}).status_code for n in range(8)]
    assert answers[-1] == 429
    assert citizen.look()["status"] == "requested"
    citizen.http.close()


def test_nothing_about_a_person_stands_in_a_url(http: httpx.Client) -> None:
    """All forms that carry what was typed post it."""
    answer = http.post("/book/times", data={**_BASE, "family_name": "Öztürk", "email": "me@example.org"})
    assert answer.status_code == 200
    for form in re.findall(r"<form.*?</form>", answer.text, re.DOTALL):
        if "Öztürk" in form or "me@example.org" in form:
            assert 'method="post"' in form
    links = re.findall(r'(?:href|action|formaction)="([^"]*)"', answer.text)
    assert not [link for link in links if "ztürk" in link or "me@" in link or "%C3%96" in link]
