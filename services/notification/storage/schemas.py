"""What notification's documents have been through; `amtstermin migrate` brings the old ones forward."""

from shared.upcasting import Schema

DELIVERIES = Schema("deliveries")
SCHEMAS = (DELIVERIES,)
