"""A key that is missing, as after a restore with other secrets, hides one name and breaks no list."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from services.booking.commands.core import Core
from services.booking.people import UNREADABLE
from shared.sealing import SymmetricKeys, Unsealable
from tests.builders import a_confirmed, a_person
from tests.sealed import KeysInMemory, some_people

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_whom_no_key_opens_stands_there_as_unreadable_beside_the_others() -> None:
    store = KeysInMemory()
    before = some_people(store, own_keys=SymmetricKeys({"k0": b"o" * 32}))
    now = some_people(store)
    sealed = {
        id: replace(a_confirmed(), id=id, person=await people.seal_first(id, a_person()))
        for id, people in (("old", before), ("new", now))
    }

    found = await now.open_all(list(sealed.values()))

    assert found == {"old": UNREADABLE, "new": a_person()}


async def test_an_unreadable_name_is_shown_as_such_and_never_decides_a_desk() -> None:
    store = KeysInMemory()
    sealed = await some_people(store, own_keys=SymmetricKeys({"k0": b"o" * 32})).seal_first("old", a_person())
    appointment = replace(a_confirmed(), id="old", person=sealed)
    core = cast(Core, SimpleNamespace(people=some_people(store)))

    assert await Core.person_of(core, appointment) is UNREADABLE
    with pytest.raises(Unsealable):
        await Core.family_name_of(core, appointment)
