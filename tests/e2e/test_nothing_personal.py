"""Whatever happens, nothing of a person is written anywhere in a form that can be read; only mails may say it.

The database writes without compression here, or a search of its files would prove nothing; a canary in clear shows
that the search finds what there is.
"""

import asyncio
import base64
import json
import quopri
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from pymongo import MongoClient

from deploy.local.reading import text_of
from deploy.local.stack import Stack
from shared import parking
from tests.citizen import OFFICE, Citizen, Mailbox, link_in
from tests.ledger import Ledger, put_on_queue
from tests.waiting import eventually

UNCOMPRESSED = (
    *("--wiredTigerCollectionBlockCompressor", "none"),
    *("--wiredTigerJournalCompressor", "none"),
    *("--wiredTigerIndexPrefixCompression", "false"),
)
FAMILY, GIVEN = "Čierňava-Wolkenbruch", "Zéphyrine"
PHONE = "+4915198765432"
CANARY = f"Kanarienvogel-{uuid4().hex}"
# The mail server and the SMS gateway of this stack keep what they are given, as a citizen's own would.
SINKS = ("mail", "sms.jsonl")
CONTACTS = "notification.contacts"


def a_mail_address(who: str) -> str:
    return f"{who}.wolkenbruch-{uuid4().hex[:6]}@briefkasten.example"


@dataclass
class Trail:
    """What was done, and the words that may stand nowhere."""

    stack: Stack
    words: list[str]
    mails: list[str]
    erased: list[str]


def written_as(word: str) -> set[bytes]:
    """`word` in the forms in which programs write text: all that a search of lower-cased bytes finds."""
    forms = {word, quote(word), json.dumps(word)[1:-1], word.replace(" ", "+")}
    raw = {form.encode() for form in forms}
    raw |= {quopri.encodestring(word.encode()), word.encode("latin-1", "ignore"), word.encode("cp1250", "ignore")}
    raw |= {word.encode(coding) for coding in ("utf-16-le", "utf-16-be")}
    raw |= {word.upper().encode(), quote(word.upper()).encode(), word.encode().hex().encode()}
    return {form.lower() for form in raw if len(form) > 5}


def coded(word: str) -> set[bytes]:
    """`word` inside base64, at each of the three places where it can begin, without the letters it shares."""
    raw = word.encode()
    found = set()
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw)
        first = -(-before * 8 // 6)
        found.add(text[first : (before + len(raw)) * 8 // 6])
    return {form for form in found if len(form) > 5}


def places_of(words: list[str], content: bytes) -> set[str]:
    lower = content.lower()
    plain = {word for word in words if any(form in lower for form in written_as(word))}
    return plain | {word for word in words if any(form in content for form in coded(word))}


def found_in(folder: Path, words: list[str]) -> dict[str, set[str]]:
    """File → the words in it, below `folder`."""
    found = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        # The database keeps room for what it will write.
        hit = places_of(words, file.read_bytes().rstrip(b"\0"))
        if hit:
            found[str(file.relative_to(folder))] = hit
    return found


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trail]:
    folder = tmp_path_factory.mktemp("trail")
    environment = {"BOOKING_SWEEP_EVERY": "PT0.5S", "BOOKING_RETENTION_EVERY": "PT0.5S"}
    with Stack(folder=folder, environment=environment, mongod=UNCOMPRESSED) as stack:
        yield _lived(stack)


def _lived(stack: Stack) -> Trail:
    """Booked, moved, link asked for, cancelled; booked while the broker was dead; parked; erased."""
    ledger = Ledger(stack)
    people = [Citizen(stack, email=a_mail_address(who)) for who in ("moves", "dead-broker", "forgotten")]
    mover, waiter, forgotten = people
    words = [FAMILY, GIVEN, PHONE, PHONE.removeprefix("+49"), "wolkenbruch", "briefkasten.example"]
    words += [person.email for person in people]
    secrets = [secret for person in (mover, forgotten) for secret in _books(person)]
    secrets += _moves_asks_and_cancels(mover)
    body = _asks_while_the_broker_is_dead(waiter, ledger)
    asyncio.run(put_on_queue(stack, CONTACTS, body.replace(b'"sealed"', b'"seal"')))
    url = stack.secret("operator_amqp_url")
    eventually(lambda: asyncio.run(parking.count(url=url, queues=[CONTACTS]))[CONTACTS], what="it is parked")
    erased = forgotten.http.delete(f"{forgotten.path}?cancel=true", headers=forgotten.authorization)
    assert erased.status_code == 204
    ledger.quiet()
    _leave_canaries(stack, ledger)
    tokens = [person.booked["token"] for person in people]
    for person in people:
        person.http.close()
    ledger.close()
    mails = [person.email for person in people]
    return Trail(stack, [*words, *secrets, *tokens], mails, [forgotten.booked["id"]])


def _books(person: Citizen) -> list[str]:
    """The secrets of the links in its mails."""
    for time in person.free_times():
        if person.hold(time, family_name=FAMILY).status_code == 201:
            break
    answer = person.request(given_name=GIVEN, phone=PHONE, sms_consent=True)
    assert answer.status_code == 200, answer.text
    asking = person.mails()[0]
    assert person.confirm_by_link(asking).status_code == 200
    confirmation = person.mails(at_least=2)[1]
    links = (link_in(asking, "confirm"), link_in(confirmation, "manage"))
    assert person.http.get(links[1]).status_code == 200
    assert person.http.get(f"{person.path}/export", headers=person.authorization).status_code == 200
    return [httpx.URL(link).params["secret"] for link in links]


def _moves_asks_and_cancels(person: Citizen) -> list[str]:
    """The secrets of the links in the mails that it asked for."""
    wanted = {"starts_at": person.free_times()[-1]}
    moved = person.http.post(f"{person.path}/reschedule", json=wanted, headers=person.authorization)
    assert moved.status_code == 200, moved.text
    assert person.http.post("/v1/links", json={"email": person.email}).status_code == 202
    wish = {"office": OFFICE, "email": person.email}
    assert person.http.post("/v1/proof/mail", json=wish).status_code == 202
    mails = person.mails(at_least=5)
    entry = httpx.URL(next(link_in(mail, "entry") for mail in mails if "/entry?" in text_of(mail)))
    assert person.http.get(entry.raw_path.decode()).status_code == 200
    refused = person.http.put(f"{person.path}/contact", json={"email": person.email, "name": FAMILY})
    assert refused.status_code == 401
    assert person.cancel().status_code == 200
    return [entry.params["token"]]


def _asks_while_the_broker_is_dead(person: Citizen, ledger: Ledger) -> bytes:
    """Its contact event, which waits in the database meanwhile."""
    person.stack.rabbitmq.kill()
    for time in person.free_times():
        if person.hold(time, family_name=FAMILY).status_code == 201:
            break
    assert person.request(given_name=GIVEN, phone=PHONE, sms_consent=True).status_code == 200
    document = ledger.appointments.find_one({"_id": person.booked["id"]}) or {}
    (waiting,) = [entry["body"] for entry in document["outbox"] if entry["exchange"] == "contacts"]
    person.stack.rabbitmq.start()
    person.stack.rabbitmq.wait_until_ready()
    person.mails(within=60)
    return bytes(waiting, "utf-8")


def _leave_canaries(stack: Stack, ledger: Ledger) -> None:
    """In clear, where people's data would be: in a collection, a queue and a log."""
    ledger.client["audit"]["canaries"].insert_one({"said": CANARY})
    asyncio.run(put_on_queue(stack, "reporting.offices", json.dumps({"type": CANARY}).encode()))
    parked = "reporting.offices"
    url = stack.secret("operator_amqp_url")
    eventually(lambda: asyncio.run(parking.count(url=url, queues=[parked]))[parked], what="the canary is parked")


def test_no_file_holds_anything_of_a_person_but_the_mail_sink(trail: Trail) -> None:
    """Seen to fail with the name stored in clear beside the sealed person, with the contact told unsealed, and
    with the query string in the log of requests, and with an entry request told unsealed."""
    found = found_in(trail.stack.folder, trail.words)

    elsewhere = {file: words for file, words in found.items() if not file.startswith(SINKS)}
    assert elsewhere == {}
    in_mails = {word for file, words in found.items() if file.startswith("mail") for word in words}
    assert set(trail.mails) <= in_mails


def test_the_search_finds_a_canary_in_database_broker_and_log(trail: Trail) -> None:
    found = found_in(trail.stack.folder, [CANARY])

    assert {Path(file).parts[0] for file in found} >= {"mongod", "rabbitmq", "log"}


@pytest.mark.parametrize("coding", ["utf-16-le", "base64", "quoted-printable", "url", "upper", "json"])
def test_the_search_knows_the_forms_of_a_word(coding: str) -> None:
    text = f"a {FAMILY} b"
    content = {
        "utf-16-le": text.encode("utf-16-le"),
        "base64": base64.b64encode(text.encode()),
        "quoted-printable": quopri.encodestring(text.encode()),
        "url": quote(text).encode(),
        "upper": text.upper().encode(),
        "json": json.dumps(text).encode(),
    }[coding]

    assert places_of([FAMILY], content) == {FAMILY}
    assert places_of([FAMILY], content.replace(b"l", b"x").replace(b"J", b"x").replace(b"L", b"x")) == set()


def test_no_metric_and_no_queue_name_says_anything_of_a_person(trail: Trail) -> None:
    metrics = [httpx.get(f"{url}/metrics", timeout=10).content for url in trail.stack.addresses.values()]
    queues = trail.stack.rabbitmq.ctl("list_queues", "-q", "-p", "amtstermin", "name").encode()

    assert all(b"http_request_seconds" in page for page in metrics)
    assert places_of(trail.words, b"".join((*metrics, queues))) == set()


def test_no_answer_lets_a_browser_tell_the_link(trail: Trail) -> None:
    """A link's secret stands in its query: no page that it opens may hand it on."""
    page = httpx.get(f"{trail.stack['booking'].url}/manage/{uuid4()}?secret=wrong", timeout=10)

    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_keys_of_the_erased_are_gone_from_both_databases(trail: Trail) -> None:
    with MongoClient[dict[str, object]](trail.stack.secret("admin_mongodb_uri")) as client:
        for id in trail.erased:
            assert client["booking_keys"]["keys"].find_one({"_id": id}) is None
            assert client["notification_keys"]["keys"].find_one({"_id": id}) == {"_id": id, "erased": True}
            contact = client["notification"]["contacts"].find_one({"_id": id}) or {}
            assert contact.get("erased")
            assert "data" not in contact
            stored = client["booking"]["appointments"].find_one({"_id": id}) or {}
            assert stored["status"] == "anonymised"
            assert "person" not in stored


def test_mails_reach_whom_they_are_for(trail: Trail) -> None:
    """So that what is looked for was really there."""
    box = Mailbox(trail.stack.mail.maildir)

    assert all(box.to(address) for address in trail.mails)
    assert PHONE in trail.stack.sms_file.read_text()
