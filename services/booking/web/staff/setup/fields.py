"""What of an office can be edited in pages, as data: sections, their fields, and what each is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from shared.contracts.offices import MESSAGE_PLACES, MESSAGE_PURPOSES

# `where` is the whole office, a team or one of its lanes; `texts` and `lists` are by language.
Kind = Literal["text", "int", "bool", "date", "time", "choice", "days", "texts", "lists", "names", "where"]


@dataclass(frozen=True, slots=True)
class Field:
    """`path` is where it stands in the data, with dots; a field that is `needed` may not be left empty."""

    path: str
    label: str
    kind: Kind = "text"
    hint: str = ""
    choices: Mapping[str, str] | None = None
    needed: bool = False
    among: Literal["services", ""] = ""


@dataclass(frozen=True, slots=True)
class Section:
    """`rows` is the path of a list of tables that the page edits row by row, by `row_fields`."""

    id: str
    title: str
    about: str
    fields: tuple[Field, ...] = ()
    rows: str = ""
    row_title: str = ""
    row_fields: tuple[Field, ...] = ()


_PURPOSES: Final = {"": "allen, die von einem Termin erzählen"} | dict.fromkeys(MESSAGE_PURPOSES, "")
_PLACES: Final = {
    "after": "danach",
    "before": "davor",
    "manage": "statt des Absatzes zum Absagen",
    "deadline": "statt des Absatzes zur Frist",
}
assert set(_PLACES) == set(MESSAGE_PLACES)

ONLINE = Section(
    "online",
    "Online-Buchung pausieren",
    "Bürgerinnen und Bürger lesen den Hinweis, statt zu buchen. Gebuchte Termine bleiben, das Amt bucht weiter.",
    (
        Field("online.paused", "Online-Buchung ist pausiert", "bool"),
        Field("online.notice", "Hinweis", "texts", "Warum, und was jetzt zu tun ist"),
    ),
)
HOURS = Section(
    "hours",
    "Öffnungszeiten",
    "Zeiten eines Platzes ersetzen die seines Teams, die eines Teams die des Amts.",
    rows="opening_hours",
    row_title="Öffnungszeit",
    row_fields=(
        Field("weekdays", "Tage", "days", needed=True),
        Field("from", "Von", "time", needed=True),
        Field("until", "Bis", "time", needed=True),
        Field("where", "Wo", "where"),
        Field("valid_from", "Gilt ab", "date"),
        Field("valid_until", "Gilt bis vor", "date"),
        Field("every_weeks", "Alle … Wochen", "int", "1 ist jede Woche"),
    ),
)
OFFICE = Section(
    "office",
    "Name und Erreichbarkeit",
    "Der Absender ist auf gesperrten Bildschirmen zu sehen: Er soll nicht verraten, um welches Amt es geht.",
    (
        Field("name", "Name", "texts", needed=True),
        Field("phone", "Telefon"),
        Field("email", "E-Mail"),
        Field("sender", "Absender der E-Mails", needed=True),
        Field("messages.sms_sender", "Absender der SMS", hint="Leer: wie bei E-Mails"),
    ),
)
THEME = Section(
    "theme",
    "Aussehen",
    "Farbe für Links und Knöpfe, als #rrggbb. Eine, die sich auf hellem oder dunklem Grund schlecht liest, wird "
    "abgelehnt.",
    (
        Field("theme.name", "Name im Kopf der Seiten", "texts", "Leer: der Name des Amts"),
        Field("theme.accent", "Farbe", hint="Leer: die übliche"),
        Field("theme.accent_dark", "Farbe auf dunklem Grund", hint="Leer: die Farbe, aufgehellt"),
    ),
)
LOCATIONS = Section(
    "locations",
    "Orte",
    "Ein Amt kann umziehen: Am Tag des Termins gilt die Adresse dieses Tages.",
    rows="locations",
    row_title="Ort",
    row_fields=(
        Field("valid_from", "Gilt ab", "date", needed=True),
        Field("valid_until", "Gilt bis vor", "date"),
        Field("street", "Straße und Nummer", needed=True),
        Field("postal_code", "Postleitzahl", needed=True),
        Field("city", "Ort", needed=True),
        Field("access", "Zugang", "texts"),
    ),
)
MESSAGES = Section(
    "messages",
    "Texte in Nachrichten",
    "Was das Amt in E-Mails hinzufügt, und wann erinnert wird.",
    (
        Field("messages.reminder_hours", "Erinnerung so viele Stunden vorher", "int", "0: keine", needed=True),
        Field("messages.quiet_from", "Nachtruhe ab", "time", needed=True),
        Field("messages.quiet_until", "Nachtruhe bis", "time", needed=True),
    ),
    rows="messages.texts",
    row_title="Text",
    row_fields=(
        Field("text", "Text", "texts", needed=True),
        Field("purpose", "In Nachrichten", "choice", choices=_PURPOSES),
        Field("service", "Beim Anliegen", "choice", among="services"),
        Field("place", "Wo", "choice", choices=_PLACES),
    ),
)
RULES = Section(
    "rules",
    "Regeln",
    "Wie weit voraus gebucht wird, was bei Verspätung geschieht, wie lange Daten bleiben.",
    (
        Field("booking.horizon_days", "Online buchbar bis zu so vielen Tagen voraus", "int", needed=True),
        Field("booking.staff_horizon_days", "Vom Amt buchbar bis zu so vielen Tagen voraus", "int", needed=True),
        Field("booking.earliest_working_days", "Öffnungstage bis zum ersten buchbaren Tag", "int", needed=True),
        Field("booking.grid_minutes", "Termine beginnen alle … Minuten", "int", needed=True),
        Field("booking.hold_minutes", "Minuten, die eine Zeit vorgemerkt bleibt", "int", needed=True),
        Field("booking.confirm_minutes", "Minuten Zeit zum Bestätigen", "int", needed=True),
        Field("booking.release", "Neue Tage werden frei", "choice",
              choices={"random": "zu einer zufälligen Minute", "at_once": "um Mitternacht"}),
        Field("day.late_after_minutes", "Zu spät nach Minuten", "int", needed=True),
        Field("day.late", "Wer zu spät kommt", "choice",
              choices={"serve": "ist der Reihe nach dran", "append": "kommt ans Ende", "rebook": "bucht neu"}),
        Field("day.calls", "Aufrufe, bis jemand als nicht erschienen gilt", "int", needed=True),
        Field("waiting_list.most_offers", "Warteliste: Angebote je Person", "int", needed=True),
        Field("waiting_list.offer_hours", "Warteliste: Stunden, die ein Angebot gilt", "int", needed=True),
        Field("retention.visit_days", "Tage, die Daten nach dem Termin bleiben", "int", needed=True),
        Field("retention.cancelled_days", "Tage, die Daten nach einer Absage bleiben", "int", needed=True),
    ),
)  # fmt: skip
SERVICE_FIELDS: Final = (
    Field("name", "Name", "texts", needed=True),
    Field("purpose", "Wozu", "texts", "In einfachen Worten, wie Menschen danach suchen"),
    Field("mode", "Buchung", "choice",
          choices={"open": "für alle", "invitation": "mit Einladung", "walk_in": "ohne Termin"}),
    Field("minutes.first", "Minuten für die erste Person", "int", needed=True),
    Field("minutes.further", "für jede weitere", "int", needed=True),
    Field("minutes.under_6", "für jedes Kind unter 6", "int", needed=True),
    Field("max_persons", "Höchstens Personen", "int", needed=True),
    Field("max_minutes", "Höchstens Minuten", "int"),
    Field("combines_with", "Zusammen mit", "names", "Kennungen anderer Anliegen, mit Komma"),
    Field("emergency", "Nimmt Zeiten für Notfälle", "bool"),
    Field("documents", "Mitbringen", "lists", "Je Zeile eine Unterlage"),
    Field("fee.text", "Gebühr", "texts", "Ohne Gewähr"),
    Field("fee.amount_cents", "Gebühr in Cent, wo sie für alle gleich ist", "int"),
    Field("group_advice", "Rat für zu große Gruppen", "texts"),
    Field("law", "Rechtsgrundlage"),
)  # fmt: skip
SECTIONS: Final[Mapping[str, Section]] = {
    one.id: one for one in (ONLINE, HOURS, OFFICE, THEME, LOCATIONS, MESSAGES, RULES)
}


def section_of(id: str, data: Mapping[str, Any]) -> Section | None:
    """One of SECTIONS, or `service-<id>` of a service that there is."""
    if id in SECTIONS:
        return SECTIONS[id]
    services = {f"service-{one['id']}": (place, one) for place, one in enumerate(data["services"])}
    if id not in services:
        return None
    place, one = services[id]
    fields = tuple(_within(f"services.{place}", field) for field in SERVICE_FIELDS)
    return Section(id, one["name"]["de"], f"Anliegen „{one['id']}“ des Teams „{one['team']}“.", fields)


def _within(path: str, field: Field) -> Field:
    return Field(
        f"{path}.{field.path}", field.label, field.kind, field.hint, field.choices, field.needed, field.among
    )
