"""Sellers' accounts: signing in, their plan, settings and gateway accounts."""
