"""The catalogues: whole, with the right gaps, honest about who has read them, and German where one fails."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from babel.messages.catalog import Catalog
from jinja2 import Environment

from services.notification import saying, translating
from services.notification.catalogues import FALLBACK, LANGUAGES, direction, language_for, words
from services.notification.purposes import Purpose
from services.notification.rendering import TEMPLATES
from services.notification.translating import flaws, messages, read, reviewed
from tests.unit.notification.rendered import SMS, Words, a_mail, an_sms

TRANSLATED = [lang for lang in LANGUAGES if lang != FALLBACK]
LINK = "https://termine.example/t/0192aaaa#manage-s3cret"
SAID = messages()
TO_STAFF_ONLY = ("staff.j2", "day_list.j2", "conflicts.j2")


def test_twelve_languages_are_there() -> None:
    assert set(LANGUAGES) == {"ar", "de", "de-x-leicht", "en", "fa", "hr", "it", "ro", "ru", "sq", "tr", "uk"}
    assert [lang for lang in LANGUAGES if direction(lang) == "rtl"] == ["ar", "fa"]


@pytest.mark.parametrize("template", sorted(file.name for file in TEMPLATES.iterdir() if file.is_file()))
def test_templates_say_nothing_that_no_catalogue_gets(template: str) -> None:
    source = (TEMPLATES / template).read_text()
    if template in TO_STAFF_ONLY or template.startswith("parts."):
        return
    said = "".join(text for _, kind, text in Environment(autoescape=True).lex(source) if kind == "data")
    assert not re.search(r"\w", said)


@pytest.mark.parametrize("lang", TRANSLATED)
def test_nothing_is_missing_doubtful_or_left_over(lang: str) -> None:
    assert flaws(read(lang), SAID) == []
    assert reviewed(lang) == "no" or reviewed(lang).startswith("yes, ")


def test_easy_language_is_no_copy_of_the_german() -> None:
    easy = [m for m in read("de-x-leicht") if m.id and not isinstance(m.id, tuple)]
    same = [message.id for message in easy if message.id == message.string]
    assert len(same) < len(easy) / 5
    longest = max(len(line.split()) for message in easy for line in str(message.string).splitlines())
    assert longest <= 14


@pytest.mark.parametrize(
    ("id", "string", "flaw"),
    [
        ("Guten Tag,", "", "missing: 'Guten Tag,'"),
        ("Guten Abend,", "Good evening,", "nobody needs any more: 'Guten Abend,'"),
        ("Ihr Code: %(code)s.", "Your code.", "has the gaps [] instead of ['%(code)s']: 'Ihr Code: %(code)s.'"),
        ("Guten Tag,", "Hello %s,", "has a % that begins no gap: 'Guten Tag,'"),
        ("Guten Tag,", "<b>Hello</b>,", "has signs that are markup: 'Guten Tag,'"),
    ],
)
def test_what_is_wrong_with_a_catalogue_is_named(id: str, string: str, flaw: str) -> None:
    catalogue = read("en")
    catalogue.delete(id)
    catalogue.add(id, string)
    assert flaws(catalogue, SAID) == [flaw]


def test_a_fuzzy_text_and_a_missing_plural_are_named() -> None:
    catalogue = read("uk")
    for id in ("Guten Tag,", "%(num)s Person"):
        catalogue.delete(id)
    catalogue.add("Guten Tag,", "Добрий день!", flags=["fuzzy"])
    catalogue.add(("%(num)s Person", "%(num)s Personen"), ("%(num)s особа", "%(num)s особи"))
    found = flaws(catalogue, SAID)
    assert "nobody has looked at it again (fuzzy): 'Guten Tag,'" in found
    assert "needs 3 plural forms: '%(num)s Person'" in found


def test_what_a_catalogue_lacks_is_said_in_german() -> None:
    said = words("tr")
    assert said.gettext("Guten Tag,") == "İyi günler,"
    assert said.gettext("Das hat noch niemand übersetzt.") == "Das hat noch niemand übersetzt."
    assert said.ngettext("%(num)s Haus", "%(num)s Häuser", 2) == "%(num)s Häuser"


@pytest.mark.parametrize(
    ("lang", "numbers"),
    [
        ("de", {1: "1 Person", 2: "2 Personen"}),
        ("en", {1: "1 person", 6: "6 persons"}),
        ("tr", {1: "1 kişi", 5: "5 kişi"}),
        ("uk", {1: "1 особа", 2: "2 особи", 5: "5 осіб", 11: "11 осіб", 21: "21 особа"}),
        ("ru", {1: "1 человек", 3: "3 человека", 6: "6 человек", 12: "12 человек"}),
        ("hr", {1: "1 osoba", 4: "4 osobe", 5: "5 osoba"}),
        ("ro", {1: "1 persoană", 2: "2 persoane", 20: "20 de persoane"}),
        ("ar", {1: "شخص واحد", 2: "شخصان", 3: "3 أشخاص", 11: "11 شخصًا"}),
        ("fa", {1: "1 نفر", 6: "6 نفر"}),
    ],
)
def test_numbers_take_the_form_that_the_language_has_for_them(lang: str, numbers: dict[int, str]) -> None:
    assert {number: saying.persons(number, lang) for number in numbers} == numbers
    persons = numbers[1]
    assert persons in a_mail(Purpose.REMINDER, lang, persons=1).text


@pytest.mark.parametrize("lang", ["ar", "fa"])
def test_signs_stand_apart_from_a_text_that_runs_to_the_left(lang: str) -> None:
    mail, sms = a_mail(Purpose.CONFIRM_REQUEST, lang), an_sms(Purpose.REMINDER, lang)
    for sign in ("482913", "K7MQ4XPA", "A. Y.", "+49 7433 92-1311", "Grünewaldstraße 15, 72336 Balingen"):
        assert f"\u2068{sign}\u2069" in mail.text
        assert f"<bdi>{sign}</bdi>" in mail.html
    assert 'dir="rtl"' in mail.html
    assert '<bdi lang="de">Abholung' in mail.html
    assert sms.startswith("\u200f\u2068Landratsamt Zollernalbkreis\u2069: ")
    # A link that is followed by an invisible sign does not open.
    assert "https://termine.example/c/0192aaaa#confirm-s3cret\n" in mail.text
    assert sms.endswith(LINK)


@pytest.mark.parametrize("lang", [lang for lang in LANGUAGES if direction(lang) == "ltr"])
def test_texts_that_run_to_the_right_hold_no_invisible_signs(lang: str) -> None:
    for purpose in SMS:
        assert not set("\u2068\u2069\u200f") & set(a_mail(purpose, lang).text + an_sms(purpose, lang))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("purpose", SMS)
def test_sms_leave_room_for_their_link(purpose: Purpose, lang: str) -> None:
    """One text of 160 signs, or three of 67 where the script needs it and the link is short."""
    assert len(an_sms(purpose, lang).removesuffix(LINK)) <= 160


@pytest.mark.parametrize("lang", ["de", "de-x-leicht", "en", "it"])
@pytest.mark.parametrize("purpose", SMS)
def test_sms_stay_with_the_cheap_letters(purpose: Purpose, lang: str) -> None:
    cheap = set("@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà")
    assert {sign for sign in an_sms(purpose, lang) if not (sign.isascii() and sign.isalnum())} <= cheap


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_message_shows_a_gap_or_another_language(lang: str) -> None:
    foreign = () if lang.startswith("de") else ("Bitte", "Uhr", "Ihr", "Sie ")
    for purpose in SMS:
        mail = a_mail(purpose, lang)
        for shown in (Words(mail.html).text, mail.text, mail.subject, an_sms(purpose, lang)):
            for sign in ("%(", "None", "\ue000", "\\n", *foreign):
                assert sign not in shown


def test_office_time_has_twenty_four_hours_in_every_language() -> None:
    evening = datetime(2026, 12, 3, 16, 5, tzinfo=UTC)
    for lang in LANGUAGES:
        assert "17:05" in a_mail(Purpose.REMINDER, lang, starts_at=evening).text
        assert "03.12.2026" in an_sms(Purpose.REMINDER, lang, starts_at=evening)


@pytest.mark.parametrize(
    ("tag", "lang"), [("de-x-leicht", "de-x-leicht"), ("AR-sy", "ar"), ("fa_AF", "fa"), ("uk", "uk"), ("pl", "de")]
)
def test_the_nearest_language_is_taken(tag: str, lang: str) -> None:
    assert language_for(tag) == lang


def test_a_catalogue_is_read_in_a_moment() -> None:
    """Each process reads a language when somebody first needs it, while a message waits."""
    words.cache_clear()
    began = time.process_time()
    for lang in LANGUAGES:
        words(lang)
    assert timedelta(seconds=time.process_time() - began) / len(LANGUAGES) < timedelta(milliseconds=100)


def test_renewing_a_catalogue_keeps_what_holds_and_drops_the_rest() -> None:
    old = Catalog(locale="en")
    old.add("Guten Tag,", "Hello,")
    old.add("Guten Abend,", "Good evening,")
    renewed = translating.renewed(old, SAID)
    assert {m.id for m in renewed} == {m.id for m in SAID}
    kept = renewed.get("Guten Tag,")
    assert kept is not None
    assert kept.string == "Hello,"
