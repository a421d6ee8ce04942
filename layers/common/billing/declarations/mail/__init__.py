"""Mails of declarations: receipts, and the question whether it was theirs."""
