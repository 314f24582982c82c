"""Offers in the background what has become free to those who wait."""

from datetime import timedelta

from prometheus_client import Counter

from services.booking.commands import WaitingList
from services.booking.memory import NotLoaded
from shared.lifecycle import Repeating
from shared.mongo import PyMongoError
from shared.observability import get_logger

log = get_logger()

OFFERED = Counter("appointments_offered_total", "Times offered to the waiting list")


class Offering(Repeating):
    """Runs in every booking process: an offer is one guarded write, so two processes only share the work."""

    def __init__(self, waiting_list: WaitingList, *, every: timedelta) -> None:
        super().__init__(self._offer, every=every)
        self._waiting_list = waiting_list

    async def _offer(self) -> None:
        try:
            OFFERED.inc(await self._waiting_list.offer_all())
        except (PyMongoError, NotLoaded) as error:
            log.warning("nothing_offered", error=type(error).__name__)
        except Exception as error:
            log.error("nothing_offered", exc_info=error)
