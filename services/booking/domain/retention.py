"""How long the data of a person stay, by what became of the appointment (GDPR Art. 5 I e)."""

from datetime import datetime, timedelta
from typing import Literal

from services.booking.domain.appointment import CANCELLED, Appointment
from services.booking.domain.rules import Retention

# What is counted of erasures: why the time was over, or that the person asked for it.
Kind = Literal["hold", "unconfirmed", "cancelled", "visit", "request"]


def kind_of(appointment: Appointment) -> Kind | None:
    """Which of the office's times counts; None while nobody knows yet, and where nothing is left to erase."""
    if appointment.status == "anonymised":
        return None
    if appointment.status == "expired":
        return "unconfirmed" if appointment.contact else "hold"
    if appointment.status in CANCELLED:
        return "cancelled"
    return None if appointment.status in ("held", "requested") else "visit"


def kept_until(appointment: Appointment, rules: Retention) -> datetime | None:
    """When the person's data are to be erased, by what is known now."""
    kind = kind_of(appointment)
    if kind is None:
        return None
    if kind == "visit":
        return appointment.ends_at + timedelta(days=rules.visit_days)
    assert appointment.ended_at is not None
    return (
        appointment.ended_at
        + {
            "hold": timedelta(hours=rules.hold_hours),
            "unconfirmed": timedelta(hours=rules.unconfirmed_hours),
            "cancelled": timedelta(days=rules.cancelled_days),
        }[kind]
    )
