"""Everything that reporting keeps: facts, figures and the offices' names."""

from services.reporting.storage.facts import Facts, Mark
from services.reporting.storage.figures import Figures, LeaseLost
from services.reporting.storage.lease import Lease
from services.reporting.storage.offices import OfficeNames, Offices
from services.reporting.storage.query import Interval, Query, Row

__all__ = [
    "Facts",
    "Figures",
    "Interval",
    "Lease",
    "LeaseLost",
    "Mark",
    "OfficeNames",
    "Offices",
    "Query",
    "Row",
]
