"""Mails about the card that pays."""
