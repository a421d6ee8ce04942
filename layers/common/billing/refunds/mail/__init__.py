"""Mails of refunds."""
