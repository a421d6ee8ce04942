"""Checkout: an attempt to buy, from its form to its first payment."""
