"""Mails about a change of plan or a freeze."""
