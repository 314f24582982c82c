"""A kind of document that has been through two changes is read from any of its forms."""

from copy import deepcopy

from shared.mongo import Document
from shared.upcasting import Schema


def names_in_one(document: Document) -> Document:
    if "first" not in document:
        return document
    kept = {name: value for name, value in document.items() if name not in ("first", "last")}
    return {**kept, "name": {"first": document["first"], "last": document["last"]}}


def minutes_for_hours(document: Document) -> Document:
    return {**document, "minutes": document["hours"] * 60} if "hours" in document else document


VISITS = Schema("visits", (names_in_one, minutes_for_hours))
NEW = {"name": {"first": "Ada", "last": "L"}, "hours": 1, "minutes": 60}


def test_a_document_is_read_from_whichever_schema_it_has() -> None:
    first = {"first": "Ada", "last": "L", "hours": 1}
    second = {"schema": 2, "name": {"first": "Ada", "last": "L"}, "hours": 1}
    assert VISITS.newest == 3
    assert VISITS.read(first) == NEW
    assert VISITS.read({**first, "schema": 1}) == {**NEW, "schema": 1}
    assert VISITS.read(second) == {**NEW, "schema": 2}


def test_what_is_newest_or_newer_is_read_as_it_stands() -> None:
    for schema in (3, 4):
        document = {"schema": schema, "first": "is what a newer version calls something else", "hours": 1}
        assert VISITS.read(document) == document


def test_reading_changes_nothing_in_what_was_read() -> None:
    stored = {"first": "Ada", "last": "L", "hours": 1}
    before = deepcopy(stored)
    VISITS.read(stored)
    assert stored == before


def test_rewritten_twice_is_rewritten_once() -> None:
    once = VISITS.rewritten({"first": "Ada", "last": "L", "hours": 1})
    assert once == {**NEW, "schema": 3}
    assert VISITS.rewritten(once) == once


def test_without_upcasts_the_first_schema_is_the_newest() -> None:
    assert (Schema("plain").newest, Schema("plain").read({"x": 1})) == (1, {"x": 1})
