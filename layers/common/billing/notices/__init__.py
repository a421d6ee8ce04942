"""Mails ahead of time: renewals, ends of trials, expiring cards."""
