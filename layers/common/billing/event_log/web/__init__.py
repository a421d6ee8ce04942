"""The event log in /v1."""
