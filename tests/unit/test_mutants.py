"""The deliberate faults still fit the code, so that `make mutants` shows what the proof is worth."""

from pathlib import Path

import pytest

from tests.mutants.__main__ import FOLDER, apply, copy_code, mutants


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    copy_code(folder)
    return folder


def test_every_deliberate_fault_has_what_must_catch_it() -> None:
    assert [mutant.number for mutant in mutants()] == list(range(1, 9))


@pytest.mark.parametrize("patch", sorted(FOLDER.glob("*.patch")), ids=lambda patch: patch.stem)
def test_a_deliberate_fault_fits_the_code(copy: Path, patch: Path) -> None:
    """Seen to fail with a renamed line in the relay."""
    apply(patch, copy, "--check")
