"""Deliberate faults in the code, as patches: the proof must catch each of them, or it proves nothing."""
