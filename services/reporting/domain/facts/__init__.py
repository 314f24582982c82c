"""Facts, and what each adds to which bucket.

A fact is the newest known state of one appointment, message, minute of searches, planned day or look at free
times. Every figure is a sum over facts of what `entries` yields, so a fact that changes moves from bucket to
bucket and is never counted twice.
"""

from services.reporting.domain.facts.appointments import AppointmentFact, Step
from services.reporting.domain.facts.demand import DemandFact
from services.reporting.domain.facts.messages import MessageFact
from services.reporting.domain.facts.places import Bucket, Entry, Fact, buckets_of, local_day
from services.reporting.domain.facts.supply import CapacityFact, Found, FreeTimesFact, Planned

__all__ = [
    "AppointmentFact",
    "Bucket",
    "CapacityFact",
    "DemandFact",
    "Entry",
    "Fact",
    "Found",
    "FreeTimesFact",
    "MessageFact",
    "Planned",
    "Step",
    "buckets_of",
    "local_day",
]
