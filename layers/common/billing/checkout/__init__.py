"""Buying: an attempt from its form to its first payment."""
