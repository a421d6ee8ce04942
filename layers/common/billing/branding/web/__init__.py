"""Serves logos."""
