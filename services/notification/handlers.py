"""What the notification service hears, and what each event brings about."""

import asyncio

from services.notification import domain, entries
from services.notification.delivery import Dispatcher
from services.notification.delivery.sending import Clock
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
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentResized,
    AppointmentRestored,
    ContactErased,
    ContactProvided,
    EntryRequested,
    LinkRequested,
    MessageRequested,
    OfficePublished,
)
from shared.contracts.appointments import AppointmentEvent
from shared.crashpoints import CrashPoint, crash_point
from shared.messaging import Handlers


def handlers(*, known: Known, deliveries: Deliveries, dispatcher: Dispatcher, clock: Clock) -> Handlers:
    """Each may run twice, and in any order with the others: writes are guarded by key and sequence."""
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
    )
    async def plan_messages(event: AppointmentEvent) -> None:
        before = await known.state(event.data.appointment) if compares(event) else None
        # The state first: a delivery that is claimed before its own state would only wait for it.
        await known.keep_state(event)
        crash_point(CrashPoint.NOTIFICATION_AFTER_STATE)
        office = await known.office(event.data.office)
        mail, reminder = (
            domain.message_for(event, office=office, before=before),
            domain.reminder_for(event, office=office),
        )
        await asyncio.gather(*(dispatcher.plan(delivery) for delivery in (mail, reminder) if delivery))
        if outdates_reminders(event):
            await deliveries.reconsider_reminders(event.data.appointment, before=event.sequence, now=clock.now())
            dispatcher.wake()

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

    @on("notification.contacts", EntryRequested)
    async def plan_entry(event: EntryRequested) -> None:
        await known.keep_entry(event)
        crash_point(CrashPoint.NOTIFICATION_AFTER_ENTRY)
        await dispatcher.plan(entries.entry_message(event))

    @on("notification.contacts", ContactErased)
    async def erase_contact(event: ContactErased) -> None:
        await known.erase_contact(event)

    @on("notification.offices", OfficePublished)
    async def keep_office(event: OfficePublished) -> None:
        await known.keep_office(event)
        crash_point(CrashPoint.NOTIFICATION_AFTER_OFFICE)
        await deliveries.office_came(event.data.id, now=clock.now())
        dispatcher.wake()

    return on
