"""PaymentIntents: the parameters of an attempt, and its status (W-1, R-6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import stripe

from billing.gateways.declines import AUTHENTICATION_REQUIRED
from billing.gateways.stripe.client import field_of, id_of, with_advice
from billing.gateways.stripe.declines import declined
from billing.gateways.stripe.saving import parts
from billing.kernel.errors import Unreachable
from billing.kernel.gateways import (
    ActionRequired,
    Canceled,
    Declined,
    PaymentStatus,
    Succeeded,
    Unconfirmed,
)

if TYPE_CHECKING:
    from stripe.params import PaymentIntentConfirmParams, PaymentIntentUpdateParams

OFF_SESSION, ON_SESSION = "off_session", "on_session"


def attempt(
    method: str, key: str, session: str, return_url: str | None
) -> tuple[PaymentIntentUpdateParams, PaymentIntentConfirmParams]:
    """Builds the parameters that begin an attempt, and those that confirm it."""
    _, card = parts(method)
    begun: PaymentIntentUpdateParams = {
        "payment_method": card,
        "metadata": {"attempt": key, "session": session},
    }
    confirmed: PaymentIntentConfirmParams = {"payment_method": card}
    if session == ON_SESSION:
        confirmed["setup_future_usage"] = "off_session"
    else:
        # Stripe takes only one of the two, and an attempt with the buyer may have left the other.
        begun["setup_future_usage"] = ""
        confirmed["off_session"] = True
    if return_url is not None:
        confirmed["return_url"] = return_url
    return begun, confirmed


def status_of(intent: stripe.PaymentIntent, key: str) -> PaymentStatus:
    """Maps a PaymentIntent to an attempt's payment status; raises `Unreachable` while open."""
    match intent.status:
        case "succeeded":
            return Succeeded(id_of(intent.latest_charge))
        case "canceled":
            return Canceled()
        case "processing" | "requires_capture":
            raise Unreachable(f"Stripe: {intent.id} is {intent.status}.")
    if with_advice(intent.metadata, "attempt") != key:
        return Unconfirmed()
    if intent.status == "requires_action":
        return ActionRequired(_authentication_url(intent))
    error = intent.last_payment_error
    if intent.status == "requires_payment_method" and error is not None:
        codes = (field_of(error, name) for name in ("code", "decline_code", "advice_code"))
        decline = declined(*codes)
        return unless_buyer_is_wanted(decline, with_advice(intent.metadata, "session"))
    return Unconfirmed()


def unless_buyer_is_wanted(decline: Declined, session: str | None) -> Declined | ActionRequired:
    """Returns the decline, or that the buyer must act where their bank asks for them."""
    wanted = session == OFF_SESSION and decline.code == AUTHENTICATION_REQUIRED
    return ActionRequired(None) if wanted else decline


def _authentication_url(intent: stripe.PaymentIntent) -> str | None:
    return field_of(getattr(intent.next_action, "redirect_to_url", None), "url")
