"""Mails of customers."""
