"""What booking hears."""

from services.booking.commands import Booking, Reaching
from services.booking.domain.appointment import Expired, WrongStatus
from services.booking.storage import NotFound
from shared.contracts import (
    NotificationDelivered,
    NotificationExpired,
    NotificationFailed,
    NotificationSent,
    NotificationSuperseded,
    NotificationUndeliverable,
)
from shared.contracts.notifications import NotificationEvent
from shared.messaging import Handlers
from shared.observability import get_logger

log = get_logger()


def handlers(*, booking: Booking, reaching: Reaching) -> Handlers:
    on = Handlers()

    @on(
        "booking.notifications",
        NotificationSent,
        NotificationDelivered,
        NotificationFailed,
        NotificationUndeliverable,
        NotificationExpired,
        NotificationSuperseded,
    )
    async def follow_message(event: NotificationEvent) -> None:
        if event.data.purpose == "confirm_request" and isinstance(
            event, NotificationSent | NotificationUndeliverable
        ):
            await start_time_to_confirm(event)
        await reaching.heard(event)

    async def start_time_to_confirm(event: NotificationEvent) -> None:
        """The time to confirm starts when the message was handed over, not before.

        It starts as well where no message can be: the address can be put right meanwhile.
        """
        try:
            await booking.message_settled(event.data.appointment, caused_by=event.data.caused_by)
        except (NotFound, Expired, WrongStatus) as error:
            log.info("confirmation_not_awaited", reason=type(error).__name__)

    return on
