"""The inbox page of `make up`: caught mails and text messages as a person sees them. For this machine alone."""

from deploy.local.inbox.server import Inbox

__all__ = ["Inbox"]
