"""What goes wrong, said to staff: what it is, and what to do now. The statuses are those of the API."""

from collections.abc import Callable
from typing import Any, Final

from services.booking import commands, guard, memory, offices, people, reaching, storage
from services.booking.api import signed_in
from services.booking.domain import actors, appointment, calls, day, office, passwords, visits
from services.booking.staff import accounts, administration, attempts, signin
from services.booking.staff.passwords import TooBusy
from services.booking.training import NotTraining
from services.booking.web.staff.words import STATUSES
from shared import sealing


class NotReadable(Exception):
    """What was typed cannot be meant; the text is for whoever typed it."""


Told = tuple[int, str]
_STARTS: Final = {
    "in-the-past": "Diese Zeit ist schon vorbei.",
    "too-early": "Dieser Tag ist zu nah.",
    "beyond-horizon": "So weit im Voraus wird nicht gebucht.",
    "off-grid": "Termine beginnen nicht zu dieser Minute.",
    "outside-hours": "Dann ist nicht geöffnet, oder nicht lange genug.",
    "desk-closed": "Dieser Platz ist dann nicht besetzt, oder nicht lange genug.",
    "not-released": "Diese Zeit ist noch nicht freigegeben.",
}
_NO_SMS: Final = {
    "not_a_number": "Das ist keine vollständige Telefonnummer.",
    "not_mobile": "An diese Nummer gehen keine SMS: Es ist keine Mobilnummer.",
    "country_not_allowed": "In dieses Land werden keine SMS geschickt.",
    "no_number": "Für SMS fehlt eine Mobilnummer.",
    "no_consent": "Ohne E-Mail-Adresse braucht es das Einverständnis mit SMS.",
    "off": "Dieses Amt schickt keine SMS.",
}
WEAK: Final = {
    "too-short": f"Das Passwort ist zu kurz: mindestens {passwords.SHORTEST} Zeichen.",
    "too-long": f"Das Passwort ist zu lang: höchstens {passwords.LONGEST} Zeichen.",
    "is-login": "Das Passwort darf nicht der Anmeldename sein.",
}
_TABLE: Final[dict[type[Exception], Told]] = {
    signed_in.OtherOffice: (404, "Das gibt es in Ihrem Amt nicht."),
    signed_in.ForeignOrigin: (403, "Diese Anfrage kam von einer fremden Seite. Nichts ist geändert."),
    storage.SlotTaken: (409, "Diese Zeit ist inzwischen vergeben. Bitte wählen Sie eine andere."),
    storage.NotFound: (404, "Diesen Termin gibt es nicht."),
    storage.ChangedMeanwhile: (409, "Jemand war schneller. Bitte sehen Sie nach, wie es jetzt ist."),
    storage.AlreadyBooked: (409, "Diese Person hat für dieses Anliegen schon einen Termin."),
    storage.PauseRunning: (409, "Aufrufe sind schon angehalten."),
    storage.NoPause: (409, "Es ist keine Pause eingetragen."),
    storage.UnknownInvitation: (404, "Diese Einladung gibt es nicht mehr."),
    storage.TooManyMessages: (429, "Heute ging das schon mehrmals hinaus. Bitte rufen Sie an."),
    memory.NotLoaded: (503, "Der Dienst startet gerade. Bitte versuchen Sie es in einigen Sekunden noch einmal."),
    commands.KeyReused: (422, "Das wurde schon mit anderen Angaben abgeschickt. Bitte beginnen Sie neu."),
    commands.EndsAlready: (422, "Diese Zeit ist schon vorbei: Bitte geben Sie ein späteres Ende an."),
    commands.NoWayToWrite: (409, "Es gibt keine Adresse. Bitte rufen Sie an oder geben Sie einen Zettel mit."),
    commands.MessageNotPossible: (409, "Das stimmt so nicht mehr und wird nicht verschickt."),
    commands.NotByInvitation: (422, "Für dieses Anliegen braucht es keine Einladung."),
    commands.OverAlready: (422, "Diese Einladung wäre schon abgelaufen."),
    calls.NoCall: (409, "Hier muss niemand mehr anrufen: Es ist erledigt oder überholt."),
    calls.TakenByAnother: (409, "Eine Kollegin oder ein Kollege ruft dort schon an."),
    sealing.Unsealable: (503, "Die Daten zur Person sind nicht lesbar. Bitte sagen Sie es der IT."),
    people.Erased: (410, "Zu diesem Termin sind keine Daten zur Person mehr gespeichert."),
    day.NotThisDay: (409, "Das gehört nicht zum heutigen Tag."),
    day.CalledByAnother: (409, "Eine Kollegin oder ein Kollege hat diese Person schon aufgerufen."),
    day.NothingToUndo: (409, "Hier lässt sich nichts zurücknehmen: Inzwischen hat sich etwas geändert."),
    day.Paused: (409, "Aufrufe sind angehalten. Bitte beenden Sie zuerst die Pause."),
    appointment.Expired: (410, "Die Zeit zum Bestätigen ist abgelaufen."),
    appointment.AlreadyOver: (409, "Der Termin hat schon begonnen."),
    accounts.LinkUsedUp: (410, "Dieser Link gilt nicht mehr."),
    accounts.UnknownAccount: (404, "Dieses Konto gibt es nicht, oder es ist gesperrt."),
    accounts.LoginTaken: (409, "Diesen Anmeldenamen gibt es schon."),
    administration.OwnAccount: (409, "Die eigenen Rechte ändert niemand selbst."),
    administration.RolesFromProvider: (409, "Was dieses Konto darf, sagt die zentrale Anmeldung."),
    administration.NoSuchOffice: (422, "Dieses Amt gibt es hier nicht."),
    actors.BadPlace: (422, "Alle Ämter sieht nur die Rolle Verwaltung."),
    signin.SignInRefused: (401, "Anmeldename oder Passwort stimmt nicht."),
    signin.WrongPassword: (403, "Das bisherige Passwort stimmt nicht."),
    signin.NoPassword: (409, "Dieses Konto meldet sich zentral an: Bitte ändern Sie das Passwort dort."),
    TooBusy: (503, "Gerade melden sich sehr viele an. Bitte versuchen Sie es in einigen Sekunden noch einmal."),
    NotTraining: (409, "Das ist das echte Amt: Hier wird niemand erfunden und nichts geleert."),
    guard.TooMany: (429, "Das waren sehr viele Versuche. Bitte warten Sie etwas, oder fragen Sie am Schalter."),
}  # fmt: skip


def _not_allowed(_: signed_in.NotAllowed) -> Told:
    return 403, "Dafür fehlt Ihrem Konto das Recht."


def _wrong_status(error: appointment.WrongStatus) -> Told:
    return 409, f"Das passt nicht zum Stand des Termins: {STATUSES.get(error.status, error.status)}."


def _too_late(error: day.TooLate) -> Told:
    rule = "Nach der Regel des Amts wird neu gebucht. Sie können anders entscheiden."
    return 409, f"{error.minutes} Minuten zu spät: {rule}"


def _calls_missing(error: day.CallsMissing) -> Told:
    calls = f"{error.calls} von {error.needed} Aufrufen"
    return 409, f"Noch nicht abwesend: {calls}. Bitte noch einmal aufrufen oder warten."


def _unbookable(error: office.UnbookableStart) -> Told:
    return 422, f"{_STARTS[error.reason]} Bitte wählen Sie eine freie Zeit."


def _outside(error: commands.OutsideJurisdiction) -> Told:
    names = ", ".join(sorted({one.authority.name for one in error.elsewhere}))
    return 422, f"Dafür ist eine andere Behörde zuständig: {names}."


def _too_many(error: visits.TooManyPersons) -> Told:
    return 422, f"Für dieses Anliegen passen höchstens {error.most} Personen in einen Termin."


def _broken(error: offices.BrokenOffice) -> Told:
    return 422, str(error)


def _paused(error: attempts.Paused) -> Told:
    minutes = max(1, -(-int(error.wait.total_seconds()) // 60))
    wait = f"Bitte warten Sie {minutes} Minuten, oder lassen Sie sich einen neuen Link geben."
    return 429, f"Zu viele falsche Versuche. {wait}"


_FORMS: Final[dict[type[Exception], Callable[[Any], Told]]] = {
    NotReadable: lambda error: (422, str(error)),
    signed_in.NotAllowed: _not_allowed,
    appointment.WrongStatus: _wrong_status,
    day.TooLate: _too_late,
    day.CallsMissing: _calls_missing,
    office.UnbookableStart: _unbookable,
    office.UnknownService: lambda _: (422, "Dieses Anliegen gibt es nicht."),
    office.UnknownTeam: lambda _: (422, "Dieses Team gibt es nicht."),
    office.UnknownLane: lambda _: (422, "Diesen Platz gibt es nicht."),
    office.UnknownMunicipality: lambda _: (422, "Diese Gemeinde gehört nicht zum Landkreis."),
    visits.TooManyPersons: _too_many,
    visits.CombinationNotAllowed: lambda _: (422, "Diese Anliegen passen nicht in einen Termin."),
    commands.OutsideJurisdiction: _outside,
    reaching.SmsNotPossible: lambda error: (422, _NO_SMS[error.reason]),
    offices.BrokenOffice: _broken,
    passwords.WeakPassword: lambda error: (422, WEAK[error.reason]),
    attempts.Paused: _paused,
}
ANTICIPATED: Final = (*_TABLE, *_FORMS)


def told(error: Exception) -> Told:
    """Status and text of one of ANTICIPATED."""
    for kind in type(error).__mro__:
        if kind in _FORMS:
            return _FORMS[kind](error)
        if kind in _TABLE:
            return _TABLE[kind]
    raise error
