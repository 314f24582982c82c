"""The figures: names, titles and definitions. API, dashboard and docs/figures.md are made from these."""

from dataclasses import dataclass
from enum import StrEnum

MESSAGE_OUTCOMES = ("sent", "failed", "undeliverable", "superseded", "expired")


class Group(StrEnum):
    """By what figures may be grouped, in the order of the columns."""

    DAY = "day"
    OFFICE = "office"
    SERVICE = "service"
    TEAM = "team"
    MUNICIPALITY = "municipality"
    CHANNEL = "channel"

    @property
    def definition(self) -> str:
        return _GROUPS[self]


_GROUPS = {
    Group.DAY: "Local day (REPORTING_TIMEZONE), ISO date. Each figure says which day counts.",
    Group.OFFICE: "Id of the office.",
    Group.SERVICE: "Id of the service; null for searches and messages, which know none.",
    Group.TEAM: "Id of the team; null for searches and messages.",
    Group.MUNICIPALITY: "Official key (AGS) of the lead person's municipality; for `out_of_area` the one "
    "that was asked about; null for messages and other searches.",
    Group.CHANNEL: "How an appointment was booked (`web`, `staff`), or how a message went (`email`, `sms`); "
    "null for searches.",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """`percent` is set where the figure is a percentile of the histogram `lead_days`; null without values."""

    name: str
    title: dict[str, str]
    definition: dict[str, str]
    percent: int | None = None


FIGURES = (
    Figure(
        "held",
        {"de": "Reserviert", "en": "Held"},
        {
            "de": "Termine, für die eine Zeit reserviert wurde, und neue Plätze auf der Warteliste ohne Zeit, "
            "auch wenn daraus keine Buchung wurde. Tag der Reservierung.",
            "en": "Appointments for which a time was taken, and new places on the waiting list without one, even "
            "where no booking came of it. Day of the hold.",
        },
    ),
    Figure(
        "requested",
        {"de": "Angefragt", "en": "Requested"},
        {
            "de": "Termine, für die Kontaktdaten eingegeben wurden. Tag der Eingabe.",
            "en": "Appointments for which contact details were given. Day on which they were given.",
        },
    ),
    Figure(
        "confirmed",
        {"de": "Gebucht", "en": "Booked"},
        {
            "de": "Termine, die bestätigt und damit gebucht wurden, auch wenn sie später abgesagt wurden. "
            "Tag der Bestätigung.",
            "en": "Appointments that were confirmed and so booked, even where they were cancelled later. "
            "Day of the confirmation.",
        },
    ),
    Figure(
        "rescheduled",
        {"de": "Verschoben", "en": "Rescheduled"},
        {
            "de": "Verschiebungen; ein Termin, der zweimal verschoben wurde, zählt zweimal. Tag der Verschiebung.",
            "en": "Moves to another time; an appointment that was moved twice counts twice. Day of the move.",
        },
    ),
    Figure(
        "cancelled",
        {"de": "Abgesagt", "en": "Cancelled"},
        {
            "de": "Termine, die abgesagt wurden, bestätigt oder nicht, und Plätze auf der Warteliste, die "
            "jemand aufgab. Tag der Absage.",
            "en": "Appointments that were cancelled, confirmed or not, and places on the waiting list that were "
            "given up. Day of the cancellation.",
        },
    ),
    Figure(
        "expired",
        {"de": "Verfallen", "en": "Expired"},
        {
            "de": "Reservierungen und Anfragen, die niemand rechtzeitig bestätigt hat, und Wartende, deren "
            "letzter passender Tag ohne Termin verging. Tag des Verfalls.",
            "en": "Holds and requests that nobody confirmed in time, and those who waited until their last "
            "suitable day was over. Day on which they ran out.",
        },
    ),
    Figure(
        "persons",
        {"de": "Personen", "en": "Persons"},
        {
            "de": "Personen in den gebuchten Terminen, Kinder eingeschlossen. Tag der Bestätigung.",
            "en": "Persons in the booked appointments, children included. Day of the confirmation.",
        },
    ),
    Figure(
        "persons_under_6",
        {"de": "Kinder unter 6", "en": "Children under 6"},
        {
            "de": "Kinder unter 6 Jahren in den gebuchten Terminen. Tag der Bestätigung.",
            "en": "Children under 6 in the booked appointments. Day of the confirmation.",
        },
    ),
    Figure(
        "lead_days_median",
        {"de": "Wartezeit in Tagen (Median)", "en": "Days to wait (median)"},
        {
            "de": "Kalendertage von der Bestätigung bis zum Termin, nach einer Verschiebung bis zum neuen "
            "Tag. Median: Die Hälfte der gebuchten Termine lag höchstens so weit voraus. "
            "Tag der Bestätigung.",
            "en": "Calendar days from the confirmation to the appointment, after a move to the new day. "
            "Median by nearest rank over the booked appointments. Day of the confirmation.",
        },
        percent=50,
    ),
    Figure(
        "lead_days_p90",
        {"de": "Wartezeit in Tagen (90\u00a0%)", "en": "Days to wait (90%)"},
        {
            "de": "Wie der Median, für neun von zehn gebuchten Terminen. Tag der Bestätigung.",
            "en": "As the median, for nine in ten booked appointments (nearest rank). Day of the confirmation.",
        },
        percent=90,
    ),
    Figure(
        "booked_minutes",
        {"de": "Gebuchte Minuten", "en": "Booked minutes"},
        {
            "de": "Schalterminuten der gebuchten Termine, die nicht abgesagt sind. Tag des Termins.",
            "en": "Desk minutes of booked appointments that are not cancelled. Day of the appointment.",
        },
    ),
    Figure(
        "searches",
        {"de": "Suchen", "en": "Searches"},
        {
            "de": "Abfragen freier Zeiten, auch wiederholte derselben Person. Tag der Abfrage.",
            "en": "Requests for free times, repeated ones of the same person included. Day of the request.",
        },
    ),
    Figure(
        "searches_without_result",
        {"de": "Suchen ohne Ergebnis", "en": "Searches without result"},
        {
            "de": "Abfragen, auf die keine einzige freie Zeit genannt werden konnte. Tag der Abfrage.",
            "en": "Requests for free times that could be given none. Day of the request.",
        },
    ),
    Figure(
        "out_of_area",
        {"de": "Nicht zuständig", "en": "Out of area"},
        {
            "de": "Anfragen mit einer Gemeinde, für die eine andere Behörde zuständig ist; jede solche "
            "Gemeinde zählt je Anfrage einmal. Tag der Anfrage.",
            "en": "Requests that named a municipality for which another authority is responsible; "
            "each such municipality counts once per request. Day of the request.",
        },
    ),
    Figure(
        "slot_taken",
        {"de": "Zeit schon vergeben", "en": "Time already taken"},
        {
            "de": "Buchungsversuche, bei denen jemand anderes schneller war. Tag des Versuchs.",
            "en": "Attempts to take a time that somebody else took first. Day of the attempt.",
        },
    ),
    Figure(
        "proofs_asked",
        {"de": "Rechenaufgaben verlangt", "en": "Proofs asked for"},
        {
            "de": "Buchungsversuche, für die wegen vieler Anfragen erst eine Rechenaufgabe zu lösen war. "
            "Tag des Versuchs.",
            "en": "Attempts to take a time that first needed a proof of work, because of many requests. "
            "Day of the attempt.",
        },
    ),
    Figure(
        "proofs_failed",
        {"de": "Rechenaufgaben nicht gelöst", "en": "Proofs not valid"},
        {
            "de": "Buchungsversuche mit einer falschen, alten oder schon benutzten Lösung. Tag des Versuchs.",
            "en": "Attempts to take a time with a proof that was wrong, old or used before. Day of the attempt.",
        },
    ),
    Figure(
        "refused",
        {"de": "Zu viele Anfragen", "en": "Too many requests"},
        {
            "de": "Anfragen, die abgewiesen wurden, weil von einem Anschluss sehr viele kamen. Tag der Anfrage.",
            "en": "Requests that were refused because very many came from one address. Day of the request.",
        },
    ),
    Figure(
        "many_holds",
        {"de": "Anschlüsse mit sehr vielen Reservierungen", "en": "Addresses with very many holds"},
        {
            "de": "Anschlüsse, die in einer Minute mehr als zwölfmal eine Zeit reservieren wollten; jeder zählt "
            "je Minute einmal. Das kann auch eine Unterkunft oder ein Mobilfunknetz sein. Tag des Versuchs.",
            "en": "Addresses from which more than twelve times were asked for within a minute, each once a "
            "minute. It may be a shelter or a mobile network as well. Day of the attempts.",
        },
    ),
    Figure(
        "quick_rebookings",
        {"de": "Sofort wieder gebucht", "en": "Taken again at once"},
        {
            "de": "Zeiten, die frei wurden und binnen zehn Sekunden wieder reserviert waren. Viele davon sprechen "
            "für Programme, die auf freie Zeiten warten. Tag der Reservierung.",
            "en": "Times that became free and were taken again within ten seconds. Many of them tell of programs "
            "that wait for free times. Day of the hold.",
        },
    ),
    Figure(
        "messages_sent",
        {"de": "Nachrichten versendet", "en": "Messages sent"},
        {
            "de": "Nachrichten, die der nächste Server angenommen hat. Tag der Übergabe.",
            "en": "Messages that the next server took over. Day on which it did.",
        },
    ),
    Figure(
        "messages_failed",
        {"de": "Nachrichten fehlgeschlagen", "en": "Messages failed"},
        {
            "de": "Nachrichten, die auf ihrem Weg (E-Mail oder SMS) aufgegeben wurden, ohne die unzustellbaren. "
            "Tag der Aufgabe.",
            "en": "Messages given up on their channel (email or SMS), without the undeliverable ones. "
            "Day on which they were given up.",
        },
    ),
    Figure(
        "messages_undeliverable",
        {"de": "Nachrichten unzustellbar", "en": "Messages undeliverable"},
        {
            "de": "Nachrichten, für die kein Weg mehr blieb; jede einmal, auf wie vielen Wegen sie auch versucht "
            "wurde. Die Person sollte angerufen werden. Tag der Aufgabe.",
            "en": "Messages for which no channel was left, each once, over however many channels it was tried: "
            "somebody should phone. Day on which they were given up.",
        },
    ),
    Figure(
        "messages_superseded",
        {"de": "Nachrichten überholt", "en": "Messages superseded"},
        {
            "de": "Nachrichten, die nicht mehr stimmten und deshalb nicht gesendet wurden. Tag der Entscheidung.",
            "en": "Messages that no longer were true and so were not sent. Day of that decision.",
        },
    ),
    Figure(
        "messages_expired",
        {"de": "Nachrichten verfallen", "en": "Messages expired"},
        {
            "de": "Nachrichten, die zu spät gekommen wären und nicht gesendet wurden. Tag der Entscheidung.",
            "en": "Messages that would have come too late and were not sent. Day of that decision.",
        },
    ),
)

SUMS = tuple(figure.name for figure in FIGURES if figure.percent is None)


def column_names(groups: tuple[Group, ...]) -> tuple[str, ...]:
    """Columns of a report, always in this order."""
    return (*(g.value for g in Group if g in groups), *(figure.name for figure in FIGURES))
