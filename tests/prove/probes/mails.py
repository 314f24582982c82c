"""Names, addresses and texts that mean to be more in a mail: a header, a tag, a template, a trick for the eye."""

from collections.abc import Sequence
from email.message import EmailMessage
from random import Random

from markupsafe import escape

from deploy.local.reading import parse, text_of
from tests.prove.faults import probe
from tests.prove.probes.client import Person, a_key, as_json, asked, wish
from tests.prove.probes.hearing import Logs, assert_mailed, wait_until_settled
from tests.prove.probes.invented import Life, a_life, seal_for
from tests.prove.probes.queues import deliver
from tests.prove.world import World
from tests.waiting import eventually

_APPOINTMENTS, _CONTACTS = "notification.appointments", "notification.contacts"

_HOSTILE_NAMES = (
    "Ali\r\nBcc: evil@example.org",
    "Ali\nX-Evil: 1",
    "{{7*7}}",
    "{% for x in range(9) %}",
    "${7*7}",
    "<b>x</b>",
    '" onload="x',
    "Ali\u202egnp.exe",
    "Ali\u2066\u2069",
    "Ali\u200b",
    "\ufeffAli",
    "Ali 😀",
    "😀" * 90,
    "\ue000confirm_url\ue001",
    "A" * 101,
    "A\u0301" * 60,
    "\u0301",
)
_HOSTILE_ADDRESSES = (
    "a@example.org\r\nBcc: evil@example.org",
    "a@example.org, evil@example.org",
    "a@example.org>\r\nRCPT TO:<evil@example.org",
    "evil@example.org\u202e",
    "a@example.org evil@example.org",
    "@example.org:evil@example.org",
)
# Booking takes the address out of it.
_NAMED_ADDRESS = "Evil <evil@example.org>"
# Unusual, and still names.
_NAMES = ("D’Árc (geb. Öz)", "محمد بن عبد الله", "Ὀδυσσεύς", "Nguyễn", "O'", "ẞ", "Å" * 100)
_HOSTILE_TEXT = "{{7*7}}<b>x</b>\r\nBcc: evil@example.org\r\n\r\n\ue000manage_url\ue001&amp;\u202e"


@probe(36, "mail headers, templates, bidi and emoji", expected="refused or escaped, one recipient only")
def messages(world: World, chance: Random) -> str:
    """Seen to fail without escaping in the mail's HTML."""
    evil = _evil(world)
    refused = _refuse_hostile(world, chance)
    people = [_ask_with(world, chance, name) for name in _NAMES]
    # What booking refuses, the notifier must not take on trust either.
    texts = [a_life(world, chance, steps=2) for _ in range(3)]
    hostile = (*_HOSTILE_ADDRESSES, _NAMED_ADDRESS)
    addresses = [a_life(world, chance, steps=2) for _ in hostile]
    logs = Logs(world, "notification")
    told = [_changed(world, life, **dict.fromkeys(_TEXT_FIELDS, _HOSTILE_TEXT)) for life in texts]
    told += [_changed(world, life, email=email) for life, email in zip(addresses, hostile, strict=True)]
    deliver(world, {_APPOINTMENTS: [life.newest for life in (*texts, *addresses)], _CONTACTS: told})
    statuses = _settled(world, logs, [*texts, *addresses])

    assert_mailed(world, [*texts, *addresses], [life.newest for life in texts])
    for life in texts:
        _assert_harmless(_mail_to(world, life.email), life.email)
    failed = [statuses[delivery] for delivery in statuses if delivery.partition(":")[0] in _ids(addresses)]
    assert failed == ["failed"] * len(addresses), f"hostile addresses ended as {failed}"
    for address in people:
        _assert_plain(_mail_to(world, address), address)
    assert _evil(world) == evil, "a message went to an injected recipient"
    return (
        f"{refused} hostile names and addresses refused, {len(_NAMES)} unusual names mailed to one reader each; "
        f"of those that came by an event, {len(addresses)} addresses not sent to and {len(texts)} texts escaped"
    )


_TEXT_FIELDS = ("code", "family_name", "given_name", "confirm_url", "confirm_code", "language")


def _settled(world: World, logs: Logs, lives: Sequence[Life]) -> dict[str, str]:
    logs.wait_until_handled({event.id: 1 for life in lives for event in (life.newest, life.contact)})
    return wait_until_settled(world, lives)


def _evil(world: World) -> int:
    return sum("evil" in taken.to for taken in (*world.mail.taken, *world.gateway.taken))


def _refuse_hostile(world: World, chance: Random) -> int:
    with Person(world, chance) as person:
        person.hold_any(chance)
        later = person.free_times()[-1]
        requests = [
            as_json(person.http, "POST", "/v1/appointments", wish(later, family_name=name), _a_key(chance))
            for name in _HOSTILE_NAMES
        ]
        contacts: list[dict[str, str]] = [{"email": address} for address in _HOSTILE_ADDRESSES]
        contacts += [{"email": person.email, "given_name": name} for name in _HOSTILE_NAMES]
        contacts += [{"email": person.email, "language": text} for text in ("../../de", "de\r\nX: y", "{{7*7}}")]
        requests += [
            as_json(person.http, "PUT", f"{person.path}/contact", contact, person.authorization)
            for contact in contacts
        ]
        answers = [person.http.send(request) for request in requests]
        wrong = [(asked(answer), answer.status_code) for answer in answers if answer.status_code != 422]
        assert not wrong, f"not refused: {wrong}"
        assert person.look()["status"] == "held", "a refused contact was taken"
        assert person.cancel().status_code == 200, "the hold could not be given back"
    return len(answers)


def _a_key(chance: Random) -> dict[str, str]:
    return {"Idempotency-Key": a_key(chance)}


def _ask_with(world: World, chance: Random, name: str) -> str:
    """Somebody of this name asks for a time and gives it back; their address."""
    with Person(world, chance) as person:
        person.hold_any(chance, family_name=name)
        assert person.give_contact(given_name=name).status_code == 200, f"{name} is no name"
        eventually(lambda: _has_mail(world, person.email), within=40, what=f"the mail to {name}")
        assert person.cancel().status_code == 200, "the request could not be given back"
        return person.email


def _changed(world: World, life: Life, **contact: str) -> bytes:
    """The same event about another contact."""
    told = seal_for(world, life.person.model_copy(update=contact))
    return life.contact.model_copy(update={"data": told}).body()


def _ids(lives: Sequence[Life]) -> set[str]:
    return {life.newest.id for life in lives}


def _has_mail(world: World, address: str) -> bool:
    return any(taken.to == address for taken in world.mail.taken)


def _mail_to(world: World, address: str) -> EmailMessage:
    """The newest mail that was handed over for `address`."""
    return parse(world.mail._bodies[address])


def _assert_plain(mail: EmailMessage, address: str) -> None:
    assert [str(to) for to in mail.get_all("To", [])] == [address], f"a mail to {mail.get_all('To')}"
    added = {name.lower() for name in mail.keys()} & {"bcc", "cc", "x-evil"}  # noqa: SIM118 (no mapping)
    assert not added, f"a mail has the headers {added}"
    assert "49" not in (mail["Subject"] or ""), "a template ran in a subject"


def _assert_harmless(mail: EmailMessage, address: str) -> None:
    """What was given is shown as text; nothing of it became a header, a tag, a link or a result."""
    _assert_plain(mail, address)
    html = mail.get_body(("html",))
    assert html, "a mail without HTML"
    shown, plain = str(html.get_content()), text_of(mail)
    assert "<b>x</b>" not in shown, "a tag came through into the HTML"
    assert str(escape("{{7*7}}<b>x</b>")) in shown, "the HTML does not show what was given"
    assert "{{7*7}}<b>x</b>" in plain, "the text does not show what was given"
    assert "/manage/" not in plain, "a marker in a text was filled with a link"
