"""Helpdesk tickets: opened, answered, decided."""
