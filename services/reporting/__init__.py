"""Reporting: figures about appointments, demand and messages, without any person."""
