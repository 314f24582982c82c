"""Who booked: plain only in memory and only here, ciphertext under the appointment's own key everywhere else."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace

from prometheus_client import Counter

from services.booking.domain.appointment import Appointment, ContactDetails
from services.booking.settings import Settings
from services.booking.storage import AlreadyHeld, Invitation, NotFound
from services.booking.storage.keys import KeyStore, WrappedTwice
from services.booking.tokens import Keys
from shared.contracts import Contact, EntryRequest, OpenContact, OpenEntry
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import Client, DatabaseClock
from shared.observability import get_logger
from shared.phones import any_number
from shared.sealed_contact import seal_contact, seal_entry
from shared.sealing import PublicKeys, SymmetricKeys, Unsealable, Wrapped, new_data_key, seal, unseal

log = get_logger()

NOT_OPENED = Counter("persons_not_opened_total", "Times that no key of this process opened a person's data")

_MOST_RECENT = 2000


class Erased(Exception):
    """The person's data are gone, and the key with them."""


@dataclass(frozen=True, slots=True)
class Person:
    """The lead person. `repr` hides it, so that no log line can carry it by accident."""

    family_name: str = field(repr=False)
    given_name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    access_needs: tuple[str, ...] = field(default=(), repr=False)
    # The family name before the citizen corrected it.
    first_name: str | None = field(default=None, repr=False)

    def reached_by(self, given: "GivenContact") -> "Person":
        return replace(self, given_name=given.given_name, email=given.email, phone=given.phone)


# Shown to staff where a key is missing: that is not the same as erased.
UNREADABLE = Person("(nicht lesbar)")


@dataclass(frozen=True, slots=True)
class GivenContact:
    """How to reach a person, as it was given."""

    email: str | None = field(repr=False)
    language: str
    given_name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    sms_consent: bool = False


@dataclass(frozen=True, slots=True)
class _DataKey:
    key: bytes = field(repr=False)
    for_notification: Wrapped
    # What this process sealed last, and as what: it need not open it again a moment later.
    sealed: bytes = field(default=b"", repr=False)
    person: Person | None = field(default=None, repr=False)


class People:
    """Seals before the domain and storage see anything, and opens what must be told or shown."""

    def __init__(
        self,
        store: KeyStore,
        *,
        own_keys: SymmetricKeys,
        notification_keys: PublicKeys,
        secrets: Keys,
        public_url: str,
        clock: DatabaseClock,
    ) -> None:
        self.store = store
        self._own_keys = own_keys
        self._notification_keys = notification_keys
        self._secrets = secrets
        self._public_url = public_url.rstrip("/")
        self._clock = clock
        # The next step of a visit often comes to the same process: it need not read the key again.
        self._recent: OrderedDict[str, _DataKey] = OrderedDict()
        # Key ids that have been missed and named in the log.
        self._missed: set[str] = set()

    async def seal_first(self, id: str, person: Person) -> bytes:
        """Stores the new appointment's key, then gives the ciphertext. A key whose appointment is never
        stored is swept."""
        data_key = await self._new_key(id)
        crash_point(CrashPoint.BOOKING_AFTER_KEY)
        return self._sealed(id, person, data_key)

    async def seal(self, id: str, person: Person) -> bytes:
        """Raises Erased."""
        return self._sealed(id, person, await self._key(id))

    async def open(self, appointment: Appointment) -> Person:
        """Raises Erased, Unsealable."""
        if appointment.person is None:
            raise Erased
        data_key = await self._key(appointment.id)
        if data_key.person and data_key.sealed == appointment.person:
            return data_key.person
        with self._noted(appointment.id):
            return _person(appointment, data_key.key)

    async def open_all(self, appointments: Sequence[Appointment]) -> dict[str, Person]:
        """Whoever is not erased, by the appointment's id: one question to the keys, on a thread of its own.

        Whom our keys do not open is UNREADABLE: one such person must not hide all others of a day.
        """
        sealed = [one for one in appointments if one.person is not None]
        wrapped = await self.store.get_all([one.id for one in sealed]) if sealed else {}
        return await asyncio.to_thread(self._opened, sealed, wrapped)

    def _opened(self, sealed: Sequence[Appointment], wrapped: Mapping[str, WrappedTwice]) -> dict[str, Person]:
        return {one.id: self._readable(one, wrapped[one.id]) for one in sealed if one.id in wrapped}

    def _readable(self, appointment: Appointment, wrapped: WrappedTwice) -> "Person":
        try:
            with self._noted(appointment.id):
                return _person(appointment, self._own_keys.unwrap(wrapped.booking, owner=appointment.id))
        except Unsealable:
            return UNREADABLE

    @contextmanager
    def _noted(self, id: str) -> Iterator[None]:
        """A missing key closes many at once, and each page asks for them anew: the log names each key once."""
        try:
            yield
        except Unsealable as error:
            NOT_OPENED.inc()
            missed = error.key_id or id
            if missed not in self._missed:
                self._missed.add(missed)
                log.error("person_not_opened", key_id=error.key_id, appointment=id)
            raise

    async def fetch_keys(self, ids: Sequence[str]) -> None:
        """One question for all whose persons are asked for next, at most `_MOST_RECENT`."""
        missing = [id for id in ids if id not in self._recent]
        for id, wrapped in (await self.store.get_all(missing)).items() if missing else ():
            # One that does not open says so when its person is asked for.
            with suppress(Unsealable):
                self._keep(id, self._unwrapped(id, wrapped))

    def details(self, given: GivenContact) -> ContactDetails:
        """What rules need to know of it."""
        return ContactDetails(
            language=given.language,
            sms_consent=given.sms_consent,
            has_email=bool(given.email),
            has_phone=bool(given.phone),
            digest=self._secrets.digest("contact|" + json.dumps(asdict(given), sort_keys=True)),
            email_digest=self.email_digest(given.email) if given.email else None,
            phone_digest=self.phone_digest(given.phone) if given.phone else None,
        )

    def email_digest(self, email: str) -> str:
        return self._secrets.digest(f"email|{email}")

    def phone_digest(self, phone: str) -> str | None:
        """None for what is no number."""
        number = any_number(phone)
        return self._secrets.digest(f"phone|{number}") if number else None

    async def told(self, appointment: Appointment) -> Contact:
        """The person, the secret links and the code of the newest message, for notification alone.

        Raises Erased.
        """
        person, data_key = await self.open(appointment), await self._key(appointment.id)
        contact = open_contact_of(appointment, person, secrets=self._secrets, public_url=self._public_url)
        return seal_contact(contact, key=data_key.key, wrapped=data_key.for_notification)

    def invitation(self, invitation: Invitation, *, email: str, language: str, token: str) -> EntryRequest:
        """The mail that brings an invitation's link: sealed for notification alone."""
        return seal_entry(
            OpenEntry(
                entry=invitation.id,
                office=invitation.office,
                language=language,
                expires_at=invitation.expires_at,
                email=email,
                entry_url=f"{self._public_url}/invitation?token={token}",
                service=invitation.service,
            ),
            keys=self._notification_keys,
        )

    async def destroy(self, id: str) -> None:
        """Nothing that was sealed for this appointment opens again."""
        self._recent.pop(id, None)
        await self.store.destroy(id)

    def _sealed(self, id: str, person: Person, data_key: _DataKey) -> bytes:
        sealed = seal(asdict(person), key=data_key.key, owner=id)
        self._keep(id, replace(data_key, sealed=sealed, person=person))
        return sealed

    async def _new_key(self, id: str) -> _DataKey:
        """The key that is there already where the same hold comes twice."""
        key = new_data_key()
        for_notification = self._notification_keys.wrap(key, owner=id)
        wrapped = WrappedTwice(self._own_keys.wrap(key, owner=id), for_notification)
        try:
            await self.store.add(id, wrapped, now=self._clock.now())
        except AlreadyHeld:
            return await self._key(id)
        return self._keep(id, _DataKey(key, for_notification))

    async def _key(self, id: str) -> _DataKey:
        if id in self._recent:
            return self._keep(id, self._recent[id])
        try:
            wrapped = await self.store.get(id)
        except NotFound:
            raise Erased from None
        with self._noted(id):
            return self._keep(id, self._unwrapped(id, wrapped))

    def _unwrapped(self, id: str, wrapped: WrappedTwice) -> _DataKey:
        return _DataKey(self._own_keys.unwrap(wrapped.booking, owner=id), wrapped.notification)

    def _keep(self, id: str, key: _DataKey) -> _DataKey:
        self._recent[id] = key
        self._recent.move_to_end(id)
        if len(self._recent) > _MOST_RECENT:
            self._recent.popitem(last=False)
        return key


def _person(appointment: Appointment, key: bytes) -> Person:
    assert appointment.person is not None
    values = unseal(appointment.person, key=key, owner=appointment.id)
    return Person(**{**values, "access_needs": tuple(values["access_needs"])})


def open_contact_of(appointment: Appointment, person: Person, *, secrets: Keys, public_url: str) -> OpenContact:
    """What messages about `appointment` need, its newest secret links and code included."""
    contact, generation = appointment.contact, appointment.contact_sequence
    assert contact is not None
    assert generation is not None
    confirm = secrets.secret("confirm", appointment.id, generation)
    manage = secrets.secret("manage", appointment.id)
    unsubscribe = secrets.secret("unsubscribe", appointment.id)
    return OpenContact(
        family_name=person.family_name,
        given_name=person.given_name,
        email=person.email,
        phone=person.phone,
        appointment=appointment.id,
        office=appointment.office,
        code=appointment.code,
        language=contact.language,
        sms_consent=contact.sms_consent,
        reminders=contact.reminders,
        confirm_url=f"{public_url}/confirm/{appointment.id}?secret={confirm}",
        confirm_code=secrets.code(appointment.id, generation),
        manage_url=f"{public_url}/manage/{appointment.id}?secret={manage}",
        unsubscribe_url=f"{public_url}/unsubscribe/{appointment.id}/{unsubscribe}",
    )


def people_of(settings: Settings, *, client: Client, secrets: Keys, clock: DatabaseClock) -> People:
    """By the settings; `client` reaches the server that holds the keys."""
    return People(
        KeyStore(client[settings.keys_database]),
        own_keys=SymmetricKeys.read(settings.contact_keys),
        notification_keys=PublicKeys.read(settings.contact_public_keys),
        secrets=secrets,
        public_url=str(settings.public_url),
        clock=clock,
    )
