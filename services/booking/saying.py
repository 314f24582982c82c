"""What staff say on the phone instead of a message that did not arrive; in German."""

from datetime import datetime

from services.booking.domain.appointment import Appointment
from services.booking.domain.office import Office
from services.booking.german import moment_of

_MOST_PROPOSALS = 3


def sentence(appointment: Appointment, purpose: str, office: Office) -> str:
    """For a purpose of `domain.calls`; it names neither service nor office, since others may answer the phone."""
    when = _time(appointment.starts_at, office)
    match purpose:
        case "office_cancellation" if appointment.has_time:
            return f"Ihr Termin am {when} kann leider nicht stattfinden. {_instead(appointment, office)}"
        case "office_cancellation":
            return "Ihr Platz auf der Warteliste ist leider entfallen. Wir suchen mit Ihnen einen Termin."
        case "rescheduled" if appointment.previous_starts_at:
            old = _time(appointment.previous_starts_at, office)
            return f"Ihr Termin am {old} musste verlegt werden: Bitte kommen Sie am {when}."
        case "rescheduled":
            return f"Ihr Termin wurde verlegt: Bitte kommen Sie am {when}."
        case "changed":
            end = appointment.ends_at.astimezone(office.zone)
            return f"Ihr Termin am {when} hat sich geändert: Er dauert jetzt bis {end:%H:%M} Uhr."
        case "offer" if appointment.offer:
            offered, until = appointment.offer.starts_at, appointment.offer.expires_at
            return (
                f"Für Sie ist ein Termin frei: {_time(offered, office)}. "
                f"Möchten Sie ihn? Wir halten ihn bis {_time(until, office)} für Sie."
            )
    return f"Ihr Termin am {when} ist fest gebucht. Unsere Nachricht kam nicht an: Wie erreichen wir Sie?"


def _instead(appointment: Appointment, office: Office) -> str:
    free = [_time(start, office) for start in appointment.proposals[:_MOST_PROPOSALS]]
    return f"Frei wäre: {'; '.join(free)}." if free else "Wir suchen mit Ihnen einen neuen."


def _time(moment: datetime, office: Office) -> str:
    return moment_of(moment.astimezone(office.zone))
