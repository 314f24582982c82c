"""German sentences from figures, right for none, one, many, and where a figure is missing."""

from collections.abc import Iterator

from services.reporting.domain import Value
from services.reporting.domain.periods import Period, month_of, quarter_of
from services.reporting.views import Values, View, figure
from services.reporting.words import Words

_WORDS = Words("de")
_MINUTES_PER_HOUR = 60
_MONTHS = (
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
)


def paragraphs(view: View) -> list[str]:
    """One for each subject that there is anything to say about."""
    now, before = view.now, view.before
    told = (
        [*_bookings(now, before, during(view.selection.period)), *_channels(now)],
        [*_lead_time(now, before), *_next_free(now)],
        [*_visits(now, before), *_cancelled(now), *_waiting(now)],
        _use(now, before),
        [*_demand(now), *_waiting_list(now)],
        _messages(now),
    )
    return [" ".join(sentences) for each in told if (sentences := list(each))]


def during(period: Period) -> str:
    if period == quarter_of(period.since):
        return f"Im {_WORDS.period(period)}"
    if period == month_of(period.since):
        return f"Im {_MONTHS[period.since.month - 1]} {period.since.year}"
    if period.days == 1:
        return f"Am {_WORDS.full_day(period.since)}"
    if period.is_whole_months:
        first, last = period.since, period.last_day
        year = "" if first.year == last.year else f" {first.year}"
        return f"Von {_MONTHS[first.month - 1]}{year} bis {_MONTHS[last.month - 1]} {last.year}"
    return f"Vom {_WORDS.full_day(period.since)} bis {_WORDS.full_day(period.last_day)}"


def counted(number: Value, none: str, one: str, many: str) -> str:
    """`{n}` in `many` is the number."""
    if not number:
        return none
    return one if number == 1 else many.format(n=_WORDS.number(number))


def compared(now: Value, before: Value) -> str:
    """ ", 12 % mehr als im Zeitraum davor (110)"; nothing where there was nothing before."""
    if not before or now is None:
        return ""
    if now == before:
        return ", ebenso viele wie im Zeitraum davor"
    share = _WORDS.number(abs(round((now - before) * 100 / before, 1)))
    word = "mehr" if now > before else "weniger"
    return f", {share}\u00a0% {word} als im Zeitraum davor ({_WORDS.number(before)})"


def _bookings(now: Values, before: Values, period: str) -> Iterator[str]:
    booked = now["confirmed"]
    change = compared(booked, before["confirmed"])
    yield counted(
        booked,
        f"{period} wurde kein Termin gebucht{change}.",
        f"{period} wurde ein Termin gebucht{change}.",
        f"{period} wurden {{n}} Termine gebucht{change}.",
    )
    if booked:
        persons = counted(now["persons"], "niemandem", "einer Person", "{n} Personen")
        small = counted(now["persons_under_6"], "", ", darunter ein Kind unter 6 Jahren",
                        ", darunter {n} Kinder unter 6 Jahren")  # fmt: skip
        yield f"{'Er galt' if booked == 1 else 'Sie galten'} {persons}{small}."


def _channels(now: Values) -> Iterator[str]:
    shares = [
        (_share("online_share", now), "online"),
        (_share("phone_share", now), "am Telefon"),
        (_share("counter_share", now), "am Schalter"),
    ]
    told = [f"{share} {where}" for share, where in shares if share]
    if told:
        yield f"Gebucht wurde zu {listed(told)}."


def _lead_time(now: Values, before: Values) -> Iterator[str]:
    half, most = now["lead_days_median"], now["lead_days_p90"]
    if half is None or most is None:
        return
    earlier = before["lead_days_median"]
    then = "" if earlier is None else f" (davor {_days(earlier)})"
    yield (
        f"Die Hälfte der gebuchten Termine lag höchstens {_days(half)} voraus{then}, "
        f"neun von zehn höchstens {_days(most)}."
    )
    if share := _share("within_14_days_share", now):
        yield f"Innerhalb von 14 Tagen lagen {share}."


def _next_free(now: Values) -> Iterator[str]:
    half, in_vain = now["next_free_days_median"], now["nothing_free_share"]
    if half == 0:
        yield "Der nächste freie Termin war meist noch am selben Tag."
    elif half is not None:
        yield f"Bis zum nächsten freien Termin waren es meist {_days(half)} (Median der stündlichen Messungen)."
    if in_vain:
        yield f"Bei {_share('nothing_free_share', now)} der Messungen war im ganzen Buchungszeitraum nichts frei."


def _visits(now: Values, before: Values) -> Iterator[str]:
    kept, missed = now["kept"], now["no_shows"]
    if kept or missed:
        came = counted(
            kept,
            "Kein Termin wurde wahrgenommen",
            "Ein Termin wurde wahrgenommen",
            "{n} Termine wurden wahrgenommen",
        )
        left = counted(missed, "niemand blieb aus", "zu einem erschien niemand", "zu {n} erschien niemand")
        yield f"{came}, {left}{_rate(now, before)}."
    if now["walk_ins"]:
        yield counted(now["walk_ins"], "", "Ein Besuch kam ohne Termin.", "{n} Besuche kamen ohne Termin.")


def _rate(now: Values, before: Values) -> str:
    if not now["no_shows"] or now["no_show_rate"] is None:
        return ""
    then = _share("no_show_rate", before)
    return f"; das ist eine Ausfallquote von {_share('no_show_rate', now)}" + (f" (davor {then})" if then else "")


def _cancelled(now: Values) -> Iterator[str]:
    by_people = (now["cancelled_by_citizen"] or 0) + (now["cancelled_by_staff"] or 0)
    late = counted(
        now["cancelled_late"],
        "",
        ", davon einen weniger als 24 Stunden vorher",
        ", davon {n} weniger als 24 Stunden vorher",
    )
    if by_people == 1:
        when = " weniger als 24 Stunden vorher" if late else ""
        yield f"Einen Termin sagten Bürgerinnen oder Bürger{when} ab."
    elif by_people:
        yield f"{_WORDS.number(by_people)} Termine sagten Bürgerinnen und Bürger ab{late}."
    if by_office := now["cancelled_by_office"]:
        how_many = counted(by_office, "", "Einen Termin", "{n} Termine")
        yield f"{how_many} musste die Behörde absagen."


def _waiting(now: Values) -> Iterator[str]:
    half, most = now["waiting_minutes_median"], now["waiting_minutes_p90"]
    if half is None or most is None:
        return
    if half:
        yield f"Vor Ort wartete die Hälfte höchstens {_minutes(half)}, neun von zehn höchstens {_minutes(most)}."
    elif most:
        yield f"Vor Ort kam die Hälfte sofort an die Reihe, neun von zehn warteten höchstens {_minutes(most)}."
    else:
        yield "Vor Ort kamen neun von zehn sofort an die Reihe."


def _use(now: Values, before: Values) -> Iterator[str]:
    if not now["planned_minutes"]:
        return
    hours = round(now["planned_minutes"] / _MINUTES_PER_HOUR)
    planned = counted(
        hours, "Geplant war weniger als eine Stunde", "Geplant war eine Stunde", "Geplant waren {n} Stunden"
    )
    booked, used = (_share(name, now) or "0\u00a0%" for name in ("booked_share", "used_share"))
    then = _share("booked_share", before)
    earlier = f" (davor {then})" if then else ""
    yield f"{planned} Schalterzeit. Gebucht waren davon {booked}{earlier}, mit Besuchen genutzt {used}."


def _demand(now: Values) -> Iterator[str]:
    if not now["searches"]:
        return
    share = _share("searches_without_result_share", now)
    asked = counted(
        now["searches"], "", "Freie Zeiten wurden einmal abgefragt", "Freie Zeiten wurden {n}-mal abgefragt"
    )
    yield f"{asked}; {share} der Abfragen blieben ohne Ergebnis." if share else f"{asked}, nie ohne Ergebnis."
    if now["out_of_area"]:
        named = counted(now["out_of_area"], "", "Eine Anfrage nannte", "{n} Anfragen nannten")
        yield f"{named} eine Gemeinde, für die eine andere Behörde zuständig ist."


def _waiting_list(now: Values) -> Iterator[str]:
    if not now["waiting_list_joined"]:
        return
    joined = counted(now["waiting_list_joined"], "", "Auf die Warteliste kam eine Anmeldung",
                     "Auf die Warteliste kamen {n} Anmeldungen")  # fmt: skip
    taken = counted(now["waiting_list_accepted"], "angenommen wurde kein Angebot", "angenommen wurde ein Angebot",
                    "angenommen wurden {n} Angebote")  # fmt: skip
    yield f"{joined}; {taken}."


def _messages(now: Values) -> Iterator[str]:
    lost = (now["messages_failed"] or 0) + (now["messages_undeliverable"] or 0)
    if not now["messages_sent"] and not lost:
        return
    yield counted(
        now["messages_sent"],
        "Es wurde keine Nachricht versendet.",
        "Es wurde eine Nachricht versendet.",
        "Es wurden {n} Nachrichten versendet.",
    )
    yield counted(lost, "Keine schlug fehl.", "Eine schlug fehl.", "{n} schlugen fehl.")


def _share(name: str, values: Values) -> str:
    """Empty where there is none, or nothing of it."""
    value = values[name]
    return _WORDS.value(figure(name), value) if value else ""


def _days(days: Value) -> str:
    return counted(days, "0\u00a0Tage", "einen\u00a0Tag", "{n}\u00a0Tage")


def _minutes(minutes: Value) -> str:
    return counted(minutes, "0\u00a0Minuten", "eine\u00a0Minute", "{n}\u00a0Minuten")


def listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} und {parts[-1]}"
