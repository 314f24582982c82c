"""Turns events into e-mail and SMS: stored first, sent second."""
