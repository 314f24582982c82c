"""Everything that reporting keeps: facts, figures and the offices' names."""

from services.reporting.storage.facts import Facts, Mark
from services.reporting.storage.figures import Figures, LeaseLost, Query, Row
from services.reporting.storage.lease import Lease
from services.reporting.storage.offices import OfficeNames, Offices

__all__ = ["Facts", "Figures", "Lease", "LeaseLost", "Mark", "OfficeNames", "Offices", "Query", "Row"]
