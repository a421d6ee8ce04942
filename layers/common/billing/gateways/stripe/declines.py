"""Stripe's decline codes, which the one vocabulary of all gateways follows (R-4).

Stripe's own table explains each code and the remedy (https://docs.stripe.com/declines/codes); those
that it does not send to a bank again without another card are in its list of non-retryable codes
(https://docs.stripe.com/billing/revenue-recovery/smart-retries). The network's own advice about one
decline comes first: `do_not_try_again` forbids another try with this card, which Visa and
Mastercard fine (https://docs.stripe.com/declines/card#retrying-issuer-declines).
"""

from __future__ import annotations

from billing.gateways.declines import AUTHENTICATION_REQUIRED
from billing.kernel.gateways import Declined

NEVER_AGAIN = frozenset(
    {
        # Stripe does not send these to the bank again.
        "highest_risk_level",
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "transaction_not_allowed",
        # The card itself has to change first.
        "card_not_supported",
        "currency_not_supported",
        "expired_card",
        "incorrect_address",
        "incorrect_cvc",
        "incorrect_zip",
        "invalid_account",
        "invalid_cvc",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "invalid_number",
        "new_account_information_available",
        "testmode_decline",
        # The bank, or Stripe, refuses for good.
        "do_not_try_again",
        "fraudulent",
        "merchant_blacklist",
        "not_permitted",
        "restricted_card",
        "security_violation",
        "service_not_allowed",
        "stop_payment_order",
    }
)
"""Hard declines: no automatic attempt follows, a new card is asked for (R-4)."""

ALIASES = {
    # The bank gave no reason: one name for it everywhere.
    "generic_decline": "card_declined",
    # 3-D Secure was asked for and not passed: the buyer can try again.
    "payment_intent_authentication_failure": AUTHENTICATION_REQUIRED,
    "setup_intent_authentication_failure": AUTHENTICATION_REQUIRED,
}

FORBIDDEN_BY_NETWORK = frozenset({"do_not_try_again", "confirm_card_data"})
"""Advice codes by which the network advises against trying again unchanged."""


def declined(code: str | None, decline_code: str | None, advice_code: str | None) -> Declined:
    """Maps a card error's codes to our decline; one that is not known yet may be tried again."""
    reason = decline_code or code or "card_declined"
    reason = ALIASES.get(reason, reason)
    again = reason not in NEVER_AGAIN and advice_code not in FORBIDDEN_BY_NETWORK
    return Declined(reason, retryable=again)
