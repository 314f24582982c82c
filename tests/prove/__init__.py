"""The proof: real servers under load, faults on purpose, and a ledger that must add up. `make prove`."""
