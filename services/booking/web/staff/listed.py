"""Appointments of a day as staff see them: what stands in each row, and what can be done there now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.booking.domain.appointment import Appointment
from services.booking.domain.office import Office
from services.booking.people import Person
from services.booking.printing import Listed
from services.booking.web.staff import words
from services.booking.web.staff.work import Here, Work


@dataclass(frozen=True, slots=True)
class Action:
    """A button, and the key that presses it while its row has the focus."""

    name: str
    key: str

    @property
    def label(self) -> str:
        return words.ACTIONS[self.name]


CHECK_IN, CALL, START = Action("check-in", "E"), Action("call", "A"), Action("start", "B")
COMPLETE, NO_SHOW, UNDO = Action("complete", "F"), Action("no-show", "N"), Action("undo", "Z")
_POSSIBLE: Final[Mapping[str, tuple[Action, ...]]] = {
    "confirmed": (CHECK_IN, NO_SHOW),
    "checked_in": (CALL,),
    "called": (START, CALL, NO_SHOW),
    "in_service": (COMPLETE,),
}
_GROUPS: Final = (
    ("now", "Aufgerufen und am Platz", ("called", "in_service")),
    ("waiting", "Wartet", ("checked_in",)),
    ("expected", "Erwartet", ("confirmed",)),
    ("done", "Vorbei", ()),
)


@dataclass(frozen=True, slots=True)
class Row:
    appointment: Appointment
    time: str
    name: str | None
    services: str
    place: str
    status: str
    notes: tuple[str, ...]
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    title: str
    rows: tuple[Row, ...]


def grouped(
    found: Sequence[Appointment], persons: Mapping[str, Person], *, here: Here, now: datetime
) -> list[Group]:
    """Who is served, who waits, who is to come, and the rest; each in the order of the day's queue."""
    rows = [_row(one, persons.get(one.id), here=here, now=now) for one in found]
    shown = {status for _, _, statuses in _GROUPS for status in statuses}
    return [
        Group(id, title, tuple(r for r in rows if _belongs(r.appointment.status, statuses, shown)))
        for id, title, statuses in _GROUPS
    ]


async def listed(work: Work, office: Office) -> list[Listed]:
    """For paper."""
    found = await work.day.list(office)
    persons = await work.booking.persons_of(found)
    return [Listed(one, persons[one.id].family_name, persons[one.id].access_needs) for one in found]


def _belongs(status: str, statuses: Sequence[str], shown: set[str]) -> bool:
    return status in statuses if statuses else status not in shown


def _row(appointment: Appointment, person: Person | None, *, here: Here, now: datetime) -> Row:
    office = here.office
    return Row(
        appointment=appointment,
        time=appointment.ticket or words.time_of(appointment.starts_at.astimezone(office.zone)),
        name=person.family_name if person else None,
        services=services_of(appointment, office),
        place=office.lane_name(appointment.called_to or appointment.lane),
        status=_status(appointment, now),
        notes=_notes(appointment, person),
        actions=_actions(appointment) if here.may("serve") else (),
    )


def services_of(appointment: Appointment, office: Office) -> str:
    """By name; a service that is no more by its id."""
    known = {service.id: service.name["de"] for service in office.data.services}
    return ", ".join(known.get(id, id) for id in appointment.services)


def _actions(appointment: Appointment) -> tuple[Action, ...]:
    undo = (UNDO,) if appointment.past else ()
    return (*_POSSIBLE.get(appointment.status, ()), *undo)


def _status(appointment: Appointment, now: datetime) -> str:
    word = words.STATUSES.get(appointment.status, appointment.status)
    since = next((step.at for step in reversed(appointment.steps) if step.step == appointment.status), None)
    if appointment.status in ("checked_in", "called", "in_service") and since:
        minutes = max(0, int((now - since).total_seconds()) // 60)
        return f"{word} seit {minutes} min"
    return word


def _notes(appointment: Appointment, person: Person | None) -> tuple[str, ...]:
    needs = [words.NEEDS.get(need, need) for need in person.access_needs] if person else []
    calls = [f"{appointment.calls}-mal aufgerufen"] if appointment.calls > 1 else []
    return (*needs, *calls, *(["bitte prüfen"] if appointment.review else []))
