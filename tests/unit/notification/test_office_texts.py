"""An office's own words in messages: where it wants them, in the reader's language, and as text only."""

from typing import Any

import pytest

from services.notification.entries import SendEntry, entry_message
from services.notification.purposes import TO_STAFF, Purpose
from shared.contracts import Office
from shared.contracts.offices import MESSAGE_PURPOSES
from tests.unit.notification.builders import an_entry, an_entry_request, an_office
from tests.unit.notification.rendered import RENDERER, Words, a_mail, an_sms


def an_office_that_says(text: dict[str, str], **where: Any) -> Office:
    return an_office(messages={"texts": [{"text": text, **where}]})


OWN = {"de": "Bitte klingeln Sie am Nebeneingang.", "en": "Please ring at the side entrance."}


def test_every_message_to_citizens_can_be_named_in_an_office_file() -> None:
    assert set(MESSAGE_PURPOSES) == set(Purpose) - TO_STAFF


@pytest.mark.parametrize(("lang", "own"), [("de", OWN["de"]), ("en", OWN["en"]), ("tr", OWN["de"])])
def test_an_own_text_stands_in_the_readers_language_or_in_german(lang: str, own: str) -> None:
    mail = a_mail(Purpose.CONFIRMATION, lang, office=an_office_that_says(OWN))
    for part in (mail.text, Words(mail.html).text):
        assert own in part
    assert (f'<bdi lang="de">{own}</bdi>' in mail.html) is (lang == "tr")


def test_an_own_text_is_for_its_message_and_service_only() -> None:
    office = an_office_that_says(OWN, purpose="reminder", service="eat_pickup")
    assert OWN["de"] in a_mail(Purpose.REMINDER, office=office).text
    assert OWN["de"] not in a_mail(Purpose.REMINDER, office=office, service="eat_pin").text
    assert OWN["de"] not in a_mail(Purpose.CONFIRMATION, office=office).text


def test_a_text_for_all_messages_is_for_those_about_a_visit() -> None:
    delivery = entry_message(an_entry_request())
    for where, there in (({}, False), ({"purpose": "entry"}, True)):
        mail = RENDERER.mail(delivery, SendEntry(an_entry(), an_office_that_says(OWN, **where)))
        assert (OWN["de"] in mail.text) is there


def test_an_own_text_stands_before_or_after_the_message() -> None:
    said = "Ihr Termin ist bestätigt."
    for place, is_before in (("before", True), ("after", False)):
        mail = a_mail(Purpose.CONFIRMATION, office=an_office_that_says(OWN, place=place))
        for part in (mail.text, mail.html):
            assert (part.index(OWN["de"]) < part.index(said)) is is_before


@pytest.mark.parametrize(
    ("place", "gone"),
    [("manage", "Sie können nicht kommen?"), ("deadline", "Läuft Ihr Aufenthaltstitel bald ab?")],
)
def test_an_own_text_replaces_a_paragraph_and_nothing_else(place: str, gone: str) -> None:
    mail = a_mail(Purpose.CONFIRMATION, office=an_office_that_says(OWN, place=place))
    for part in (mail.text, mail.html):
        assert OWN["de"] in part
        assert gone not in part
        assert "Die Terminbuchung ersetzt keinen Antrag." in part
        assert "manage-s3cret" in part


@pytest.mark.parametrize("lang", ["de", "tr"])
def test_an_own_text_can_bring_no_markup(lang: str) -> None:
    office = an_office_that_says({"de": '<a href="https://evil.example">%(code)s {{ v.code }}</a>'})
    mail = a_mail(Purpose.CONFIRMATION, lang, office=office)
    assert '<a href="https://evil.example">%(code)s {{ v.code }}</a>' in mail.text
    assert '<a href="https://evil' not in mail.html
    assert "&lt;a href=&#34;https://evil.example&#34;&gt;%(code)s {{ v.code }}&lt;/a&gt;" in mail.html


def test_an_office_without_own_words_sends_messages_all_the_same() -> None:
    """As a version that knew none of them told it."""
    told = an_office().model_dump(by_alias=True)
    del told["messages"]
    office = Office.model_validate(told)
    assert "Ihr Termin ist bestätigt" in a_mail(Purpose.CONFIRMATION, office=office).text
    assert an_sms(Purpose.REMINDER, "de", office=office).startswith(office.sender)


def test_sms_begin_with_the_shorter_sender() -> None:
    assert an_sms(Purpose.REMINDER, "de").startswith("Landratsamt Zollernalbkreis: Erinnerung")
