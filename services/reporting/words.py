"""What dashboard and résumé say, in German and English, and how they write numbers and days."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from services.reporting.domain import Figure, Unit, Value
from services.reporting.domain.periods import Period, month_of, quarter_of

LANGUAGES = ("de", "en")
# A narrow no-break space: a dot would look like a decimal sign to readers of English.
_THIN = "\u202f"

TEXTS: Mapping[str, Mapping[str, str]] = {
    "de": {
        "title": "Termine in Zahlen",
        "other_language": "English",
        "all_offices": "Alle Behörden",
        "office": "Behörde",
        "all_services": "Alle Dienstleistungen",
        "service": "Dienstleistung",
        "all_teams": "Alle Teams",
        "team": "Team",
        "municipality": "Gemeinde",
        "channel": "Weg",
        "language": "Sprache",
        "show": "Anzeigen",
        "period": "Zeitraum",
        "week": "Diese Woche",
        "month": "Dieser Monat",
        "quarter": "Dieses Quartal",
        "last_quarter": "Voriges Quartal",
        "year": "Dieses Jahr",
        "own": "Eigener Zeitraum",
        "from": "Eigener Zeitraum von",
        "last_day": "bis einschließlich",
        "filters": "Auswahl",
        "today": "Heute",
        "live": "Wird laufend aktualisiert",
        "live_off": "Stand beim Laden der Seite",
        "live_lost": "Verbindung unterbrochen, Stand",
        "arrivals_today": "Ankünfte",
        "due_today": "Termine heute",
        "waiting_now": "Warten gerade",
        "served_now": "Gerade am Schalter",
        "next_free": "Nächster freier Tag",
        "loading": "Wird geladen …",
        "headline": "Das Wichtigste",
        "trends": "Verlauf",
        "comparison": "Vergleich",
        "by_team": "Teams",
        "by_service": "Dienstleistungen",
        "by_municipality": "Gemeinden",
        "by_channel": "Wege",
        "all_figures": "Alle Zahlen",
        "figure": "Kennzahl",
        "before": "Zeitraum davor",
        "before_short": "davor",
        "running": "läuft noch",
        "change": "Veränderung",
        "as_table": "Als Tabelle",
        "table": "Tabelle",
        "other teams": "Übrige Teams",
        "none": "ohne Angabe",
        "empty_title": "Noch keine Zahlen",
        "empty": "In diesem Zeitraum wurde nichts gebucht, gesucht oder versendet. "
        "Neue Buchungen erscheinen hier nach wenigen Sekunden.",
        "definitions": "Was die Zahlen bedeuten",
        "downloads": "Diese Zahlen mitnehmen",
        "resume": "Résumé",
        "as_of": "Stand",
        "no_value": "kein Wert",
        "no_person": "Diese Seite enthält keine personenbezogenen Daten. Teams mit weniger als drei Personen "
        "stehen unter „Übrige Teams“.",
        "sign_in": "Anmelden",
        "sign_out": "Abmelden",
        "key": "Schlüssel",
        "key_hint": "Den Schlüssel gibt Ihnen, wer diese Anwendung betreibt.",
        "wrong_key": "Dieser Schlüssel gilt nicht.",
        "not_for_role": "Mit diesem Schlüssel sehen Sie die Seite nicht: Er gilt für den Betrieb.",
        "bars": "Balkendiagramm",
        "lines": "Liniendiagramm",
        "trend_description": "{kind} von {since} bis {until}: {lines}.",
        "line_description": "{title} zwischen {least} und {most}",
        "line_none": "{title} ohne Wert",
        "ranked_description": "Balkendiagramm: {lines}.",
        "bookings_chart": "Gebucht und abgesagt",
        "visits_chart": "Wahrgenommen und nicht erschienen",
        "wait_chart": "Tage von der Buchung bis zum Termin",
        "free_chart": "Tage bis zum nächsten freien Termin",
        "use_chart": "Gebuchte und genutzte Schalterzeit",
        "compare_chart": "Gebuchte Termine",
        "web": "Online",
        "helper": "Durch Helfende",
        "phone": "Telefon",
        "counter": "Schalter",
        "staff": "Personal",
        "email": "E-Mail",
        "sms": "SMS",
    },
    "en": {
        "title": "Appointments in figures",
        "other_language": "Deutsch",
        "all_offices": "All offices",
        "office": "Office",
        "all_services": "All services",
        "service": "Service",
        "all_teams": "All teams",
        "team": "Team",
        "municipality": "Municipality",
        "channel": "Channel",
        "language": "Language",
        "show": "Show",
        "period": "Period",
        "week": "This week",
        "month": "This month",
        "quarter": "This quarter",
        "last_quarter": "Last quarter",
        "year": "This year",
        "own": "Own period",
        "from": "Own period from",
        "last_day": "up to and including",
        "filters": "Selection",
        "today": "Today",
        "live": "Kept up to date",
        "live_off": "As the page was loaded",
        "live_lost": "Connection lost, as of",
        "arrivals_today": "Arrivals",
        "due_today": "Appointments today",
        "waiting_now": "Waiting now",
        "served_now": "At the desk now",
        "next_free": "Next free day",
        "loading": "Loading …",
        "headline": "At a glance",
        "trends": "Trends",
        "comparison": "Comparison",
        "by_team": "Teams",
        "by_service": "Services",
        "by_municipality": "Municipalities",
        "by_channel": "Channels",
        "all_figures": "All figures",
        "figure": "Figure",
        "before": "Period before",
        "before_short": "before",
        "running": "not over yet",
        "change": "Change",
        "as_table": "As a table",
        "table": "Table",
        "other teams": "Other teams",
        "none": "not told",
        "empty_title": "No figures yet",
        "empty": "Nothing was booked, searched or sent in this period. "
        "New bookings appear here within a few seconds.",
        "definitions": "What the figures mean",
        "downloads": "Take these figures along",
        "resume": "Résumé",
        "as_of": "As of",
        "no_value": "no value",
        "no_person": "This page holds no personal data. Teams of fewer than three people stand under "
        "“Other teams”.",
        "sign_in": "Sign in",
        "sign_out": "Sign out",
        "key": "Key",
        "key_hint": "Whoever runs this application gives you the key.",
        "wrong_key": "This key is not valid.",
        "not_for_role": "This key does not open the page: it is for operators.",
        "bars": "Bar chart",
        "lines": "Line chart",
        "trend_description": "{kind} from {since} to {until}: {lines}.",
        "line_description": "{title} between {least} and {most}",
        "line_none": "{title} without a value",
        "ranked_description": "Bar chart: {lines}.",
        "bookings_chart": "Booked and cancelled",
        "visits_chart": "Kept and missed",
        "wait_chart": "Days from the booking to the appointment",
        "free_chart": "Days to the next free time",
        "use_chart": "Desk time booked and used",
        "compare_chart": "Booked appointments",
        "web": "Online",
        "helper": "By helpers",
        "phone": "Phone",
        "counter": "Counter",
        "staff": "Staff",
        "email": "E-mail",
        "sms": "SMS",
    },
}

_WEEKDAYS = {
    "de": ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_MONTHS = {
    "de": ("Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sep.", "Okt.", "Nov.", "Dez."),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
_UNITS = {
    Unit.COUNT: {"de": "", "en": ""},
    Unit.DAYS: {"de": " Tage", "en": " days"},
    Unit.MINUTES: {"de": " Min.", "en": " min"},
    Unit.SECONDS: {"de": " s", "en": " s"},
    Unit.PERCENT: {"de": " %", "en": "%"},
}
_ONE_DAY = {"de": "1 Tag", "en": "1 day"}


@dataclass(frozen=True, slots=True)
class Words:
    """Texts and number formats of one language."""

    language: str

    def __getitem__(self, key: str) -> str:
        return TEXTS[self.language][key]

    def known(self, key: str) -> str:
        """The word for `key`, or `key` itself where there is none."""
        return TEXTS[self.language].get(key, key)

    def number(self, value: float, *, digits: int | None = None) -> str:
        """Integers without decimals, others with one, or with `digits`."""
        if digits is None:
            digits = 0 if value == int(value) else 1
        text = f"{value:,.{digits}f}"
        return text.replace(",", _THIN).replace(".", ",") if self.language == "de" else text

    def value(self, figure: Figure, value: Value) -> str:
        """With its unit; a dash where there is none."""
        if value is None:
            return "–"
        if figure.unit is Unit.DAYS and value == 1:
            return _ONE_DAY[self.language].replace(" ", "\u00a0")
        digits = getattr(figure.kind, "digits", None)
        return self.number(value, digits=digits) + _UNITS[figure.unit][self.language].replace(" ", "\u00a0")

    def change(self, figure: Figure, now: Value, before: Value) -> str:
        """In percentage points for shares, in per cent for counts, in its unit for the rest."""
        if now is None or before is None:
            return "–"
        if figure.unit is Unit.COUNT and not figure.may_be_null:
            return self._signed((now - before) * 100 / before, "\u00a0%") if before else "–"
        if figure.unit is Unit.PERCENT:
            return self._signed(now - before, "\u00a0Pp." if self.language == "de" else "\u00a0pp")
        return self._signed(now - before, "")

    def _signed(self, value: float, unit: str) -> str:
        rounded = round(value, 1)
        sign = "+" if rounded > 0 else "−" if rounded < 0 else "±"
        return f"{sign}{self.number(abs(rounded))}{unit}"

    def day(self, day: date) -> str:
        if self.language == "de":
            return f"{day.day:02d}.{day.month:02d}."
        return f"{day.day} {_MONTHS['en'][day.month - 1]}"

    def full_day(self, day: date) -> str:
        year = f"{day.year}" if self.language == "de" else f" {day.year}"
        return f"{self.day(day)}{year}"

    def month(self, day: date) -> str:
        return f"{_MONTHS[self.language][day.month - 1]} {day.year}"

    def weekday(self, day: date) -> str:
        return _WEEKDAYS[self.language][day.weekday()]

    def period(self, period: Period) -> str:
        if period == quarter_of(period.since):
            return (
                f"{(period.since.month + 2) // 3}. Quartal {period.since.year}"
                if self.language == "de"
                else (f"Q{(period.since.month + 2) // 3} {period.since.year}")
            )
        if period == month_of(period.since):
            return self.month(period.since)
        return f"{self.full_day(period.since)} – {self.full_day(period.last_day)}"


def choose_language(asked: str | None, accept: str) -> str:
    """The `lang` parameter, else the browser's first language that we have, else German."""
    wanted = [asked or "", *(part.split(";")[0].strip() for part in accept.split(","))]
    known = (tag.split("-")[0].lower() for tag in wanted)
    return next((tag for tag in known if tag in LANGUAGES), "de")
