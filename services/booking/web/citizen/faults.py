"""What can go wrong on the pages, in words: what happened, and what to do next."""

from fastapi.exceptions import RequestValidationError

from services.booking import guard
from services.booking.commands import (
    BookedAlready,
    CodeUsedUp,
    KeyReused,
    NotOpenForBooking,
    OnlinePaused,
    WrongSecret,
)
from services.booking.commands.waiting import WishNotPossible
from services.booking.domain.appointment import (
    AlreadyOver,
    Expired,
    NothingToRestore,
    TooManyContacts,
    WrongStatus,
)
from services.booking.domain.waiting import NoOffer, NotWaiting
from services.booking.people import Erased
from services.booking.storage import ChangedMeanwhile, InvitationUsed, NotFound, UnknownInvitation
from shared.catalogues import to_translate

Said = tuple[int, str, str]
# Status, heading, text.
SAID: dict[type[Exception], Said] = {
    WrongSecret: (
        403,
        to_translate("Dieser Link oder Code stimmt nicht"),
        to_translate(
            "Bitte benutzen Sie die neueste Nachricht von uns, oder lassen Sie sich auf der Startseite "
            "einen neuen Link schicken."
        ),
    ),
    CodeUsedUp: (
        429,
        to_translate("Zu viele falsche Codes"),
        to_translate("Der Link in der Nachricht gilt weiter. Bitte öffnen Sie ihn."),
    ),
    NotFound: (
        404,
        to_translate("Diesen Termin gibt es nicht"),
        to_translate(
            "Bitte benutzen Sie die neueste Nachricht von uns, oder lassen Sie sich auf der Startseite "
            "einen neuen Link schicken."
        ),
    ),
    Expired: (
        410,
        to_translate("Die Zeit ist abgelaufen"),
        to_translate("Wir haben den Termin wieder freigegeben. Bitte wählen Sie eine neue Zeit."),
    ),
    AlreadyOver: (
        409,
        to_translate("Der Termin hat schon begonnen"),
        to_translate("Bitte rufen Sie uns an oder kommen Sie zum Servicepoint."),
    ),
    Erased: (
        410,
        to_translate("Diese Daten sind gelöscht"),
        to_translate("Zu diesem Termin sind kein Name und keine Kontaktdaten mehr gespeichert."),
    ),
    guard.ProofRejected: (
        410,
        to_translate("Dieser Link gilt nicht mehr"),
        to_translate("Bitte lassen Sie sich einen neuen schicken."),
    ),
    UnknownInvitation: (
        404,
        to_translate("Diese Einladung gilt nicht"),
        to_translate(
            "Sie ist abgelaufen, oder sie gilt für eine andere Person oder ein anderes Anliegen. Bitte "
            "fragen Sie uns nach einer neuen."
        ),
    ),
    InvitationUsed: (
        409,
        to_translate("Mit dieser Einladung ist schon gebucht"),
        to_translate(
            "Die Nachricht zu diesem Termin enthält einen Link. Damit können Sie den Termin ansehen, "
            "verschieben oder absagen."
        ),
    ),
    WrongStatus: (
        409,
        to_translate("Das geht bei diesem Termin nicht mehr"),
        to_translate("Bitte öffnen Sie den Termin mit dem Link aus der neuesten Nachricht."),
    ),
    NothingToRestore: (
        409,
        to_translate("Die Zeit ist schon vergeben"),
        to_translate("Bitte buchen Sie einen neuen Termin."),
    ),
    NoOffer: (
        409,
        to_translate("Dieses Angebot gilt nicht mehr"),
        to_translate("Sie stehen weiter auf der Warteliste. Das nächste Angebot kommt mit einer Nachricht."),
    ),
    NotWaiting: (
        409,
        to_translate("Das geht bei diesem Termin nicht mehr"),
        to_translate("Bitte öffnen Sie den Termin mit dem Link aus der neuesten Nachricht."),
    ),
    WishNotPossible: (
        422,
        to_translate("In diesen Tagen können wir nichts anbieten"),
        to_translate("Bitte wählen Sie einen späteren letzten Tag."),
    ),
    TooManyContacts: (
        409,
        to_translate("Die Adresse wurde zu oft geändert"),
        to_translate("Bitte buchen Sie neu."),
    ),
    NotOpenForBooking: (
        422,
        to_translate("Dafür können Sie nicht selbst buchen"),
        to_translate(
            "Bitte stellen Sie zuerst Ihren Antrag. Wir prüfen ihn und laden Sie dann zu einem Termin ein."
        ),
    ),
    BookedAlready: (
        409,
        to_translate("Sie haben schon einen Termin"),
        to_translate("Bitte öffnen Sie den Termin mit dem Link aus der neuesten Nachricht."),
    ),
    OnlinePaused: (
        409,
        to_translate("Gerade können Sie nicht online buchen"),
        to_translate("Bitte versuchen Sie es später noch einmal, oder rufen Sie uns an."),
    ),
    KeyReused: (
        409,
        to_translate("Diese Buchung gibt es schon"),
        to_translate("Bitte wählen Sie die Zeit noch einmal."),
    ),
    ChangedMeanwhile: (
        409,
        to_translate("Jemand anderes war gleichzeitig dabei"),
        to_translate("Bitte versuchen Sie es noch einmal."),
    ),
    RequestValidationError: (
        422,
        to_translate("Dieser Link ist nicht vollständig"),
        to_translate("Bitte kopieren Sie den ganzen Link aus der Nachricht."),
    ),
    guard.TooMany: (
        429,
        to_translate("Gerade kommen sehr viele Anfragen von Ihrem Anschluss"),
        to_translate("Bitte warten Sie kurz und versuchen Sie es noch einmal."),
    ),
}
AWAY: Said = (
    503,
    to_translate("Wir sind gleich wieder da"),
    to_translate(
        "Gerade erreichen wir unsere Datenbank nicht. Nichts ist verloren: Bitte versuchen Sie es "
        "in einigen Sekunden noch einmal."
    ),
)
BROKEN: Said = (
    500,
    to_translate("Das hat nicht geklappt"),
    to_translate("Der Fehler liegt bei uns. Bitte versuchen Sie es später noch einmal, oder rufen Sie uns an."),
)
