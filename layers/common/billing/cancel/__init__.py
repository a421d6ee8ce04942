"""Cancelling and pausing a subscription."""
