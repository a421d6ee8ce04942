"""Delivery of outbox events, and addresses that no mail may go to."""
