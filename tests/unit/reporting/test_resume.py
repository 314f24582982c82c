"""The résumé's sentences are right for none, one, many, and where a figure is missing."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from email import message_from_bytes, policy

import pytest

from services.reporting.domain import Group, Tally
from services.reporting.domain.periods import Period
from services.reporting.mailing import last_period, letter
from services.reporting.resume import Resume, as_html, as_pdf
from services.reporting.resume.building import assembled
from services.reporting.resume.sentences import compared, counted, during, listed, paragraphs
from services.reporting.views import Selection, View

QUARTER = Period(date(2026, 7, 1), date(2026, 10, 1))


def a_view(
    now: Mapping[str, int],
    before: Mapping[str, int] | None = None,
    *,
    days: int = 0,
    waiting: tuple[int, ...] = (),
) -> View:
    tally, then = Tally(Counter(now)), Tally(Counter(before or {}))
    if days:
        tally.histogram("lead_days")[days] += 1
    tally.histogram("waiting_minutes").update(waiting)
    nothing = dict.fromkeys((Group.TEAM, Group.SERVICE, Group.MUNICIPALITY, Group.CHANNEL), ())
    return View(Selection(QUARTER), tally.values(), then.values(), (), nothing)


def a_resume() -> Resume:
    view = a_view({"confirmed": 12, "persons": 20, "kept": 9}, days=3)
    return assembled(view, [], now=datetime(2026, 10, 1, 6, 0, tzinfo=UTC))


def said(
    now: Mapping[str, int],
    before: Mapping[str, int] | None = None,
    *,
    days: int = 0,
    waiting: tuple[int, ...] = (),
) -> str:
    return (
        " ".join(paragraphs(a_view(now, before, days=days, waiting=waiting)))
        .replace("\u00a0", " ")
        .replace("\u202f", " ")
    )


def test_nothing_at_all_is_one_sentence() -> None:
    assert said({}) == "Im 3. Quartal 2026 wurde kein Termin gebucht."


def test_one_of_everything_stays_singular() -> None:
    once = ("confirmed", "persons", "persons_under_6", "kept", "no_shows", "walk_ins", "cancelled_by_office",
            "searches", "out_of_area", "waiting_list_joined", "waiting_list_accepted", "messages_sent",
            "messages_failed", "cancelled_by_citizen", "cancelled_late")  # fmt: skip
    text = said(dict.fromkeys(once, 1), days=1)
    for sentence in (
        "Im 3. Quartal 2026 wurde ein Termin gebucht.",
        "Er galt einer Person, darunter ein Kind unter 6 Jahren.",
        "lag höchstens einen Tag voraus",
        "Ein Termin wurde wahrgenommen, zu einem erschien niemand; das ist eine Ausfallquote von 50,0 %.",
        "Ein Besuch kam ohne Termin.",
        "Einen Termin sagten Bürgerinnen oder Bürger weniger als 24 Stunden vorher ab.",
        "Einen Termin musste die Behörde absagen.",
        "Freie Zeiten wurden einmal abgefragt, nie ohne Ergebnis.",
        "Eine Anfrage nannte eine Gemeinde,",
        "Auf die Warteliste kam eine Anmeldung; angenommen wurde ein Angebot.",
        "Es wurde eine Nachricht versendet. Eine schlug fehl.",
    ):
        assert sentence in text


def test_many_are_compared_with_the_period_before() -> None:
    text = said({"confirmed": 1234, "persons": 1500}, {"confirmed": 1000})
    assert "wurden 1 234 Termine gebucht, 23,4 % mehr als im Zeitraum davor (1 000)." in text
    assert "Sie galten 1 500 Personen." in text


def test_used_time_is_told_where_it_was_planned() -> None:
    text = said({"planned_minutes": 6000, "booked_minutes": 3000})
    assert "Geplant waren 100 Stunden Schalterzeit. Gebucht waren davon 50,0 %, mit Besuchen genutzt 0 %." in text
    assert "Schalterzeit" not in said({"booked_minutes": 30})


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        ((0,) * 10, "Vor Ort kamen neun von zehn sofort an die Reihe."),
        (
            (0,) * 6 + (12,) * 4,
            "Vor Ort kam die Hälfte sofort an die Reihe, neun von zehn warteten höchstens 12 Minuten.",
        ),
        (
            (3,) * 6 + (12,) * 4,
            "Vor Ort wartete die Hälfte höchstens 3 Minuten, neun von zehn höchstens 12 Minuten.",
        ),
    ],
)
def test_waiting_is_told_as_people_wait(minutes: tuple[int, ...], text: str) -> None:
    assert text in said({"confirmed": 10}, waiting=minutes)


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (5, 0, ""),
        (5, None, ""),
        (None, 5, ""),
        (5, 5, ", ebenso viele wie im Zeitraum davor"),
        (0, 4, ", 100\u00a0% weniger als im Zeitraum davor (4)"),
    ],
)
def test_comparison_needs_something_before(now: int | None, before: int | None, text: str) -> None:
    assert compared(now, before) == text


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (QUARTER, "Im 3. Quartal 2026"),
        (Period(date(2026, 8, 1), date(2026, 9, 1)), "Im August 2026"),
        (Period(date(2026, 8, 1), date(2026, 8, 2)), "Am 01.08.2026"),
        (Period(date(2026, 8, 1), date(2026, 8, 15)), "Vom 01.08.2026 bis 14.08.2026"),
        (Period(date(2026, 9, 1), date(2026, 12, 1)), "Von September bis November 2026"),
        (Period(date(2026, 11, 1), date(2027, 2, 1)), "Von November 2026 bis Januar 2027"),
    ],
)
def test_period_is_said_as_people_do(period: Period, text: str) -> None:
    assert during(period) == text


def test_small_words_agree() -> None:
    assert [counted(n, "keiner", "einer", "{n} viele") for n in (None, 0, 1, 2)] == [
        "keiner", "keiner", "einer", "2 viele"
    ]  # fmt: skip
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a und b", "a, b und c"]


def test_same_figures_give_the_same_bytes() -> None:
    assert as_pdf(a_resume()) == as_pdf(a_resume())


def test_empty_period_is_a_resume_too() -> None:
    empty = assembled(a_view({}), [], now=datetime(2026, 10, 1, tzinfo=UTC))
    assert as_pdf(empty).startswith(b"%PDF")
    assert "kein Termin" in as_html(empty)


def test_names_cannot_become_markup() -> None:
    view = a_view({"confirmed": 12})
    odd = Selection(QUARTER, '<script>#panic("x")</script> $ _a_ *b* @c')
    resume = assembled(
        View(odd, view.now, view.before, (), view.compared), [], now=datetime(2026, 10, 1, tzinfo=UTC)
    )
    assert "<script>" not in as_html(resume)
    assert as_pdf(resume).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("every", "now", "since"),
    [
        ("quarter", datetime(2026, 10, 1, 5, 59, tzinfo=UTC), None),
        ("quarter", datetime(2026, 10, 1, 6, 0, tzinfo=UTC), date(2026, 7, 1)),
        ("quarter", datetime(2026, 12, 31, 23, 0, tzinfo=UTC), date(2026, 7, 1)),
        ("month", datetime(2027, 1, 2, 0, 0, tzinfo=UTC), date(2026, 12, 1)),
        ("month", datetime(2026, 3, 1, 5, 0, tzinfo=UTC), None),
    ],
)
def test_period_is_due_in_the_morning_after_it(every: str, now: datetime, since: date | None) -> None:
    due = last_period(every, now)
    assert (due.since if due else None) == since


def test_letter_carries_the_pdf_and_says_what_it_is() -> None:
    message = letter(a_resume(), b"%PDF-x", sender="Amt <amt@example.org>", to="rat@example.org")
    read = message_from_bytes(bytes(message), policy=policy.default)
    assert read["Subject"] == "Résumé der Terminvergabe: 3. Quartal 2026"
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["Message-ID"].endswith("@example.org>")
    (attached,) = read.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("resume_2026-07-01_2026-09-30.pdf", b"%PDF-x")
