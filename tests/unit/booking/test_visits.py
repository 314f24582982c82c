from typing import Any

import pytest

from services.booking.domain.visits import (
    CombinationNotAllowed,
    Group,
    PreconditionMissing,
    PreconditionNotMet,
    TooManyPersons,
    check_preconditions,
    documents_of,
    minutes_of,
    preconditions_of,
)
from shared.contracts.offices import Precondition, Service
from tests.builders import an_office

OFFICE = an_office()
NEW = Precondition(id="new", question={"de": "Neu?"}, advice={"de": "Später."})
OLD = Precondition(id="old", question={"de": "Alt?"}, expected=False, advice={"de": "Nein."})


def a_service(id: str = "a", **changes: Any) -> Service:
    values = {
        "id": id,
        "team": "service_point",
        "mode": "open",
        "name": {"de": id},
        "minutes": {"first": 12, "further": 10, "under_6": 4},
        "max_persons": 6,
    }
    return Service.model_validate({**values, **changes})


@pytest.mark.parametrize(
    ("persons", "children", "minutes"), [(1, 0, 15), (2, 0, 25), (2, 1, 20), (3, 1, 30), (4, 3, 25), (2, 2, 20)]
)
def test_minutes_are_rounded_up_to_whole_cells(persons: int, children: int, minutes: int) -> None:
    assert minutes_of([a_service()], Group(persons, children)) == minutes


def test_no_service_takes_more_than_its_most() -> None:
    capped = a_service(max_minutes=33)

    assert minutes_of([capped], Group(6)) == 35
    assert minutes_of([capped], Group(2)) == 25


def test_minutes_of_several_services_add_up_before_rounding() -> None:
    first, second = a_service("a"), a_service("b")

    assert minutes_of([first, second], Group(1)) == 25
    assert minutes_of([first, second], Group(2)) == 45


def test_the_narrowest_service_bounds_the_group() -> None:
    with pytest.raises(TooManyPersons) as error:
        minutes_of([a_service(), a_service("b", max_persons=2)], Group(3))
    assert error.value.most == 2
    assert "2 Termine" in error.value.advice["de"]
    assert "2 visits" in error.value.advice["en"]


def test_a_group_too_large_gets_the_offices_own_advice() -> None:
    with pytest.raises(TooManyPersons) as error:
        minutes_of([a_service(group_advice={"de": "Rufen Sie an."})], Group(13))
    assert error.value.advice == {"de": "Rufen Sie an."}


def test_only_services_that_name_each_other_go_together() -> None:
    together = OFFICE.services(("eat_pickup", "eat_pin"))

    assert OFFICE.minutes(*together, persons=1, children_under_6=0) == 25
    for pair in (("eat_pickup", "fiction"), ("eat_pickup", "commitment"), ("eat_pickup", "eat_pickup")):
        with pytest.raises(CombinationNotAllowed) as error:
            OFFICE.services(pair)
        assert error.value.services == pair


def test_documents_of_several_services_come_once() -> None:
    documents = documents_of(OFFICE.services(("eat_pickup", "eat_pin")))

    assert documents["de"].count("Terminbestätigung") == 1
    assert "PIN-Brief, falls vorhanden" in documents["de"]
    assert {"de", "en"} <= set(documents)


def test_a_document_without_a_translation_is_named_in_german() -> None:
    services = [
        a_service(documents={"de": ("Pass",), "en": ("Passport",)}),
        a_service("b", documents={"de": ("Foto",)}),
    ]

    assert documents_of(services)["en"] == ("Passport", "Foto")


def test_preconditions_are_asked_before_anything_else() -> None:
    services = [a_service(preconditions=(NEW, OLD)), a_service("b", preconditions=(NEW,))]

    assert [precondition.id for precondition in preconditions_of(services)] == ["new", "old"]
    with pytest.raises(PreconditionMissing) as missing:
        check_preconditions(services, {"new": False})
    assert missing.value.ids == ("old",)
    check_preconditions(services, {"new": True, "old": False, "something": True})


@pytest.mark.parametrize(
    ("answers", "id"), [({"new": False, "old": False}, "new"), ({"new": True, "old": True}, "old")]
)
def test_a_wrong_answer_is_told_what_to_do(answers: dict[str, bool], id: str) -> None:
    with pytest.raises(PreconditionNotMet) as error:
        check_preconditions([a_service(preconditions=(NEW, OLD))], answers)
    assert error.value.id == id
    assert error.value.advice == {"new": NEW, "old": OLD}[id].advice
