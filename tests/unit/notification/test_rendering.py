"""What citizens read: in their language, with all that they need, and nothing that others should not see."""

import re
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from typing import Any

import pytest

from services.notification.channels.email.mime import build
from services.notification.domain import Send
from services.notification.purposes import NO_VISIT, Purpose
from services.notification.wording import LANGUAGES, initials, language_for, location_on
from shared.contracts import AppointmentConfirmed, AppointmentRestored, Step
from tests.unit.notification.builders import NOW, SENDER, VISIT, a_contact, a_delivery, an_office, facts, known
from tests.unit.notification.rendered import RENDERER, SMS, Words, a_mail, an_sms

# Links to book with go out without any appointment: test_entries.py; lists for staff: test_staff_mails.py.
VISITS = [purpose for purpose in Purpose if purpose not in NO_VISIT and purpose is not Purpose.INVITATION]
EVERY_MAIL = [(purpose, lang) for purpose in VISITS for lang in LANGUAGES]
DAYS = {
    "ar": "الخميس، 3 ديسمبر 2026",
    "de": "Donnerstag, 3. Dezember 2026",
    "de-x-leicht": "Donnerstag, 3. Dezember 2026",
    "en": "Thursday, 3 December 2026",
    "fa": "پنجشنبه 3 دسامبر 2026",
    "hr": "četvrtak, 3. prosinca 2026.",
    "it": "giovedì 3 dicembre 2026",
    "ro": "joi, 3 decembrie 2026",
    "ru": "четверг, 3 декабря 2026\u202fг.",
    "sq": "e enjte, 3 dhjetor 2026",
    "tr": "3 Aralık 2026 Perşembe",
    "uk": "четвер, 3 грудня 2026\u202fр.",
}
# The word for an appointment, as far as grammar leaves it alone.
APPOINTMENT = {
    **dict.fromkeys(("de", "de-x-leicht"), "Termin"),
    **dict.fromkeys(("hr", "sq"), "ermin"),
    "ar": "موعد",
    "en": "appointment",
    "fa": "وقت ملاقات",
    "it": "appuntamento",
    "ro": "rogram",
    "ru": "запис",
    "tr": "andevu",
    "uk": "запис",
}
# Foreigners, residence, permits, authorities, in every language.
KIND_OF_OFFICE = re.compile(
    "Abholung|eAT|Ausländer|Aufenthalt|immigra|residen|Collect|permit|yabancı|oturum|перебування|іноземц"
    "|жительств|иностран|إقامة|أجانب|اقامت|خارجی|ședere|străin|soggiorno|stranier|boravi|stranac|qëndrim|të huaj",
    re.IGNORECASE,
)


@pytest.mark.parametrize(("purpose", "lang"), EVERY_MAIL)
def test_every_mail_says_what_matters(purpose: Purpose, lang: str) -> None:
    mail = a_mail(purpose, lang)
    words = Words(mail.html)
    links = {attributes.get("href") for tag, attributes in words.tags if tag == "a"}
    for part in (mail.text, words.text):
        assert DAYS[lang] in part
        assert "10:30" in part
        assert ("10:30 Uhr" in part) is lang.startswith("de")
        assert "Grünewaldstraße 15, 72336 Balingen" in part
        assert "K7MQ4XPA" in part
        assert "A. Y." in part
        assert "Abholung des elektronischen Aufenthaltstitels (eAT)" in part
        assert "Die Terminbuchung ersetzt keinen Antrag." in part
    # The first mail may go to a mistyped address: it must not open the appointment.
    opens = purpose is not Purpose.CONFIRM_REQUEST
    assert ("https://termine.example/t/0192aaaa#manage-s3cret" in mail.text) is opens
    assert ("https://termine.example/t/0192aaaa#manage-s3cret" in links) is opens
    access = {"de": "Kundencenter im Erdgeschoss", "en": "Customer centre on the ground floor"}
    assert access.get(lang, an_office().locations[-1].access[lang]) in mail.text


@pytest.mark.parametrize(("purpose", "lang"), EVERY_MAIL)
def test_names_and_phone_stay_out_of_every_mail(purpose: Purpose, lang: str) -> None:
    mail = a_mail(purpose, lang)
    everything = mail.text + mail.html + mail.subject
    for secret in ("Ayşe", "Yılmaz", "12345678"):
        assert secret not in everything


@pytest.mark.parametrize(("purpose", "lang"), EVERY_MAIL)
def test_subjects_name_neither_service_nor_office(purpose: Purpose, lang: str) -> None:
    subject = a_mail(purpose, lang).subject
    assert APPOINTMENT[lang] in subject
    assert not KIND_OF_OFFICE.search(subject)
    assert "\n" not in subject


@pytest.mark.parametrize(("purpose", "lang"), EVERY_MAIL)
def test_html_is_accessible_and_loads_nothing(purpose: Purpose, lang: str) -> None:
    mail = a_mail(purpose, lang)
    words = Words(mail.html)
    tags = [tag for tag, _ in words.tags]
    assert ("html", {"lang": lang, "dir": "rtl" if lang in ("ar", "fa") else "ltr"}) in words.tags
    assert tags.count("h1") == 1
    assert tags.count("title") == 1
    assert not {"img", "script", "link", "style", "form", "iframe"} & set(tags)
    assert "url(" not in mail.html


def test_request_to_confirm_has_link_code_and_time_limit() -> None:
    mail = a_mail(Purpose.CONFIRM_REQUEST)
    for part in (mail.text, mail.html):
        assert "https://termine.example/c/0192aaaa#confirm-s3cret" in part
        assert "482913" in part
        assert "60 Minuten" in part
    assert mail.calendar is None


@pytest.mark.parametrize("purpose", [p for p in VISITS if p is not Purpose.CONFIRM_REQUEST])
def test_only_the_request_carries_the_secret_to_confirm(purpose: Purpose) -> None:
    mail = a_mail(purpose)
    assert "confirm-s3cret" not in mail.text + mail.html
    assert "482913" not in mail.text + mail.html


def test_documents_stand_where_they_belong() -> None:
    assert "- Reisepass oder Passersatz" in a_mail(Purpose.CONFIRMATION).text
    assert "- Passport or passport substitute" in a_mail(Purpose.RESCHEDULED, "en").text
    assert "Reisepass" not in a_mail(Purpose.CANCELLATION).text


def test_translation_stands_beside_the_german_name() -> None:
    mail = a_mail(Purpose.CONFIRMATION, "en")
    assert "Service: Collect the electronic residence permit (eAT)" in mail.text
    assert '<bdi lang="de">Abholung' in mail.html
    german = a_mail(Purpose.CONFIRMATION).text
    assert german.count("Abholung des elektronischen Aufenthaltstitels") == 1


def test_moved_mail_names_the_time_that_no_longer_holds() -> None:
    before = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
    assert "Dienstag, 1. Dezember 2026, 09:00 Uhr" in a_mail(Purpose.RESCHEDULED, previous_starts_at=before).text


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (("de",), "de"),
        (("en",), "en"),
        (("en-GB",), "en"),
        (("EN_us",), "en"),
        (("fr",), "de"),
        (("fr", "en"), "en"),
        ((None,), "de"),
        (("../en",), "de"),
        (("",), "de"),
    ],
)
def test_unknown_languages_fall_back_to_german(tags: tuple[str | None, ...], expected: str) -> None:
    assert language_for(*tags) == expected


def test_address_holds_on_the_day_of_the_visit() -> None:
    office = an_office()
    last_day = datetime(2025, 7, 13, 9, 0, tzinfo=UTC)
    old, new = location_on(office, last_day.date()), location_on(office, last_day.date() + timedelta(days=1))
    assert old
    assert new
    assert (old.street, new.street) == ("Stingstraße 17", "Grünewaldstraße 15")
    assert "Stingstraße 17" in a_mail(Purpose.CONFIRMATION, starts_at=last_day).text


@pytest.mark.parametrize(
    ("starts_at", "expected"),
    [
        (datetime(2027, 3, 26, 8, 0, tzinfo=UTC), "Freitag, 26. März 2027\nUhrzeit: 09:00 Uhr"),
        (datetime(2027, 3, 29, 8, 0, tzinfo=UTC), "Montag, 29. März 2027\nUhrzeit: 10:00 Uhr"),
        (datetime(2027, 10, 29, 8, 0, tzinfo=UTC), "Freitag, 29. Oktober 2027\nUhrzeit: 10:00 Uhr"),
        (datetime(2027, 11, 1, 8, 0, tzinfo=UTC), "Montag, 1. November 2027\nUhrzeit: 09:00 Uhr"),
    ],
)
def test_times_follow_the_clock_change(starts_at: datetime, expected: str) -> None:
    assert expected in a_mail(Purpose.CONFIRMATION, starts_at=starts_at).text


@pytest.mark.parametrize(
    ("given", "family", "expected"),
    [
        ("Ayşe", "Yılmaz", "A. Y."),
        (None, "öztürk", "Ö."),
        ("علي", "حسن", "ع. ح."),
        ("\u202eevil\r\nBcc: x@y", "🙂", "E."),
        ("  ", "\u200f", ""),
        ("ß", "o\u0308z", "ß. Ö."),
        ("A\u0330lex", "X" * 300, "A\u0330. X."),
    ],
)
def test_initials_stand_for_any_name(given: str | None, family: str, expected: str) -> None:
    assert initials(a_contact(given_name=given, family_name=family)) == expected


@pytest.mark.parametrize("lang", ["de", "ar", "uk"])
@pytest.mark.parametrize(
    ("given", "family", "shown"),
    [
        ("علي\u202e", "ح\u0651سن", "ع. ح\u0651."),
        ("Їжак\r\nBcc: victim@example.org", "Ґава\r\n\r\n<b>", "Ї. Ґ."),
        ("🙂🙂", "<script>alert(1)</script>", "S."),
        ("\ue000code\ue001", "\u2066\u2066x", "C. X."),
    ],
)
def test_no_name_breaks_header_layout_or_direction(given: str, family: str, shown: str, lang: str) -> None:
    mail = a_mail(Purpose.REMINDER, lang, contact={"given_name": given, "family_name": family})
    plain = a_mail(Purpose.REMINDER, lang, contact={"given_name": "Q", "family_name": "Q"})
    assert mail.html == plain.html.replace("<bdi>Q. Q.</bdi>", f"<bdi>{shown}</bdi>")
    assert mail.text == plain.text.replace("Q. Q.", shown)
    message = BytesParser(policy=policy.default).parsebytes(build(mail, sender=SENDER, now=NOW))
    assert not message.defects
    assert message["Bcc"] is None
    assert message["Subject"] == plain.subject


def test_facts_are_escaped_in_html_only() -> None:
    name = {"de": "A & B <script>x</script>", "en": "A"}
    office = an_office(name=name)
    send = facts(office=office)
    mail = RENDERER.mail(a_delivery(), send)
    assert "A & B <script>" in mail.text
    assert "<script>" not in mail.html
    assert "A &amp; B &lt;script&gt;" in mail.html


@pytest.mark.parametrize(("purpose", "lang"), EVERY_MAIL)
def test_nothing_of_one_person_reaches_the_next(purpose: Purpose, lang: str) -> None:
    """Templates are rendered once for many: what is a person's own must be filled in for each."""
    first = a_mail(purpose, lang)
    other = {
        "given_name": "Zoë",
        "family_name": "Quist",
        "code": "ZZZZ9999",
        "confirm_code": "135790",
        "confirm_url": 'https://other.example/c?a=1&b="2"',
        "manage_url": 'https://other.example/t?a=1&b="2"',
    }
    later = VISIT + timedelta(days=1, hours=1)
    times: dict[str, Any] = {
        "starts_at": later,
        **({"offer_starts_at": later} if purpose is Purpose.OFFER else {}),
    }
    second = a_mail(purpose, lang, contact=other, persons=5, **times)
    for part in (second.text, second.html):
        for own in ("0192aaaa", "K7MQ4XPA", "482913", "A. Y.", "10:30", "\ue000"):
            assert own not in part
        assert "Z. Q." in part
        assert "11:30" in part
    link = other["confirm_url" if purpose is Purpose.CONFIRM_REQUEST else "manage_url"]
    assert link in second.text
    assert link not in second.html
    assert link.replace("&", "&amp;").replace('"', "&#34;") in second.html
    again = a_mail(purpose, lang)
    assert (again.text, again.html) == (first.text, first.html)


def test_a_service_that_is_gone_leaves_its_lines_out() -> None:
    mail = a_mail(Purpose.CONFIRMATION, service="abolished")
    assert "Anliegen" not in mail.text
    assert "None" not in mail.text + mail.html
    assert "\n\n\n" not in mail.text


@pytest.mark.parametrize("purpose", SMS)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_sms_names_neither_person_service_nor_office(purpose: Purpose, lang: str) -> None:
    text = an_sms(purpose, lang)
    assert "03.12.2026" in text
    assert "10:30" in text
    assert ("https://termine.example/t/0192aaaa#manage-s3cret" in text) is (purpose is not Purpose.CONFIRM_REQUEST)
    assert not KIND_OF_OFFICE.search(text)
    for word in ("Ayşe", "Yılmaz", "A. Y."):
        assert word not in text
    assert "\n" not in text
    assert len(text) - len("https://termine.example/t/0192aaaa#manage-s3cret") < 200


@pytest.mark.parametrize(
    ("purpose", "method"),
    [
        (Purpose.CONFIRM_REQUEST, None),
        (Purpose.CONFIRMATION, "REQUEST"),
        (Purpose.RESCHEDULED, "REQUEST"),
        (Purpose.CANCELLATION, "CANCEL"),
        (Purpose.OFFICE_CANCELLATION, "CANCEL"),
        (Purpose.WAITING, None),
        (Purpose.OFFER, None),
        (Purpose.OFFER_EXPIRED, None),
        (Purpose.LINK, None),
        (Purpose.REMINDER, None),
        (Purpose.CHANGED, "REQUEST"),
        (Purpose.ERASED, None),
    ],
)
def test_only_what_changes_a_calendar_carries_an_entry(purpose: Purpose, method: str | None) -> None:
    mail = a_mail(purpose)
    assert mail.method == method
    assert (mail.calendar is None) is (method is None)


@pytest.mark.parametrize("purpose", [Purpose.CANCELLATION, Purpose.OFFICE_CANCELLATION])
def test_what_was_never_confirmed_needs_no_withdrawal(purpose: Purpose) -> None:
    assert a_mail(purpose, steps=()).calendar is None


def test_restored_appointment_returns_to_the_calendar_with_a_higher_sequence() -> None:
    steps = tuple(Step(step=step, at=NOW) for step in ("confirmed", "cancelled", "restored"))
    delivery = a_delivery(AppointmentRestored, sequence=6, steps=steps)
    mail = RENDERER.mail(delivery, facts(state=known(sequence=6, steps=steps)))
    assert mail.subject == "Ihr Termin ist bestätigt"
    assert mail.method == "REQUEST"
    assert mail.calendar
    assert b"SEQUENCE:6" in mail.calendar


def test_every_language_has_every_text() -> None:
    for lang in LANGUAGES:
        for purpose in VISITS:
            assert a_mail(purpose, lang).language == lang
            if purpose in SMS:
                assert an_sms(purpose, lang)
    assert {"de", "en"} <= set(LANGUAGES)


def test_rendering_uses_only_the_newest_facts() -> None:
    delivery = a_delivery(AppointmentConfirmed, sequence=3)
    send = Send(known(sequence=8, persons=5), a_contact(), an_office(), "ayse@example.org")
    assert "Anzahl: 5 Personen" in RENDERER.mail(delivery, send).text
    assert NOW < VISIT


@pytest.mark.parametrize("purpose", VISITS)
def test_only_what_nobody_needs_can_be_ended(purpose: Purpose) -> None:
    """All others are required: they say what happened to somebody's appointment."""
    links = {
        **dict.fromkeys(("waiting", "offer", "offer_expired"), "https://termine.example/t/0192aaaa#manage-s3cret"),
        "reminder": "https://termine.example/unsubscribe/0192aaaa/s3cret",
    }
    mail = a_mail(purpose)
    assert (mail.unsubscribe, mail.one_click) == (links.get(purpose), True)
