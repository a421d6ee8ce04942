"""Mails about payments."""
