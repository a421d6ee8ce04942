"""Refunds, chargebacks and credit."""
