"""Everything that reporting keeps: facts, figures and the offices' names."""

from services.reporting.storage.facts import KINDS, Facts, Mark
from services.reporting.storage.figures import Figures, LeaseLost
from services.reporting.storage.lease import Lease
from services.reporting.storage.offices import OfficeData, Offices
from services.reporting.storage.query import Interval, Query, Row
from services.reporting.storage.today import Moment, Today

# The collections that are made anew by a rebuild.
REBUILT = (*KINDS.values(), "figures", "days", "offices")

__all__ = [
    "REBUILT",
    "Facts",
    "Figures",
    "Interval",
    "Lease",
    "LeaseLost",
    "Mark",
    "Moment",
    "OfficeData",
    "Offices",
    "Query",
    "Row",
    "Today",
]
