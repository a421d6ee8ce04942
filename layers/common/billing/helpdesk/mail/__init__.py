"""Mails of the helpdesk."""
