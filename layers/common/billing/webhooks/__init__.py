"""Outgoing webhooks: endpoints of merchants, and deliveries of events to them (M-5)."""
