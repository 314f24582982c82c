"""`make bench`: every figure of the design, each beside its limit, measured in the same run."""
