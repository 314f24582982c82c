"""How long one visit takes, what it may hold, and what has to be true before it is booked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from services.booking.domain.cells import CELL
from shared.contracts.offices import Precondition, Service, Text

_CELL_MINUTES = int(CELL.total_seconds()) // 60


class TooManyPersons(Exception):
    """`most` persons fit into one visit; `advice` says what a larger group does."""

    def __init__(self, most: int, advice: Text | None = None) -> None:
        super().__init__(most)
        self.most = most
        self.advice = advice or {}


class CombinationNotAllowed(Exception):
    """These two services do not go into one visit."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first, second)
        self.services = (first, second)


class PreconditionMissing(Exception):
    """Questions that have to be answered first."""

    def __init__(self, preconditions: Sequence[Precondition]) -> None:
        super().__init__()
        self.preconditions = tuple(preconditions)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(precondition.id for precondition in self.preconditions)


class PreconditionNotMet(Exception):
    """A visit would be wasted; `advice` says what to do instead."""

    def __init__(self, id: str, advice: Text) -> None:
        super().__init__(id)
        self.id = id
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Group:
    persons: int
    children_under_6: int = 0


def minutes_of(services: Sequence[Service], group: Group) -> int:
    """Desk minutes for one visit, in whole cells; raises TooManyPersons.

    Each further person counts `further`, children under 6 give no fingerprints (AufenthG § 78 V) and
    count `under_6`; the lead person always counts `first`. No service takes more than its `max_minutes`.
    """
    check_group(services, group)
    total = sum(_of_one(service, group) for service in services)
    return -(-total // _CELL_MINUTES) * _CELL_MINUTES


def _of_one(service: Service, group: Group) -> int:
    children = min(group.children_under_6, group.persons - 1)
    others = group.persons - 1 - children
    minutes = service.minutes
    total = minutes.first + others * minutes.further + children * minutes.under_6
    return min(total, service.max_minutes) if service.max_minutes else total


def check_group(services: Sequence[Service], group: Group) -> None:
    narrowest = min(services, key=lambda service: service.max_persons)
    if not 1 <= group.persons <= narrowest.max_persons:
        raise TooManyPersons(narrowest.max_persons, _advice(narrowest, group.persons))


def _advice(service: Service, persons: int) -> Text:
    """The office's own words, else what follows from the numbers."""
    if service.group_advice:
        return service.group_advice
    visits = -(-persons // service.max_persons)
    return {
        "de": f"Höchstens {service.max_persons} Personen je Termin. Bitte buchen Sie für {persons} Personen "
        f"{visits} Termine, oder rufen Sie uns an.",
        "en": f"At most {service.max_persons} persons in one visit. Please book {visits} visits for {persons} "
        "persons, or call us.",
    }


def check_combination(services: Sequence[Service]) -> None:
    """Each pair must name each other and belong to one team; raises CombinationNotAllowed."""
    for first, second in combinations(services, 2):
        if not goes_with(first, second):
            raise CombinationNotAllowed(first.id, second.id)


def goes_with(first: Service, second: Service) -> bool:
    both = second.id in first.combines_with and first.id in second.combines_with
    return both and first.team == second.team and (first.mode, first.emergency) == (second.mode, second.emergency)


def preconditions_of(services: Sequence[Service]) -> tuple[Precondition, ...]:
    """All questions, each id once."""
    return tuple({p.id: p for service in services for p in service.preconditions}.values())


def check_preconditions(services: Sequence[Service], answers: Mapping[str, bool]) -> None:
    """Raises PreconditionMissing for questions without an answer, PreconditionNotMet for the first wrong one."""
    asked = preconditions_of(services)
    if missing := [precondition for precondition in asked if precondition.id not in answers]:
        raise PreconditionMissing(missing)
    for precondition in asked:
        if answers[precondition.id] != precondition.expected:
            raise PreconditionNotMet(precondition.id, precondition.advice)


def documents_of(services: Sequence[Service]) -> dict[str, tuple[str, ...]]:
    """What to bring, by language; each document once, in the services' order.

    In German what has no name in the language: nothing may be missing.
    """
    languages = dict.fromkeys(language for service in services for language in service.documents)
    return {
        language: tuple(dict.fromkeys(d for service in services for d in _documents(service, language)))
        for language in languages
    }


def _documents(service: Service, language: str) -> tuple[str, ...]:
    return service.documents.get(language) or service.documents.get("de", ())
