"""Settles in the background what time alone has decided: expired holds, cooled cells, past appointments."""

from datetime import timedelta

from prometheus_client import Counter

from services.booking.commands import Booking
from services.booking.domain.appointment import Appointment
from services.booking.storage import Appointments
from shared.crashpoints import CrashPoint, crash_point
from shared.lifecycle import Repeating
from shared.mongo import DatabaseClock, PyMongoError
from shared.observability import get_logger

log = get_logger()

SETTLED = Counter("appointments_settled_total", "Expired holds and cooled cells that the sweeper settled")

_AT_ONCE = 200


class Sweeper(Repeating):
    """Runs in every booking process: each write is guarded, so two sweepers only share the work."""

    def __init__(
        self, booking: Booking, *, appointments: Appointments, clock: DatabaseClock, every: timedelta
    ) -> None:
        super().__init__(self._sweep, every=every)
        self._booking = booking
        self._appointments = appointments
        self._clock = clock

    async def _sweep(self) -> None:
        try:
            await self.sweep()
        except PyMongoError as error:
            log.warning("sweep_failed", error=type(error).__name__)
        except Exception as error:
            # One appointment that cannot be settled must not end the loop for all others.
            log.error("sweep_failed", exc_info=error)

    async def _settle(self, appointment: Appointment) -> None:
        try:
            await self._booking.settle(appointment)
        except PyMongoError:
            raise
        except Exception as error:
            log.error("appointment_not_settled", appointment=appointment.id, exc_info=error)
        else:
            crash_point(CrashPoint.BOOKING_AFTER_SETTLE)
            SETTLED.inc()

    async def sweep(self) -> None:
        due = await self._appointments.due(now=self._clock.now(), most=_AT_ONCE)
        for appointment in due:
            await self._settle(appointment)
        await self._appointments.drop_past_cells(now=self._clock.now())
