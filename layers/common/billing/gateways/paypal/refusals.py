"""PayPal's refusals in our terms: those that are declines, and their retries (R-4).

Source: the issues of PayPal's published description of Orders v2 2.13 (orders.capture, 422) and of
Payments v2 2.5 (captures.refund, 422), and
https://developer.paypal.com/api/rest/reference/orders/v2/errors. Codes are those of the one
vocabulary (`gateways/declines`), so that mails and pages have words for them.
"""

from __future__ import annotations

from billing.gateways.declines import METHOD_MISSING
from billing.kernel.gateways import Declined

GONE = METHOD_MISSING
"""The outcome where the buyer ended the agreement at PayPal, or it was never there."""

DECLINES = {
    "INSTRUMENT_DECLINED": Declined("card_declined"),
    "TRANSACTION_REFUSED": Declined("card_declined"),
    "PAYER_CANNOT_PAY": Declined("card_declined"),
    "TRANSACTION_LIMIT_EXCEEDED": Declined("card_velocity_exceeded"),
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": Declined("card_declined"),
    "PAYEE_BLOCKED_TRANSACTION": Declined("card_declined", retryable=False),
    "TRANSACTION_BLOCKED_BY_PAYEE": Declined("card_declined", retryable=False),
    "COMPLIANCE_VIOLATION": Declined("transaction_not_allowed", retryable=False),
    "DOMESTIC_TRANSACTION_REQUIRED": Declined("transaction_not_allowed", retryable=False),
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": Declined("restricted_card", retryable=False),
    "PAYER_ACCOUNT_RESTRICTED": Declined("restricted_card", retryable=False),
    "REFERENCED_CARD_EXPIRED": Declined("expired_card", retryable=False),
    "AGREEMENT_ALREADY_CANCELLED": GONE,
    "BILLING_AGREEMENT_NOT_FOUND": GONE,
    "TOKEN_ID_NOT_FOUND": GONE,
    "IDENTIFIER_NOT_FOUND": GONE,
}

NEEDS_BUYER = frozenset(
    {"PAYER_ACTION_REQUIRED", "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", "ORDER_NOT_APPROVED"}
)
"""Issues for which the buyer must go to PayPal once more before this order can be captured."""

OURS_TO_MEND = frozenset(
    {
        "AUTH_CAPTURE_NOT_ENABLED",
        "CONSENT_NEEDED",
        "INVALID_CURRENCY_CODE",
        "NOT_ELIGIBLE_FOR_TOKEN_PROCESSING",
        "NOT_ENABLED_FOR_BANK_PROCESSING",
        "NOT_ENABLED_FOR_CARD_PROCESSING",
        "PAYEE_ACCOUNT_INVALID",
        "PAYEE_ACCOUNT_LOCKED_OR_CLOSED",
        "PAYEE_ACCOUNT_RESTRICTED",
        "PAYEE_NOT_ENABLED_FOR_BANK_PROCESSING",
        "PAYEE_NOT_ENABLED_FOR_CARD_PROCESSING",
        "PERMISSION_DENIED",
        "SETUP_ERROR_FOR_BANK",
        "TRANSACTION_RECEIVING_LIMIT_EXCEEDED",
    }
)
"""Issues with the merchant's account: no customer is informed that their payment failed."""

OTHERWISE = Declined("card_declined")
"""The outcome of a refusal that this table does not know yet."""

REFUND_REFUSALS = {
    "CAPTURE_FULLY_REFUNDED": "charge_already_refunded",
    "REFUND_AMOUNT_EXCEEDED": "charge_already_refunded",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": "charge_disputed",
    "TRANSACTION_DISPUTED": "charge_disputed",
    "PENDING_CAPTURE": "charge_not_captured",
    "REFUND_FAILED_INSUFFICIENT_FUNDS": "insufficient_funds",
    "REFUND_TIME_LIMIT_EXCEEDED": "refund_window_over",
}
