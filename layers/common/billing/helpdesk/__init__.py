"""Tickets: asked, answered, decided."""
