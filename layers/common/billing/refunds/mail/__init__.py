"""Mails about refunds."""
