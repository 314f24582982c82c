"""The parts of the pages that need no server: what travels, the month, languages and German typography."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request

from services.booking.domain.office import Member
from services.booking.web.assets import asset
from services.booking.web.citizen.calendar import sheet
from services.booking.web.citizen.faults import SAID
from services.booking.web.citizen.journey import Journey
from services.booking.web.citizen.typed import Typed
from services.booking.web.languages import CATALOGUES, NAMES, language_of
from services.booking.web.saying import weekdays, when
from services.booking.web.translating import TEXTS
from services.booking.web.typesetting import breakable, together
from shared.catalogues import direction
from shared.translating import flaws

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, LAST = date(2026, 12, 1), date(2027, 1, 26)


def test_a_journey_comes_out_as_it_went_in() -> None:
    journey = Journey(
        lang="ar", office="zak", homes=("08417031", "08417002"), service="eat_pickup", more=("eat_pin",), small=1,
        yes=("pin_letter",), no=("urgent",), invitation="a.b", entry="entry.1",
    )  # fmt: skip
    assert Journey.read(QueryParams(journey.url("/").partition("?")[2]), lang="ar") == journey


def test_what_our_pages_do_not_write_is_left_out_of_a_journey() -> None:
    values = QueryParams(
        [("home", "0841"), ("home", "08417031"), ("service", "../x"), ("small", "-1"), ("yes", "<")]
    )
    assert Journey.read(values, lang="de") == Journey(lang="de", homes=("08417031",))


def test_the_last_of_a_family_are_its_small_children_and_never_all() -> None:
    journey = Journey(lang="de", homes=("08417031", "08417031", "08417002"), small=5)
    assert journey.members == (Member("08417031"), Member("08417031", True), Member("08417002", True))


def test_faults_are_told_by_field_and_typed_text_stays() -> None:
    typed = Typed.read(FormData([("family_name", " 3 "), ("email", "x"), ("phone", "12"), ("need", "seat")]))
    assert typed.faults(countries=frozenset()).keys() == {"family_name", "email", "phone"}
    assert (typed.family_name, typed.needs) == ("3", ("seat",))
    assert "x" not in repr(typed)


@pytest.mark.parametrize(
    ("email", "phone", "sms", "field"),
    [
        ("", "", False, "email"),
        ("", "0151 23456789", False, "sms"),
        ("a@example.org", "07433 921311", True, "phone"),
        ("a@example.org", "07433 921311", False, None),
        ("", "0151 23456789", True, None),
    ],
)
def test_there_must_be_a_way_to_ask_for_confirmation(email: str, phone: str, sms: bool, field: str | None) -> None:
    typed = Typed(family_name="Öztürk", email=email, phone=phone, sms=sms)
    assert list(typed.faults(countries=frozenset({"DE"}))) == ([field] if field else [])


def test_a_month_begins_on_monday_and_shows_the_first_free_day() -> None:
    days = {date(2026, 12, 3): [at(3, 8), at(3, 14)], date(2027, 1, 4): [at(4, 9, month=1, year=2027)]}
    shown = sheet(days, first=FIRST, last=LAST)
    assert (shown.month, shown.day) == (date(2026, 12, 1), date(2026, 12, 3))
    assert shown.weeks[0] == [None, *(date(2026, 12, n) for n in range(1, 7))]
    assert (shown.mornings, shown.afternoons) == ([at(3, 8)], [at(3, 14)])
    assert (shown.before, shown.after) == (None, date(2027, 1, 1))


def test_a_month_without_free_days_names_the_next_one() -> None:
    days = {date(2027, 1, 4): [at(4, 9, month=1, year=2027)]}
    shown = sheet(days, first=FIRST, last=LAST, month="2026-12")
    assert (shown.day, shown.next_free) == (None, date(2027, 1, 4))


@pytest.mark.parametrize("nonsense", ["2026-13", "0000-00", "9999-99", "x" * 7, "2031-01"])
def test_a_month_out_of_reach_is_the_nearest_one(nonsense: str) -> None:
    shown = sheet({}, first=FIRST, last=LAST, month=nonsense, day=nonsense)
    assert date(2026, 12, 1) <= shown.month <= date(2027, 1, 1)


def at(day: int, hour: int, *, month: int = 12, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("url", "header", "lang"),
    [("", "", "de"), ("", "fr, tr;q=0.8, en;q=0.9", "en"), ("", "uk-UA,uk;q=0.9", "uk"), ("lang=ar", "en", "ar"),
     ("lang=xx", "en;q=0", "de"), ("lang=../../x", "it;q=oops, ro", "ro"), ("", "*", "de")],
)  # fmt: skip
def test_the_page_comes_in_the_chosen_or_the_browsers_language(url: str, header: str, lang: str) -> None:
    scope = {"type": "http", "query_string": url.encode(), "headers": [(b"accept-language", header.encode())]}
    assert language_of(Request(scope)) == lang


def test_every_language_is_whole_and_calls_itself_by_its_name() -> None:
    assert set(NAMES) == set(CATALOGUES.languages)
    assert {lang for lang in NAMES if direction(lang) == "rtl"} == {"ar", "fa"}
    said = TEXTS.messages()
    assert [flaw for lang in TEXTS.translated for flaw in flaws(TEXTS.read(lang), said)] == []
    assert {TEXTS.reviewed(lang) for lang in TEXTS.translated} == {"no"}


def test_every_fault_says_what_to_do_next() -> None:
    for status, heading, text in SAID.values():
        assert 400 <= status < 600
        assert heading
        assert text.endswith(".")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("um 8 Uhr", "um 8\u00a0Uhr"),
        ("nach § 81 Abs. 4", "nach §\u00a081 Abs.\u00a04"),
        ("z. B. 5 Tage", "z.\u00a0B. 5\u00a0Tage"),
    ],
)
def test_what_belongs_together_stays_on_one_line(written: str, kept: str) -> None:
    assert together(written) == kept


def test_long_words_break_where_they_join() -> None:
    assert breakable("Verpflichtungserklärung") == "Verpflichtungs\u00aderklärung"
    assert breakable("des Aufenthaltstitels").count("\u00ad") == 1


def test_times_are_said_as_the_reader_does() -> None:
    moment = datetime(2026, 12, 3, 8, 10, tzinfo=BERLIN)
    assert when(moment, "de") == "Donnerstag, 3. Dezember 2026, 08:10\u00a0Uhr"
    assert when(moment, "en").startswith("Thursday, 3 December 2026")
    assert "03.12.2026" in when(moment, "ar")
    assert weekdays("de")[0] == ("Mo.", "Montag")


def test_static_files_are_named_by_their_content() -> None:
    assert asset("style.css").startswith("/static/style.")
    with pytest.raises(KeyError):
        asset("../pages.py")
