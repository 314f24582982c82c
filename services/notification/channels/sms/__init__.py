"""Text messages: one module for each kind of provider, and what all of them share.

`channel` checks the number, fits the text into few segments, and keeps to the caps; `configuration` reads which
providers there are, `choosing` makes them. `answers`, `asking` and `templates` serve those that speak HTTP.
"""

from services.notification.channels.sms.channel import Caps, SmsChannel
from services.notification.channels.sms.choosing import Chosen, choose, gateways_of, receipt_readers
from services.notification.channels.sms.configuration import Gateway, WrongSms, read_configuration

__all__ = [
    "Caps",
    "Chosen",
    "Gateway",
    "SmsChannel",
    "WrongSms",
    "choose",
    "gateways_of",
    "read_configuration",
    "receipt_readers",
]
