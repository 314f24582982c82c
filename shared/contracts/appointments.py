"""Exchange `appointments`: what happens to appointments, without any personal data.

Every event carries the appointment's whole state, so the newest one alone is enough.
"""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.contracts.event import Data, Event


class Step(Data):
    """One step of an appointment's life: `held`, `requested`, `confirmation_sent`, `confirmed`, …

    `by` is who took it: `citizen`, `staff` or `system`.
    """

    step: str
    at: AwareDatetime
    by: str = "citizen"


class AppointmentState(Data):
    """An appointment as others may know it. Times are UTC, `[starts_at, ends_at)`.

    While it only waits for a time (`waiting`), both times are the end of its last suitable day and `lane` is
    empty. `municipalities` holds one AGS per member, the lead person's first. `contact_sequence` is the
    sequence of the newest contact event, for those who may hear it. `previous_starts_at` is what a reschedule
    changed. `offer_…` is a time that waits for an answer, `offers` how many were made. `reason` says why the
    office acted, `proposals` are free times as it cancelled. Minutes of waiting and handling leave out pauses.
    `accepted_at` is when offers were accepted, `emergency` says that a time kept for emergencies was taken.
    `outcome` is the status before the person's data were erased.
    """

    appointment: str
    office: str
    service: str
    further_services: tuple[str, ...] = ()
    team: str
    lane: str
    status: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    persons: int = Field(ge=1)
    children_under_6: int = Field(ge=0)
    municipalities: tuple[str, ...]
    channel: str
    language: str | None = None
    expires_at: AwareDatetime | None = None
    contact_sequence: int | None = None
    reschedules: int = 0
    steps: tuple[Step, ...] = ()
    previous_starts_at: AwareDatetime | None = None
    waits: bool = False
    offers: int = 0
    offer_starts_at: AwareDatetime | None = None
    offer_ends_at: AwareDatetime | None = None
    offer_expires_at: AwareDatetime | None = None
    reason: str | None = None
    proposals: tuple[AwareDatetime, ...] = ()
    calls: int = 0
    waiting_minutes: int | None = None
    handling_minutes: int | None = None
    outcome: str | None = None
    accepted_at: tuple[AwareDatetime, ...] = ()
    emergency: bool = False


class AppointmentEvent(Event):
    exchange: ClassVar[str] = "appointments"
    data: AppointmentState


class AppointmentHeld(AppointmentEvent):
    """A time was taken for somebody who is still typing."""

    type: Literal["appointment.held.v1"] = "appointment.held.v1"


class AppointmentRequested(AppointmentEvent):
    """Contact details came in; the message that asks to confirm is due."""

    type: Literal["appointment.requested.v1"] = "appointment.requested.v1"


class AppointmentConfirmationSent(AppointmentEvent):
    """The message that asks to confirm was handed over; the time to confirm runs from here."""

    type: Literal["appointment.confirmation_sent.v1"] = "appointment.confirmation_sent.v1"


class AppointmentConfirmed(AppointmentEvent):
    """The time is the citizen's: confirmed by the message, by an accepted offer, or at once by staff."""

    type: Literal["appointment.confirmed.v1"] = "appointment.confirmed.v1"


class AppointmentRescheduled(AppointmentEvent):
    """Moved to another time, by the citizen or by the office."""

    type: Literal["appointment.rescheduled.v1"] = "appointment.rescheduled.v1"


class AppointmentReassigned(AppointmentEvent):
    """Another desk at the same time; nobody needs to be told."""

    type: Literal["appointment.reassigned.v1"] = "appointment.reassigned.v1"


class AppointmentResized(AppointmentEvent):
    """Somebody joined or left the group: the same start, another length."""

    type: Literal["appointment.resized.v1"] = "appointment.resized.v1"


class AppointmentCorrected(AppointmentEvent):
    """The name was put right; a new contact goes with it."""

    type: Literal["appointment.corrected.v1"] = "appointment.corrected.v1"


class AppointmentCancelled(AppointmentEvent):
    """By the citizen, or by staff because the citizen asked."""

    type: Literal["appointment.cancelled.v1"] = "appointment.cancelled.v1"


class AppointmentOfficeCancelled(AppointmentEvent):
    """The office cannot keep the time."""

    type: Literal["appointment.office_cancelled.v1"] = "appointment.office_cancelled.v1"


class AppointmentRestored(AppointmentEvent):
    """A cancellation was taken back while its time still cooled."""

    type: Literal["appointment.restored.v1"] = "appointment.restored.v1"


class AppointmentExpired(AppointmentEvent):
    """A hold, a request that nobody confirmed, or a wish whose last day has passed."""

    type: Literal["appointment.expired.v1"] = "appointment.expired.v1"


class AppointmentJoinedWaitingList(AppointmentEvent):
    """A proven address waits for a time, or for an earlier one."""

    type: Literal["appointment.joined_waiting_list.v1"] = "appointment.joined_waiting_list.v1"


class AppointmentLeftWaitingList(AppointmentEvent):
    """Somebody with an appointment waits for no other time any more."""

    type: Literal["appointment.left_waiting_list.v1"] = "appointment.left_waiting_list.v1"


class AppointmentOffered(AppointmentEvent):
    """The next in line has a time alone until it expires."""

    type: Literal["appointment.offered.v1"] = "appointment.offered.v1"


class AppointmentOfferEnded(AppointmentEvent):
    """The offer was declined or ran out."""

    type: Literal["appointment.offer_ended.v1"] = "appointment.offer_ended.v1"


class AppointmentCheckedIn(AppointmentEvent):
    """The person is there; for walk-ins this is where it begins."""

    type: Literal["appointment.checked_in.v1"] = "appointment.checked_in.v1"


class AppointmentCalled(AppointmentEvent):
    type: Literal["appointment.called.v1"] = "appointment.called.v1"


class AppointmentStarted(AppointmentEvent):
    """The person sits at the desk."""

    type: Literal["appointment.started.v1"] = "appointment.started.v1"


class AppointmentCompleted(AppointmentEvent):
    type: Literal["appointment.completed.v1"] = "appointment.completed.v1"


class AppointmentNoShow(AppointmentEvent):
    type: Literal["appointment.no_show.v1"] = "appointment.no_show.v1"


class AppointmentUndone(AppointmentEvent):
    """The last action of the day was taken back: the state is as before it."""

    type: Literal["appointment.undone.v1"] = "appointment.undone.v1"


class AppointmentAnonymised(AppointmentEvent):
    """The person's data were erased; what remains says nothing of a person, and no figure changes."""

    type: Literal["appointment.anonymised.v1"] = "appointment.anonymised.v1"


class AppointmentRecovered(AppointmentEvent):
    """Restored from a backup: this state counts from now on, whatever was heard of a later one. Nobody is told."""

    type: Literal["appointment.recovered.v1"] = "appointment.recovered.v1"


class Demand(Data):
    """What was looked for in one minute, as one booking process (`instance`) saw it: counts only.

    `proofs_asked` and `proofs_failed` are holds that needed a proof of work and had none or a wrong one, `refused`
    what came too often from one address, `many_holds` addresses with very many holds, `quick_rebookings` times
    that were held within seconds of becoming free.
    """

    office: str
    minute: AwareDatetime
    instance: str
    searches: int = 0
    searches_without_result: int = 0
    out_of_area: dict[str, int] = Field(default_factory=dict)
    slot_taken: int = 0
    proofs_asked: int = 0
    proofs_failed: int = 0
    refused: int = 0
    many_holds: int = 0
    quick_rebookings: int = 0


class DemandMeasured(Event):
    """The counts of one minute so far; a later event of the same subject replaces them."""

    exchange: ClassVar[str] = "appointments"
    type: Literal["demand.measured.v1"] = "demand.measured.v1"
    data: Demand
