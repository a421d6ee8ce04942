"""Declines that several gateways give; mails and pages have words for their codes (R-4)."""

from __future__ import annotations

from billing.kernel.gateways import Declined

AUTHENTICATION_REQUIRED = "authentication_required"
"""The bank wants the buyer present: no retry helps, and no other card is needed."""

METHOD_MISSING = Declined("payment_method_missing", retryable=False)
"""The card was taken away at the gateway, by hand or by its network: a new one is needed."""
