"""Charging what is due."""
