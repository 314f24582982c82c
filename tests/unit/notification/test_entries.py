"""The mail with a link to book with: sealed until it is made, about no visit, and only while the link is good."""

import re
from datetime import timedelta

import pytest

from services.notification.channels.email.mime import Mail
from services.notification.domain import Drop, Status, Wait
from services.notification.entries import SendEntry, decide_entry, entry_message, mailed_until
from services.notification.opening import Opener
from services.notification.purposes import Purpose
from services.notification.wording import LANGUAGES
from shared.contracts import Invited, new_event
from shared.sealed_contact import wrapped_key
from shared.sealing import PrivateKeys, Unsealable
from tests.sealed import PRIVATE
from tests.unit.notification.builders import NOW, an_entry, an_entry_request, an_office
from tests.unit.notification.rendered import RENDERER, Words


def an_entry_mail(lang: str) -> Mail:
    delivery = entry_message(an_entry_request(language=lang))
    return RENDERER.mail(delivery, SendEntry(an_entry(language=lang), an_office()))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_mail_with_a_link_to_book_speaks_of_no_visit(lang: str) -> None:
    mail = an_entry_mail(lang)
    link = an_entry().entry_url

    assert mail.to == "someone@example.org"
    assert mail.calendar is None
    assert (mail.language, mail.sender_name) == (lang, an_office().sender)
    for text in (mail.text, Words(mail.html).text):
        assert str(an_office().phone) in text
        assert "30" in text
        assert not re.search(r"PIN|eAT|Unterlagen|documents|Uhrzeit|ersetzt keinen Antrag|None", text)
    assert link in mail.text
    assert link in [attributes.get("href") for tag, attributes in Words(mail.html).tags if tag == "a"]


def test_a_link_to_book_goes_out_while_it_is_good() -> None:
    event, entry, office = an_entry_request(), an_entry(), an_office()
    delivery = entry_message(event)
    in_time, over = event.data.expires_at - timedelta(seconds=1), event.data.expires_at

    assert isinstance(decide_entry(delivery, entry=entry, office=office, now=in_time), SendEntry)
    assert decide_entry(delivery, entry=entry, office=None, now=in_time) == Wait("office")
    assert decide_entry(delivery, entry=None, office=office, now=in_time) == Wait("entry")
    for given in (entry, None):
        assert decide_entry(delivery, entry=given, office=office, now=over) == Drop(Status.EXPIRED, "too late")


def test_on_the_wire_neither_address_nor_link_can_be_read() -> None:
    event, entry = an_entry_request(), an_entry()

    for text in (event.body().decode(), repr(event), str(entry_message(event))):
        assert "someone" not in text
        assert "s3cret" not in text
    assert "someone" not in repr(entry)
    assert Opener(PRIVATE).open_entry(event.data) == entry


def test_each_request_is_sealed_for_itself() -> None:
    first, second = an_entry_request().data, an_entry_request(entry="another").data

    keys = {PRIVATE.unwrap(wrapped_key(told), owner=told.entry) for told in (first, second)}
    assert len(keys) == 2
    with pytest.raises(Unsealable):
        Opener(PRIVATE).open_entry(first.model_copy(update={"entry": "another"}))
    with pytest.raises(Unsealable):
        Opener(PRIVATE).open_entry(first.model_copy(update={"sealed": second.sealed}))
    with pytest.raises(Unsealable):
        Opener(PrivateKeys({"n1": b"o" * 32})).open_entry(first)


def an_invitation(*, good_for: timedelta) -> Invited:
    request = an_entry_request(service="settlement", expires_at=NOW + good_for)
    return new_event(Invited, subject=request.subject, sequence=1, data=request.data, time=NOW)


def test_an_invitation_is_mailed_within_days_or_not_at_all() -> None:
    for good_for, days in ((timedelta(days=60), 3), (timedelta(days=1), 1)):
        event = an_invitation(good_for=good_for)
        delivery = entry_message(event)
        assert (delivery.purpose, delivery.not_after) == (Purpose.INVITATION, NOW + timedelta(days=days))
        assert mailed_until(event) == delivery.not_after


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_invitation_says_what_it_is_for(lang: str) -> None:
    event = an_invitation(good_for=timedelta(days=60))
    entry = Opener(PRIVATE).open_entry(event.data)
    decided = decide_entry(entry_message(event), entry=entry, office=an_office(), now=NOW)
    assert isinstance(decided, SendEntry)
    mail = RENDERER.mail(entry_message(event), decided)
    assert (decided.service, decided.entry.entry_url in mail.text) == ("settlement", True)
