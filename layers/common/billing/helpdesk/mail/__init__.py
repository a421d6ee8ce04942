"""Mails of helpdesk."""
