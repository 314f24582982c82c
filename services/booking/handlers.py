"""What booking hears."""

from services.booking.commands import Booking
from services.booking.domain.appointment import Expired, WrongStatus
from services.booking.storage import NotFound
from shared.contracts import NotificationSent, NotificationUndeliverable
from shared.messaging import Handlers
from shared.observability import get_logger

log = get_logger()


def handlers(*, booking: Booking) -> Handlers:
    on = Handlers()

    @on("booking.notifications", NotificationSent, NotificationUndeliverable)
    async def start_time_to_confirm(event: NotificationSent | NotificationUndeliverable) -> None:
        """The time to confirm starts when the message was handed over, not before.

        It starts as well where no message can be: the address can be put right meanwhile.
        """
        if event.data.purpose != "confirm_request":
            return
        try:
            await booking.message_settled(event.data.appointment, caused_by=event.data.caused_by)
        except (NotFound, Expired, WrongStatus) as error:
            log.info("confirmation_not_awaited", reason=type(error).__name__)

    return on
