"""Contacts are opened here, in memory, for the moment in which a message is planned or made."""

from functools import lru_cache

from services.notification.domain import KnownContact
from services.notification.storage import SealedContact
from shared.contracts import EntryRequest, OpenEntry
from shared.sealed_contact import open_contact, open_entry, wrapped_key
from shared.sealing import PrivateKeys, Wrapped

# The messages of one appointment come close together: unwrapping its key costs ten times as much as the rest.
_MOST_RECENT = 2000


class Opener:
    def __init__(self, keys: PrivateKeys) -> None:
        self._keys = keys
        self._unwrapped = lru_cache(maxsize=_MOST_RECENT)(self._unwrap)

    def open(self, contact: SealedContact | None) -> KnownContact | None:
        """Raises Unsealable."""
        if contact is None or contact.data is None:
            return KnownContact(contact.sequence, None) if contact else None
        key = self._unwrapped(wrapped_key(contact.data), contact.data.appointment)
        return KnownContact(contact.sequence, open_contact(contact.data, key=key))

    def open_entry(self, entry: EntryRequest | None) -> OpenEntry | None:
        """Raises Unsealable. Its key is not remembered: there is one mail of it."""
        if entry is None:
            return None
        return open_entry(entry, key=self._unwrap(wrapped_key(entry), entry.entry))

    def _unwrap(self, wrapped: Wrapped, owner: str) -> bytes:
        return self._keys.unwrap(wrapped, owner=owner)
