"""A key that is missing, as after a restore with other secrets, hides one name and breaks no list."""

from dataclasses import replace

import pytest

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
    with pytest.raises(Unsealable):
        await some_people(store).open(sealed["old"])
