"""Mails about a cancellation or pause."""
