"""Mails as samples, for who changes their words."""
