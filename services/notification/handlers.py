"""What the notification service hears, and what each event brings about."""

from collections.abc import Mapping, Set
from datetime import datetime
from types import MappingProxyType

from services.notification import domain, entries, staff_mails
from services.notification.delivery import Dispatcher
from services.notification.delivery.sending import Clock
from services.notification.farewells import erased_message
from services.notification.purposes import compares, outdates_reminders
from services.notification.storage import Deliveries, Known
from shared.contracts import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentCorrected,
    AppointmentExpired,
    AppointmentJoinedWaitingList,
    AppointmentLeftWaitingList,
    AppointmentOffered,
    AppointmentOfferEnded,
    AppointmentOfficeCancelled,
    AppointmentRecovered,
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentResized,
    AppointmentRestored,
    ContactErased,
    ContactProvided,
    EntryRequested,
    Invited,
    LinkRequested,
    MessageRequested,
    OfficeConflictsFound,
    OfficeDayPlanned,
    OfficePublished,
)
from shared.contracts.appointments import AppointmentEvent
from shared.crashpoints import CrashPoint, crash_point
from shared.messaging import Handlers


def handlers(  # noqa: C901 (a list of handlers, not a decision)
    *,
    known: Known,
    deliveries: Deliveries,
    dispatcher: Dispatcher,
    clock: Clock,
    reminders: bool = True,
    staff_mail: Mapping[str, Set[str]] = MappingProxyType({}),
) -> Handlers:
    """Each may run twice, and in any order with the others: writes are guarded by key and sequence.

    `staff_mail` are an office's own addresses for the day's list and conflicts.
    """
    on = Handlers()

    @on(
        "notification.appointments",
        AppointmentRequested,
        AppointmentConfirmed,
        AppointmentRescheduled,
        AppointmentCancelled,
        AppointmentOfficeCancelled,
        AppointmentRestored,
        AppointmentExpired,
        AppointmentJoinedWaitingList,
        AppointmentLeftWaitingList,
        AppointmentOffered,
        AppointmentOfferEnded,
        AppointmentResized,
        AppointmentCorrected,
        AppointmentRecovered,
    )
    async def plan_messages(event: AppointmentEvent) -> None:
        before = await known.state(event.data.appointment) if compares(event) else None
        office = await known.office(event.data.office)
        # The reminder before the state, so that whoever knows a newer state meets it, or it meets that one.
        reminder = domain.reminder_for(event, office=office) if reminders else None
        if reminder:
            await dispatcher.plan(reminder)
            crash_point(CrashPoint.NOTIFICATION_AFTER_REMINDER)
        is_newest = await known.keep_state(event)
        crash_point(CrashPoint.NOTIFICATION_AFTER_STATE)
        # The mail after it: a delivery that is claimed before its own state would only wait for it.
        mail = domain.message_for(event, office=office, before=before)
        if mail:
            await dispatcher.plan(mail)
        if outdates_reminders(event) or (reminder and not is_newest):
            await _reconsider(event.data.appointment, deliveries, dispatcher, now=clock.now())

    @on("notification.contacts", ContactProvided)
    async def keep_contact(event: ContactProvided) -> None:
        await known.keep_contact(event)
        crash_point(CrashPoint.NOTIFICATION_AFTER_CONTACT)
        await deliveries.contact_came(event.data.appointment, now=clock.now())
        dispatcher.wake()

    @on("notification.contacts", LinkRequested)
    async def plan_link(event: LinkRequested) -> None:
        await known.keep_contact(event)
        crash_point(CrashPoint.NOTIFICATION_AFTER_LINK_CONTACT)
        await dispatcher.plan(domain.link_message(event))

    @on("notification.contacts", MessageRequested)
    async def plan_once_more(event: MessageRequested) -> None:
        await known.keep_state(event)
        delivery = domain.message_once_more(event)
        if delivery:
            await dispatcher.plan(delivery)

    @on("notification.contacts", EntryRequested, Invited)
    async def plan_entry(event: EntryRequested | Invited) -> None:
        await known.keep_entry(event, until=entries.mailed_until(event))
        crash_point(CrashPoint.NOTIFICATION_AFTER_ENTRY)
        await dispatcher.plan(entries.entry_message(event))

    @on("notification.contacts", ContactErased)
    async def erase_contact(event: ContactErased) -> None:
        await _say_farewell(event, known, dispatcher, now=clock.now())
        await known.erase_contact(event)
        await _reconsider(event.data.appointment, deliveries, dispatcher, now=clock.now())

    @on("notification.offices", OfficePublished)
    async def keep_office(event: OfficePublished) -> None:
        await known.keep_office(event)
        crash_point(CrashPoint.NOTIFICATION_AFTER_OFFICE)
        await deliveries.office_came(event.data.id, now=clock.now())
        dispatcher.wake()

    @on("notification.offices", OfficeDayPlanned, OfficeConflictsFound)
    async def plan_staff_mails(event: OfficeDayPlanned | OfficeConflictsFound) -> None:
        addresses = staff_mail.get(event.data.office)
        if not addresses:
            return
        await known.keep_list(event, until=staff_mails.useful_until(event))
        for to in sorted(addresses):
            await dispatcher.plan(staff_mails.staff_message(event, to=to))

    return on


async def _say_farewell(event: ContactErased, known: Known, dispatcher: Dispatcher, *, now: datetime) -> None:
    """Plans the one mail that says so, with a copy of the contact, while there is a contact to copy."""
    id = event.data.appointment
    contact = (await known.contacts([id])).get(id)
    if contact is None or contact.data is None:
        return
    message = erased_message(event, contact=contact.data, state=await known.state(id))
    if message is None or now >= message.not_after:
        return
    await known.keep_farewell(contact.data, sequence=contact.sequence, until=message.not_after)
    await dispatcher.plan(message)
    crash_point(CrashPoint.NOTIFICATION_AFTER_FAREWELL)


async def _reconsider(appointment: str, deliveries: Deliveries, dispatcher: Dispatcher, *, now: datetime) -> None:
    """The appointment's reminders may be wrong now. Those that still hold go on waiting."""
    await deliveries.reconsider_reminders(appointment, now=now)
    crash_point(CrashPoint.NOTIFICATION_AFTER_RECONSIDERED)
    dispatcher.wake()
