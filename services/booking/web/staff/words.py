"""German words for what the code names in English. Staff read them; citizens' texts stand in catalogues."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from services.booking.domain.actors import Role
from services.booking.german import NEEDS as NEEDS
from services.booking.german import STATUSES as STATUSES
from services.booking.german import day_of as day_of
from services.booking.staff.accounts import Account

SHORT_WEEKDAYS: Final = ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So")
ACTIONS: Final[Mapping[str, str]] = {
    "check-in": "Eingetroffen",
    "call": "Aufrufen",
    "start": "Beginnen",
    "complete": "Fertig",
    "no-show": "Nicht erschienen",
    "undo": "Zurücknehmen",
}
DONE: Final[Mapping[str, str]] = {
    "check-in": "Eingetroffen.",
    "call": "Aufgerufen.",
    "start": "Begonnen.",
    "complete": "Erledigt.",
    "no-show": "Als nicht erschienen eingetragen.",
    "undo": "Zurückgenommen.",
    "ticket": "Wartenummer ausgegeben.",
    "pause": "Aufrufe sind angehalten.",
    "resume": "Aufrufe gehen weiter.",
    "booked": "Der Termin ist gebucht.",
    "moved": "Der Termin ist verschoben.",
    "desk": "Der Platz ist gewechselt.",
    "name": "Der Name ist berichtigt.",
    "members": "Die Gruppe ist geändert.",
    "cancelled": "Der Termin ist abgesagt.",
    "reviewed": "Als geprüft vermerkt.",
    "message": "Die Nachricht wird noch einmal verschickt.",
    "taken": "Sie rufen an.",
    "done": "Erledigt: Die Person weiß Bescheid.",
    "not-reached": "Nicht erreicht, steht weiter auf der Liste.",
    "undone": "Zurückgenommen.",
    "saved": "Gespeichert.",
    "revoked": "Die Einladung gilt nicht mehr.",
    "password": "Das Passwort ist geändert. Alle anderen Anmeldungen sind beendet.",
    "session": "Dort sind Sie abgemeldet.",
    "display": "Der alte Link der Anzeige gilt nicht mehr.",
    "restored": "Die frühere Fassung gilt wieder.",
    "account": "Das Konto ist geändert.",
    "training": "Das Übungsamt ist eingerichtet.",
    "training-fill": "Erfundene Personen sind da.",
    "training-empty": "Das Übungsamt ist leer.",
    "blocked": "Das Konto ist gesperrt und überall abgemeldet.",
    "unblocked": "Das Konto kann sich wieder anmelden.",
}
REVIEWS: Final[Mapping[str, str]] = {
    "another_person": "gleicher Name und gleiche Adresse wie ein anderer Termin",
}
ROLES: Final[Mapping[Role, str]] = {
    "service_point": "Servicepoint",
    "caseworker": "Sachbearbeitung",
    "lead": "Leitung",
    "admin": "Verwaltung",
    "read_only": "nur lesen",
}
REASONS: Final[Mapping[str, str]] = {
    "wish": "Wunsch der Person",
    "wrong_desk": "falscher Platz",
    "closure": "Schließung",
    "absence": "Abwesenheit",
    "other": "anderer Grund",
}
CONFLICTS: Final[Mapping[str, str]] = {
    "closed": "dann geschlossen",
    "desk-absent": "Platz nicht besetzt",
    "no-such-desk": "Platz gibt es nicht mehr",
}
OUTCOMES: Final[Mapping[str, str]] = {
    "kept": "gleiche Zeit, anderer Platz",
    "moved": "verschoben",
    "cancelled": "abgesagt, mit Vorschlägen",
    "unchanged": "war schon geändert",
    "unreadable": "bleibt: Name nicht lesbar",
}
PURPOSES: Final[Mapping[str, str]] = {
    "confirm_request": "Bitte um Bestätigung",
    "confirmation": "Bestätigung",
    "reminder": "Erinnerung",
    "changed": "Änderung",
    "rescheduled": "Verlegung",
    "cancellation": "Absage",
    "office_cancellation": "Absage durch das Amt",
    "waiting": "Warteliste",
    "offer": "Angebot eines Termins",
    "offer_expired": "Angebot verfallen",
    "link": "Link zum Termin",
    "erased": "Löschung",
}
DELIVERIES: Final[Mapping[str, str]] = {
    "sent": "verschickt",
    "delivered": "angekommen",
    "failed": "Versuch misslungen",
    "undeliverable": "nicht zustellbar",
    "superseded": "überholt, nicht verschickt",
    "expired": "zu spät, nicht verschickt",
}
WHY_CALL: Final[Mapping[str, str]] = {
    "no_contact": "keine Adresse",
    "not_sent": "Nachricht ging nicht rechtzeitig hinaus",
    "undeliverable": "Nachricht nicht zustellbar",
}
STEPS: Final[Mapping[str, str]] = {
    "held": "Zeit vorgemerkt",
    "requested": "Adresse angegeben",
    "confirmation_sent": "Bestätigung verschickt",
    "confirmed": "gebucht",
    "rescheduled": "verschoben",
    "reassigned": "Platz gewechselt",
    "resized": "Gruppe geändert",
    "corrected": "Name berichtigt",
    "restored": "Absage zurückgenommen",
    "checked_in": "eingetroffen",
    "called": "aufgerufen",
    "in_service": "begonnen",
    "started": "begonnen",
    "completed": "erledigt",
    "no_show": "nicht erschienen",
    "cancelled": "abgesagt",
    "office_cancelled": "vom Amt abgesagt",
    "undone": "zurückgenommen",
    "offered": "Zeit angeboten",
    "joined_waiting_list": "auf die Warteliste",
    "left_waiting_list": "von der Warteliste",
    "offer_ended": "Angebot beendet",
    "expired": "verfallen",
}
WHO: Final[Mapping[str, str]] = {"citizen": "Bürgerin oder Bürger", "staff": "Amt", "system": "von selbst"}
# What the record says; appointments have STEPS as well.
RECORDED: Final[Mapping[str, str]] = {
    "account.added": "Konto angelegt",
    "account.changed": "Konto geändert",
    "account.disabled": "Konto gesperrt",
    "account.enabled": "Konto wieder zugelassen",
    "account.link_made": "Link zum Passwort gemacht",
    "account.linked": "mit der zentralen Anmeldung verbunden",
    "account.password_set": "Passwort festgelegt",
    "account.password_changed": "Passwort geändert",
    "session.opened": "angemeldet",
    "session.closed": "abgemeldet",
    "appointment.booked": "für jemanden gebucht",
    "appointment.followed_up": "nächsten Termin gebucht",
    "appointment.imported": "übernommen",
    "appointment.moved": "verschoben",
    "appointment.name_corrected": "Name berichtigt",
    "appointment.replanned_kept": "umgeplant: gleiche Zeit",
    "appointment.replanned_moved": "umgeplant: verschoben",
    "appointment.replanned_cancelled": "umgeplant: abgesagt",
    "appointment.replanned_unchanged": "nicht umgeplant: war schon geändert",
    "appointment.replanned_unreadable": "nicht umgeplant: Name nicht lesbar",
    "appointment.reviewed": "als geprüft vermerkt",
    "appointments.exported": "Termine ausgeleitet",
    "person.erased": "Person gelöscht",
    "person.seen": "Person angesehen",
    "day.seen": "Tag mit Namen angesehen",
    "day.printed": "Tagesliste gedruckt",
    "day.paused": "Aufrufe angehalten",
    "day.resumed": "Aufrufe fortgesetzt",
    "slip.printed": "Zettel gedruckt",
    "ticket.given": "Wartenummer ausgegeben",
    "call_list.seen": "Anrufliste angesehen",
    "call.taken": "Anruf übernommen",
    "call.done": "Anruf erledigt",
    "call.not_reached": "nicht erreicht",
    "call.undone": "Anruf zurückgenommen",
    "message.requested": "Nachricht noch einmal geschickt",
    "invitation.made": "eingeladen",
    "invitation.revoked": "Einladung zurückgenommen",
    "display.renewed": "neuer Link für die Anzeige",
    "office.saved": "Einrichtung gespeichert",
    "office.closed": "Schließung eingetragen",
    "office.lane_absent": "Abwesenheit eingetragen",
    "office.closed_now": "sofort geschlossen",
    "office.absent_now": "sofort abwesend",
    "training.made": "Übungsamt eingerichtet",
    "training.fill": "Übungsamt gefüllt",
    "training.empty": "Übungsamt geleert",
}
CHANNELS: Final[Mapping[str, str]] = {"phone": "am Telefon", "counter": "am Schalter"}


def short_day(local: date) -> str:
    return f"{SHORT_WEEKDAYS[local.weekday()]} {local:%d.%m.}"


def time_of(local: datetime) -> str:
    """ "8.30 Uhr" is for letters; lists line up with "08:30"."""
    return f"{local:%H:%M}"


def sign_in_of(account: Account) -> str:
    """How somebody comes in."""
    if account.roles_from_provider:
        return "zentrale Anmeldung"
    return "mit Passwort" if account.password else "noch kein Passwort festgelegt"


def recorded(action: str) -> str:
    """What was done, as the record names it; its code where there is no word yet."""
    return RECORDED.get(action) or STEPS.get(action.removeprefix("appointment."), action)


def counted(number: int, one: str, many: str) -> str:
    return f"1 {one}" if number == 1 else f"{number} {many}"
