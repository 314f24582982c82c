"""Against hoarding and robots, without harming the many honest ones behind one address: docs/decisions/0010."""

from services.booking.guard.addresses import Proxies, ProxyHeader
from services.booking.guard.guard import Guard, ProofNeeded, TooMany
from services.booking.guard.helpers import UnknownHelper
from services.booking.guard.proofs import ProofRejected, Proofs
from services.booking.guard.storage import NAME, ProofStore, ensure_proof_indexes

__all__ = [
    "NAME",
    "Guard",
    "ProofNeeded",
    "ProofRejected",
    "ProofStore",
    "Proofs",
    "Proxies",
    "ProxyHeader",
    "TooMany",
    "UnknownHelper",
    "ensure_proof_indexes",
]
