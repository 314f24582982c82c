"""Whether a configuration and a running system are well, and what to do where they are not."""

from shared.doctor.cli import register

__all__ = ["register"]
