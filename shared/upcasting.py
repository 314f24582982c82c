"""What a kind of document has been through: old ones are made newer as they are read; `migrate` rewrites them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.mongo import Document

# Gives the document of the next schema. It sees whatever was read, maybe a part of the document, or one that
# somebody has brought forward already: it looks for what it moves, and changes nothing where that is not there. It
# gives a new document and leaves the old one, with all that is inside it, as it is.
Upcast = Callable[[Document], Document]


@dataclass(frozen=True, slots=True)
class Schema:
    """The documents of one collection. `upcasts` in order: the first makes schema 2 of schema 1.

    `left_behind` finds documents in which the version before leaves something while both serve, though they are of
    the newest schema: it knows nothing of that, and writes only what it changes.
    """

    collection: str
    upcasts: tuple[Upcast, ...] = ()
    left_behind: Document | None = None

    @property
    def newest(self) -> int:
        return 1 + len(self.upcasts)

    @property
    def behind(self) -> Document | None:
        """What finds them; a newer version knows itself what is old in its own."""
        return self.left_behind and {**self.left_behind, "schema": self.newest}

    def read(self, document: Mapping[str, Any]) -> Document:
        """As the newest schema has it. What a newer version has written is left as it is."""
        return self._after(document, document.get("schema", 1))

    def rewritten(self, document: Mapping[str, Any]) -> Document:
        """All upcasts, whatever schema it says that it has."""
        return {**self._after(document, 1), "schema": self.newest}

    def _after(self, document: Mapping[str, Any], schema: int) -> Document:
        newer = dict(document)
        for upcast in self.upcasts[schema - 1 :]:
            newer = upcast(newer)
        return newer
