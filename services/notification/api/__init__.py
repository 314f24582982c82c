"""HTTP in: what providers tell, and what operators see and do."""

from services.notification.api.operators import operator_routes
from services.notification.api.receipts import RECEIPTS_PATH, receipt_routes

__all__ = ["RECEIPTS_PATH", "operator_routes", "receipt_routes"]
