"""Customers: their purchases, their access, and how they sign in."""
