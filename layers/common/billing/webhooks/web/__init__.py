"""Outgoing webhooks in /v1."""
