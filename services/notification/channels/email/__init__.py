"""E-mail: built as bytes, signed where there is a key, handed over by SMTP."""

from services.notification.channels.email.mime import Mail, is_plain_address
from services.notification.channels.email.smtp import EmailChannel, SmtpServer

__all__ = ["EmailChannel", "Mail", "SmtpServer", "is_plain_address"]
