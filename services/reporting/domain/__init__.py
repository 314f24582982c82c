"""What is counted and how: no input, no output, no clock."""

from services.reporting.domain.facts import (
    AppointmentFact,
    Bucket,
    DemandFact,
    Entry,
    Fact,
    MessageFact,
    buckets_of,
)
from services.reporting.domain.figures import FIGURES, MESSAGE_OUTCOMES, SUMS, Figure, Group, column_names
from services.reporting.domain.tallies import Tally, nearest_rank

__all__ = [
    "FIGURES",
    "MESSAGE_OUTCOMES",
    "SUMS",
    "AppointmentFact",
    "Bucket",
    "DemandFact",
    "Entry",
    "Fact",
    "Figure",
    "Group",
    "MessageFact",
    "Tally",
    "buckets_of",
    "column_names",
    "nearest_rank",
]
