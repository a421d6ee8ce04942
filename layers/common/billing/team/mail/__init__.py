"""Mails about a team."""
