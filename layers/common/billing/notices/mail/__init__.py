"""Mails of notices."""
