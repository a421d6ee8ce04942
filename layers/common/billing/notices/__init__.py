"""Advance notices by mail: renewals, ends of trials, expiring cards."""
