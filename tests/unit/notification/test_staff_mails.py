"""Lists by mail to the office's own people: in German, complete, and without anybody's name."""

from dataclasses import replace
from datetime import timedelta

from services.notification.purposes import Purpose
from services.notification.staff_mails import Row, SendStaff
from shared.contracts.offices import Theme
from tests.unit.notification.builders import NOW, VISIT, a_delivery, an_office
from tests.unit.notification.rendered import RENDERER, Words

ROWS = tuple(
    Row(
        starts_at=VISIT + timedelta(minutes=20 * n),
        code=code,
        service="eat_pickup",
        team="service_point",
        lane="counter_1",
        persons=n + 1,
        reason=reason,
    )
    for n, (code, reason) in enumerate((("K7MQ4XPA", "closed"), ("QC41T0ZB", "something-new")))
)
LIST = SendStaff(
    to="team@amt.example",
    office=an_office(),
    day=VISIT.date(),
    as_of=NOW,
    rows=ROWS,
    url="https://termine.example/staff/day?a=1&b=2",
)


def test_the_list_of_a_day_names_times_and_codes() -> None:
    mail = RENDERER.staff_mail(replace(a_delivery(), purpose=Purpose.DAY_LIST), LIST)
    assert (mail.to, mail.language, mail.calendar) == ("team@amt.example", "de", None)
    assert mail.subject == "Termine am Donnerstag, 3. Dezember 2026"
    assert "Stand 22.11.2026, 13:00 Uhr: 2 Termine." in mail.text
    assert (
        "10:30, K7MQ4XPA, Abholung des elektronischen Aufenthaltstitels (eAT), Servicepoint, counter_1, 1\n"
        in (mail.text)
    )
    words = Words(mail.html)
    cells = [tag for tag, _ in words.tags if tag == "td"]
    assert len(cells) == 2 * 5
    assert ("th", "col") in [(tag, attributes.get("scope")) for tag, attributes in words.tags]
    assert "https://termine.example/staff/day?a=1&b=2" in mail.text
    assert "day?a=1&amp;b=2" in mail.html


def test_conflicts_say_why_each_is_one() -> None:
    mail = RENDERER.staff_mail(replace(a_delivery(), purpose=Purpose.CONFLICTS), LIST)
    assert mail.subject == "Termine, die umgeplant werden müssen: 2"
    assert "03.12.2026 10:30, K7MQ4XPA" in mail.text
    assert mail.text.index("geschlossen") < mail.text.index("QC41T0ZB") < mail.text.index("something-new")


def test_an_empty_day_is_said_in_words() -> None:
    mail = RENDERER.staff_mail(replace(a_delivery(), purpose=Purpose.DAY_LIST), replace(LIST, rows=(), url=""))
    assert "An diesem Tag ist niemand angemeldet." in mail.text
    assert "\n\n\n" not in mail.text
    assert "<a " not in mail.html


def test_links_have_the_colour_of_the_office() -> None:
    office = an_office().model_copy(update={"theme": Theme(accent="#8a1538")})
    usual, own = (
        RENDERER.staff_mail(replace(a_delivery(), purpose=Purpose.DAY_LIST), replace(LIST, office=one)).html
        for one in (an_office(), office)
    )
    assert 'style="color:#00427a"' in usual
    assert 'style="color:#8a1538"' in own
