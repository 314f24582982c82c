"""Backups of everything, sealed, and their way back. `records` has the format, `restoring` what a restore does."""

from shared.backup.cli import register

__all__ = ["register"]
