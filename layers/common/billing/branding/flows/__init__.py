"""Reads and changes a merchant's branding."""
