"""The states that this process wrote last: the next step of a visit often comes to the same process."""

from collections import OrderedDict

from services.booking.domain.appointment import Appointment

_MOST = 2000


class Recent:
    """Each is given once. It may be out of date: only a write that is guarded by its version may build on it."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, Appointment] = OrderedDict()

    def keep(self, appointment: Appointment) -> None:
        self._states[appointment.id] = appointment
        if len(self._states) > _MOST:
            self._states.popitem(last=False)

    def take(self, id: str) -> Appointment | None:
        return self._states.pop(id, None)
