"""Named places between a write and its acknowledgement where a test lets the process die.

`AMTSTERMIN_CRASH_AT=relay_after_confirm` ends the process, as `kill -9` would, when it comes to that place;
`relay_after_confirm:3` when it comes there for the third time. `@<file>` names a file that holds such a setting,
or none, and is read at each point: it arms a process that runs. Read once, at import. Where it is not set,
`crash_point` does nothing: with the look-up of the member 0.1 µs on Python 3.11, beside some 200 µs for the
cheapest event.
"""

import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from shared.observability import get_logger

log = get_logger()

VARIABLE = "AMTSTERMIN_CRASH_AT"
EXIT_CODE = 137


class CrashPoint(StrEnum):
    """Each with what is true when the process dies there."""

    BOOKING_AFTER_KEY = "booking_after_key"
    """The key for a hold's data is stored; the hold is not."""
    BOOKING_BEFORE_INSERT = "booking_before_insert"
    """A hold is decided; nothing is stored but the key for its data."""
    BOOKING_AFTER_INSERT = "booking_after_insert"
    """A hold is stored; neither the relay nor the client knows."""
    BOOKING_BEFORE_APPLY = "booking_before_apply"
    """A change is decided; nothing is stored."""
    BOOKING_AFTER_APPLY = "booking_after_apply"
    """A change is stored; neither the relay nor the client knows."""
    BOOKING_AFTER_TOGETHER = "booking_after_together"
    """Several changes are stored at once; neither the relay nor the client knows."""
    BOOKING_AFTER_LINK = "booking_after_link"
    """The wish for a link is stored with its event; the relay does not know."""
    BOOKING_AFTER_CODE_TRY = "booking_after_code_try"
    """A right code has cost a try; it is neither given back nor is the appointment confirmed."""
    BOOKING_AFTER_RELEASE = "booking_after_release"
    """Cooled cells are free in the database; this process's memory does not know."""
    BOOKING_AFTER_SETTLE = "booking_after_settle"
    """The sweeper has settled one appointment; others that are due wait."""
    BOOKING_AFTER_ERASURE_CANCELLED = "booking_after_erasure_cancelled"
    """Who wants to be forgotten has a cancelled appointment; the person's data still stand."""
    BOOKING_AFTER_ANONYMISED = "booking_after_anonymised"
    """The person is erased from the appointment with the event that says so; the key is still there."""
    BOOKING_AFTER_KEY_DESTROYED = "booking_after_key_destroyed"
    """The key is gone; the appointment does not say so."""
    BOOKING_AFTER_ENTRY = "booking_after_entry"
    """The wish for a link to book with is stored with its event; the relay does not know."""
    BOOKING_AFTER_OFFICE = "booking_after_office"
    """A new version of an office is stored; the relay does not know."""
    BOOKING_AFTER_DEMAND = "booking_after_demand"
    """A minute of searches is stored; the relay does not know."""

    RELAY_BEFORE_PUBLISH = "relay_before_publish"
    """An event is stored and about to be published."""
    RELAY_AFTER_CONFIRM = "relay_after_confirm"
    """The broker has an event; it still stands in the outbox."""
    RELAY_AFTER_PULL = "relay_after_pull"
    """An event is published and out of the outbox; this process's notes do not say so."""
    RELAY_AFTER_LEASE = "relay_after_lease"
    """The lease to sweep is taken; nothing is swept."""

    CONSUMER_BEFORE_HANDLER = "consumer_before_handler"
    """A message is taken from its queue; nothing is done with it."""
    CONSUMER_AFTER_HANDLER = "consumer_after_handler"
    """Everything an event brings about is stored; its message is not acknowledged."""
    CONSUMER_BEFORE_REPUBLISH = "consumer_before_republish"
    """A message failed or cannot be read; it stands in no retry or parking queue yet."""
    CONSUMER_AFTER_RETRY = "consumer_after_retry"
    """A message that failed stands in a retry queue; the first one is not acknowledged."""
    CONSUMER_AFTER_PARKING = "consumer_after_parking"
    """A message is parked; the first one is not acknowledged."""

    NOTIFICATION_AFTER_STATE = "notification_after_state"
    """An appointment's state is kept; the message it asks for is not planned."""
    NOTIFICATION_AFTER_REMINDER = "notification_after_reminder"
    """The reminder of a visit is planned; the state that asks for it is not kept."""
    NOTIFICATION_AFTER_RECONSIDERED = "notification_after_reconsidered"
    """Reminders that may be wrong now are due to be decided anew; nobody is woken, the event not acknowledged."""
    NOTIFICATION_AFTER_PLAN = "notification_after_plan"
    """A delivery is stored, claimed by this process; the event is not acknowledged."""
    NOTIFICATION_AFTER_CONTACT = "notification_after_contact"
    """A contact is kept; deliveries that wait for it are not woken."""
    NOTIFICATION_AFTER_LINK_CONTACT = "notification_after_link_contact"
    """The contact of a wish for a link is kept; the message is not planned."""
    NOTIFICATION_AFTER_FAREWELL = "notification_after_farewell"
    """The mail that says that somebody is erased is planned, with a copy of the contact; nothing is erased."""
    NOTIFICATION_AFTER_KEY_ERASED = "notification_after_key_erased"
    """The key of an erased contact is gone; its ciphertext still stands."""
    NOTIFICATION_AFTER_ENTRY = "notification_after_entry"
    """The address of a wish for a link to book with is kept; the message is not planned."""
    NOTIFICATION_AFTER_OFFICE = "notification_after_office"
    """An office is kept; deliveries that wait for it are not woken."""
    NOTIFICATION_AFTER_CLAIM = "notification_after_claim"
    """Deliveries that were due are claimed; the process does not know yet which."""
    NOTIFICATION_AFTER_SMS_PLAN = "notification_after_sms_plan"
    """The SMS beside a mail is planned; the mail has not gone out."""
    NOTIFICATION_BEFORE_HAND_OVER = "notification_before_hand_over"
    """A message is about to be handed to the provider."""
    NOTIFICATION_AFTER_HAND_OVER = "notification_after_hand_over"
    """The provider has taken a message; nothing says so. The one place that sends a message twice."""
    NOTIFICATION_AFTER_RECORD = "notification_after_record"
    """What became of deliveries is stored with its events; the relay does not know."""
    NOTIFICATION_AFTER_UNDELIVERABLE = "notification_after_undeliverable"
    """That nothing can arrive is stored with its event; the relay does not know."""
    NOTIFICATION_BEFORE_SETTLE = "notification_before_settle"
    """A failure is looked into, and what follows is stored; it still counts as not looked into."""
    NOTIFICATION_AFTER_SETTLE = "notification_after_settle"
    """A failure is settled; others that failed wait."""

    REPORTING_AFTER_FACT = "reporting_after_fact"
    """A fact is stored with its marks; the refresher is not woken and the event not acknowledged."""
    REPORTING_AFTER_MARKS = "reporting_after_marks"
    """The lease to refresh is taken and the marks are read; no figure is written."""
    REPORTING_AFTER_FIGURES = "reporting_after_figures"
    """Figures are written; the marks that asked for them still stand."""
    REPORTING_AFTER_CLEAR = "reporting_after_clear"
    """The marks are cleared; the next pass has not begun."""


class UnknownCrashPoint(ValueError):
    pass


def parse(setting: str) -> tuple[CrashPoint, int]:
    """`<name>` or `<name>:<n>`, n from 1. Raises UnknownCrashPoint."""
    name, _, times = setting.partition(":")
    if name not in set(CrashPoint):
        raise UnknownCrashPoint(f"there is no crash point {name!r}, but: {', '.join(CrashPoint)}")
    if times and not (times.isdecimal() and int(times) > 0):
        raise UnknownCrashPoint(f"{times!r} is no number of times from 1 on")
    return CrashPoint(name), int(times or 1)


class _Armed:
    """`crash_point` for one setting. Raises UnknownCrashPoint."""

    def __init__(self, setting: str) -> None:
        self._point, self._times = parse(setting)
        self._reached = 0

    def __call__(self, point: CrashPoint) -> None:
        if point is not self._point:
            return
        self._reached += 1
        if self._reached == self._times:
            os.write(2, f"crash point {point.value}:{self._reached}: the process ends here\n".encode())
            os._exit(EXIT_CODE)


class _ArmedByFile:
    """`crash_point` for whatever setting stands in `file` at the moment, counted from its first look on."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._setting = ""
        self._armed: Callable[[CrashPoint], None] = _off

    def __call__(self, point: CrashPoint) -> None:
        setting = self._read()
        if setting != self._setting:
            self._setting, self._armed = setting, _Armed(setting) if setting else _off
        self._armed(point)

    def _read(self) -> str:
        try:
            return self._file.read_text().strip()
        except FileNotFoundError:
            return ""


def warn_if_armed() -> None:
    """So that nobody wonders why the process ends."""
    if SETTING:
        log.warning("crash_point_armed", setting=SETTING)


def _off(point: CrashPoint) -> None:
    pass


def _bound(setting: str) -> Callable[[CrashPoint], None]:
    if setting.startswith("@"):
        return _ArmedByFile(Path(setting[1:]))
    try:
        return _Armed(setting) if setting else _off
    except UnknownCrashPoint as error:
        sys.exit(f"{VARIABLE}: {error}")


SETTING = os.environ.get(VARIABLE, "")
crash_point: Callable[[CrashPoint], None] = _bound(SETTING)
