"""What the dashboard says, in German and English."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

LANGUAGES = ("de", "en")

TEXTS: Mapping[str, Mapping[str, str]] = {
    "de": {
        "title": "Termine in Zahlen",
        "other_language": "English",
        "all_offices": "Alle Behörden",
        "office": "Behörde",
        "show": "Anzeigen",
        "period": "Zeitraum",
        "week": "Diese Woche",
        "days": "Letzte 30 Tage",
        "booked_and_cancelled": "Gebucht und abgesagt je Tag",
        "day": "Tag",
        "total": "Summe",
        "table_hint": "Die Zahlen des Diagramms als Tabelle",
        "empty_title": "Noch keine Zahlen",
        "empty": "In diesem Zeitraum wurde nichts gebucht, gesucht oder versendet. "
        "Neue Buchungen erscheinen hier nach wenigen Sekunden.",
        "definitions": "Was die Zahlen bedeuten",
        "as_csv": "Diese Zahlen je Tag (JSON oder CSV)",
        "as_of": "Stand",
        "no_value": "noch kein Wert",
        "headline": "Das Wichtigste",
        "more": "Nachfrage und Nachrichten",
        "chart_summary": "Balkendiagramm: {booked} gebucht und {cancelled} abgesagt von {since} bis {until}.",
        "no_person": "Diese Seite enthält keine personenbezogenen Daten.",
    },
    "en": {
        "title": "Appointments in figures",
        "other_language": "Deutsch",
        "all_offices": "All offices",
        "office": "Office",
        "show": "Show",
        "period": "Period",
        "week": "This week",
        "days": "Last 30 days",
        "booked_and_cancelled": "Booked and cancelled per day",
        "day": "Day",
        "total": "Total",
        "table_hint": "The numbers of the chart as a table",
        "empty_title": "No figures yet",
        "empty": "Nothing was booked, searched or sent in this period. "
        "New bookings appear here within a few seconds.",
        "definitions": "What the figures mean",
        "as_csv": "These figures by day (JSON or CSV)",
        "as_of": "As of",
        "no_value": "no value yet",
        "headline": "At a glance",
        "more": "Demand and messages",
        "chart_summary": "Bar chart: {booked} booked and {cancelled} cancelled from {since} to {until}.",
        "no_person": "This page holds no personal data.",
    },
}

_WEEKDAYS = {
    "de": ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Words:
    """Texts and number formats of one language."""

    language: str

    def __getitem__(self, key: str) -> str:
        return TEXTS[self.language][key]

    def number(self, value: int) -> str:
        text = f"{value:,}"
        # A narrow no-break space in German: a dot would look like a decimal sign to readers of English.
        return text.replace(",", "\u202f") if self.language == "de" else text

    def day(self, day: date) -> str:
        if self.language == "de":
            return f"{day.day:02d}.{day.month:02d}."
        return f"{day.day} {_MONTHS[day.month - 1]}"

    def full_day(self, day: date) -> str:
        year = f"{day.year}" if self.language == "de" else f" {day.year}"
        return f"{self.day(day)}{year}"

    def weekday(self, day: date) -> str:
        return _WEEKDAYS[self.language][day.weekday()]


def choose_language(asked: str | None, accept: str) -> str:
    """The `lang` parameter, else the browser's first language that we have, else German."""
    wanted = [asked or "", *(part.split(";")[0].strip() for part in accept.split(","))]
    known = (tag.split("-")[0].lower() for tag in wanted)
    return next((tag for tag in known if tag in LANGUAGES), "de")
