"""Outbox events: delivered once, mail that may not be sent."""
