"""The rules of booking: no input or output, no clock."""
