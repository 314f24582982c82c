"""Somebody who knows every public number, and which cells each is the sum of, and can do linear algebra."""

from collections.abc import Iterable
from typing import Generic, TypeVar

Cell = TypeVar("Cell")
# Numbers far smaller than this, so what holds modulo it holds.
_PRIME = 2_147_483_647


class Attacker(Generic[Cell]):
    """Keeps what was `told` as equations over the cells, in echelon form."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        self._place = {cell: number for number, cell in enumerate(cells)}
        self._known: dict[int, list[int]] = {}

    def told(self, form: Iterable[Cell]) -> None:
        """A public number is the sum of these cells."""
        row = self._reduced(form)
        pivot = next((number for number, value in enumerate(row) if value), None)
        if pivot is not None:
            inverse = pow(row[pivot], -1, _PRIME)
            self._known[pivot] = [value * inverse % _PRIME for value in row]

    def knows(self, form: Iterable[Cell]) -> bool:
        """Whether the sum of these cells follows from what was told."""
        return not any(self._reduced(form))

    def _reduced(self, form: Iterable[Cell]) -> list[int]:
        row = [0] * len(self._place)
        for cell in form:
            row[self._place[cell]] += 1
        for pivot in sorted(self._known):
            if factor := row[pivot]:
                row = [(a - factor * b) % _PRIME for a, b in zip(row, self._known[pivot], strict=True)]
        return row
