"""What citizens read when the office acts, and while they wait for a time."""

import re
from datetime import timedelta
from typing import Any

import pytest

from services.notification.purposes import Purpose
from shared.contracts import Step
from tests.unit.notification.builders import NOW, VISIT
from tests.unit.notification.rendered import NO_TIME, Words, a_mail, an_sms

# Whose words are written down here; the catalogues of the others are looked at in test_catalogues.py.
READ = ("de", "en")
OF_NO_TIME = (
    Purpose.CONFIRM_REQUEST,
    Purpose.CANCELLATION,
    Purpose.OFFICE_CANCELLATION,
    Purpose.WAITING,
    Purpose.OFFER_EXPIRED,
    Purpose.LINK,
)


@pytest.mark.parametrize("purpose", OF_NO_TIME)
@pytest.mark.parametrize("lang", READ)
def test_a_place_in_line_is_shown_without_any_time(purpose: Purpose, lang: str) -> None:
    mail = a_mail(purpose, lang, **NO_TIME)
    list_ = {"de": "Warteliste", "en": "waiting list"}[lang]
    assert (list_ in mail.subject) is (purpose is not Purpose.OFFER_EXPIRED)
    assert not re.search(r"Abholung|eAT|Ausländer|immigration|Collect", mail.subject)
    for part in (mail.text, Words(mail.html).text):
        assert list_ in part
        assert "K7MQ4XPA" in part
        for time in ("2027", "2026", "00:00", "Uhrzeit", "Time", "Grünewaldstraße", "Ihr Termin\n"):
            assert time not in part
        assert not re.search(r"verschieben|\bmove\b", part)
    assert "\n\n\n" not in mail.text
    assert mail.calendar is None


@pytest.mark.parametrize("purpose", [Purpose.CANCELLATION, Purpose.OFFICE_CANCELLATION])
@pytest.mark.parametrize("lang", READ)
def test_sms_about_a_place_in_line_names_no_time(purpose: Purpose, lang: str) -> None:
    text = an_sms(purpose, lang, **NO_TIME)
    assert {"de": "Warteliste", "en": "waiting list"}[lang] in text
    assert "20" not in text.removesuffix("https://termine.example/t/0192aaaa#manage-s3cret")


@pytest.mark.parametrize("lang", READ)
@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("closure", {"de": "haben wir geschlossen", "en": "we are closed"}),
        ("absence", {"de": "Person ist zur gebuchten Zeit nicht da", "en": "person in charge is not here"}),
        ("close_now", {"de": "kurzfristig schließen", "en": "close at short notice"}),
        ("something_else", {"de": "Leider können wir Sie", "en": "Unfortunately we cannot"}),
        (None, {"de": "Leider können wir Sie", "en": "Unfortunately we cannot"}),
    ],
)
def test_office_says_in_plain_words_why_it_cancels(reason: str | None, words: dict[str, str], lang: str) -> None:
    mail = a_mail(Purpose.OFFICE_CANCELLATION, lang, reason=reason)
    assert (
        mail.subject == {"de": "Wir mussten Ihren Termin absagen", "en": "We had to cancel your appointment"}[lang]
    )
    for part in (mail.text, Words(mail.html).text):
        assert words[lang] in part
        assert "something_else" not in part


@pytest.mark.parametrize("lang", READ)
def test_office_that_cancels_names_free_times(lang: str) -> None:
    proposals = tuple(VISIT + timedelta(days=4 + n) for n in range(12))
    mail = a_mail(Purpose.OFFICE_CANCELLATION, lang, proposals=proposals)
    monday = {"de": "Montag, 7. Dezember 2026, 10:30 Uhr", "en": "Monday, 7 December 2026, 10:30"}[lang]
    assert f"\n- {monday}\n" in mail.text
    assert f"<li>{monday}</li>" in mail.html
    assert mail.html.count("<li>") == mail.text.count("\n- ") == 5
    assert {"de": "im Moment frei", "en": "free at the moment"}[lang] in mail.text
    without = a_mail(Purpose.OFFICE_CANCELLATION, lang)
    assert {"de": "im Moment frei", "en": "free at the moment"}[lang] not in without.text
    assert "<ul>" not in without.html


@pytest.mark.parametrize("lang", READ)
def test_offer_says_until_when_it_is_reserved(lang: str) -> None:
    mail, sms = a_mail(Purpose.OFFER, lang, **NO_TIME), an_sms(Purpose.OFFER, lang, **NO_TIME)
    until = {"de": "Sonntag, 22. November 2026, 19:00 Uhr", "en": "Sunday, 22 November 2026, 19:00"}[lang]
    offered = {"de": "Donnerstag, 3. Dezember 2026", "en": "Thursday, 3 December 2026"}[lang]
    for part in (mail.text, Words(mail.html).text):
        assert until in part
        assert offered in part
        assert {"de": "10:30 Uhr", "en": "10:30"}[lang] in part
        assert "2027" not in part
        assert {"de": "annehmen", "en": "until you accept"}[lang] not in part
    assert {"de": "bis 22.11.2026, 19:00 Uhr", "en": "until 22.11.2026, 19:00"}[lang] in sms


@pytest.mark.parametrize("lang", READ)
def test_offer_to_somebody_with_a_time_says_that_it_stays(lang: str) -> None:
    own = VISIT + timedelta(days=5)
    mail = a_mail(Purpose.OFFER, lang, starts_at=own)
    stays = {"de": "Dienstag, 8. Dezember 2026, 10:30 Uhr, bleibt", "en": "Tuesday, 8 December 2026, 10:30, stays"}
    for part in (mail.text, Words(mail.html).text):
        assert stays[lang] in part
    assert {"de": "Tag: Donnerstag, 3. Dezember", "en": "Day: Thursday, 3 December"}[lang] in mail.text


@pytest.mark.parametrize("lang", READ)
@pytest.mark.parametrize("purpose", [Purpose.WAITING, Purpose.OFFER_EXPIRED])
def test_whoever_waits_learns_how_to_leave(purpose: Purpose, lang: str) -> None:
    leave = {"de": "Warteliste verlassen", "en": "leave the waiting list"}[lang]
    keep = {"de": "Ihren Termin behalten Sie", "en": "You keep your appointment"}[lang]
    timed, waiting = a_mail(purpose, lang), a_mail(purpose, lang, **NO_TIME)
    for part in (timed.text, timed.html, waiting.text, waiting.html):
        assert leave in part
    assert keep in timed.text
    assert keep in timed.html
    assert keep not in waiting.text + waiting.html


MOVES = {
    "de": ("Ihr Termin wurde verschoben", "Wir haben Ihren Termin verlegt", "Wir mussten Ihren Termin verlegen"),
    "en": ("Your appointment has been moved", "We have moved your appointment", "We had to move your appointment"),
}


@pytest.mark.parametrize("lang", READ)
@pytest.mark.parametrize(
    ("by", "reason", "said"),
    [("citizen", None, 0), ("staff", None, 1), ("staff", "absence", 2), ("staff", "new", 2), ("system", None, 2)],
)
def test_moved_mail_says_who_moved_it(by: str, reason: str | None, said: int, lang: str) -> None:
    """What happened later changes nothing about who it was."""
    taken = (("confirmed", "citizen"), ("rescheduled", by), ("joined_waiting_list", "citizen"))
    state: dict[str, Any] = {"steps": tuple(Step(step=s, at=NOW, by=who) for s, who in taken), "reason": reason}
    mail, sms = a_mail(Purpose.RESCHEDULED, lang, **state), an_sms(Purpose.RESCHEDULED, lang, **state)
    assert mail.subject == MOVES[lang][said]
    for part in (mail.text, Words(mail.html).text, sms):
        assert [words in part for words in MOVES[lang]] == [n == said for n in range(3)]
    absence = {"de": "zuständige Person", "en": "person in charge"}[lang]
    assert (absence in mail.text) is (absence in mail.html) is (reason == "absence")
