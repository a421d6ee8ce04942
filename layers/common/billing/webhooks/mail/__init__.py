"""The mails about endpoints that fail."""
