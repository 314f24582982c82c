"""Deterministic probes of the matrix: each does what its row says and looks at the answer."""
