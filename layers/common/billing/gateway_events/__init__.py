"""Incoming webhooks, and the look for lost ones."""
