"""Incoming webhooks, and the search for lost ones."""
