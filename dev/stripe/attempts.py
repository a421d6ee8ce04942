"""Attempts to charge a PaymentIntent at its bank: money, a decline, or 3-D Secure first."""

from typing import Any

from dev.stripe import cards, charges
from dev.stripe import payment_methods as methods
from dev.stripe.cards import Challenge, Decline
from dev.stripe.errors import StripeError, invalid, refused
from dev.stripe.work import Object, Work, new_id, public

_FAILED_AUTHENTICATION = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or"
    " a new PaymentMethod to attempt to fulfill this PaymentIntent again."
)
_DISPUTED_AFTER_SECONDS = 1


def check_only_confirming(params: dict[str, Any], *names: str) -> None:
    """Refuses parameters on how to confirm, of an intent that is not confirmed as it is made."""
    for name in names:
        if name in params and not params.get("confirm"):
            raise invalid(
                f"You may only specify `{name}` when also setting `confirm` to true.", name
            )


def automatic(params: dict[str, Any]) -> Object | None:
    """Returns an intent's `automatic_payment_methods`: on where no methods are named.

    So it is since 2023-08-16.
    """
    asked = params.get("automatic_payment_methods")
    named = {"allowed_payment_method_types", "payment_method_types"} & params.keys()
    if asked is None and not named:
        asked = {"enabled": True}
    return None if asked is None else {"allow_redirects": "always", **asked}


def begun(work: Work, intent: Object, method: Object, params: dict[str, Any]) -> Object:
    """Begins an attempt, and ends it where no bank asks for its customer."""
    off_session = params.get("off_session", False)
    saves = intent["setup_future_usage"] == "off_session" and intent["customer"] is not None
    if saves:
        _check_savable(work, intent, method)
    if not _challenged(intent, method, off_session):
        return charged(work, intent, method)
    if off_session or params.get("error_on_requires_action"):
        return charged(work, intent, method, cards.AUTHENTICATION_REQUIRED)
    return _asked(work, intent, params)


def challenge_url(work: Work, kind: str, intent: Object) -> str:
    """Returns the address of the bank's page; the secret in it lets its visitor answer."""
    return (
        f"{work.base_url}/3d_secure_2/hosted/{work.account}/{kind}/{intent['id']}"
        f"?secret={intent['client_secret']}"
    )


def next_action(url: str, return_url: str | None) -> Object:
    """Returns a redirect where there is a way back, else what Stripe.js would do in a frame."""
    if return_url is not None:
        return {
            "redirect_to_url": {"return_url": return_url, "url": url},
            "type": "redirect_to_url",
        }
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {
            "source": new_id("src"),
            "stripe_js": url,
            "type": "three_d_secure_redirect",
        },
    }


def action_url(intent: Object) -> str:
    """Returns the address of the bank's page of an intent that waits for its buyer."""
    action = intent["next_action"]
    if action["type"] == "redirect_to_url":
        return str(action["redirect_to_url"]["url"])
    return str(action["use_stripe_sdk"]["stripe_js"])


def check_return_url(intent: Object, params: dict[str, Any], kind: str) -> None:
    """Refuses methods that redirect and have no way back, on session."""
    automatic = intent["automatic_payment_methods"] or {}
    redirects = automatic.get("enabled") and automatic.get("allow_redirects") == "always"
    if redirects and not (params.get("return_url") or params.get("off_session")):
        name = "PaymentIntent" if kind == "payment_intent" else "SetupIntent"
        raise refused(
            f"This {name} is configured to accept payment methods enabled in your Dashboard."
            " Because some of these payment methods might redirect your customer off of your page,"
            " you must provide a `return_url`. If you don't want to accept redirect-based payment"
            " methods, set `automatic_payment_methods[enabled]` to `true` and"
            " `automatic_payment_methods[allow_redirects]` to `never` when creating Payment"
            " Intents and Setup Intents.",
            None,
            **{kind: public(intent)},
        )


def charged(work: Work, intent: Object, method: Object, decline: Decline | None = None) -> Object:
    """Charges once; raises a decline, after storing everything that it leaves behind."""
    card = methods.card_of(method)
    decline = decline or card.decline
    charge = charges.made(work, intent, method, decline)
    intent |= {"latest_charge": charge["id"], "next_action": None}
    if decline is not None:
        error = methods.card_error(decline, charge=charge["id"])
        raise failed(work, intent, method, error)
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "last_payment_error": None,
        "payment_method": method["id"],
    }
    _keep(work, intent, method)
    work.tell("payment_intent.succeeded", intent)
    if card.dispute is not None:
        work.later(_DISPUTED_AFTER_SECONDS, "dispute", charge["id"])
    return work.put(intent)


def failed(work: Work, intent: Object, method: Object, error: StripeError) -> StripeError:
    """Puts an intent back to wanting another payment method; returns the error to answer with."""
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": methods.last_error(error, method),
    }
    if method["customer"] is None:
        work.put(method | {"_spent": True})
    work.put(intent)
    work.tell("payment_intent.payment_failed", intent)
    error.keeps = True
    error.fields |= {"payment_intent": public(intent), "payment_method": public(method)}
    return error


def authenticated(work: Work, intent: Object, *, succeeded: bool) -> Object:
    """Goes on after the buyer answered the bank.

    Asked again when nothing waits, nothing happens.
    """
    if intent["status"] != "requires_action":
        return intent
    method = work.load("payment_method", intent["payment_method"])
    try:
        if succeeded:
            return charged(work, intent, method)
        error = StripeError(
            402, _FAILED_AUTHENTICATION, code="payment_intent_authentication_failure"
        )
        raise failed(work, intent, method, error)
    except StripeError:
        # The buyer's browser is sent back all the same; the intent says how it stands.
        return intent


def _check_savable(work: Work, intent: Object, method: Object) -> None:
    try:
        methods.check_savable(method)
    except StripeError:
        decline = methods.card_of(method).decline
        assert decline is not None
        charged(work, intent, method, decline)


def _challenged(intent: Object, method: Object, off_session: bool) -> bool:
    requested = intent["payment_method_options"]["card"]["request_three_d_secure"]
    if requested in ("any", "challenge") and not off_session:
        return True
    match methods.card_of(method).challenge:
        case Challenge.ALWAYS:
            return True
        case Challenge.UNTIL_SET_UP:
            return not (off_session and method["_set_up"])
        case Challenge.ON_SESSION:
            return not off_session
    return False


def _asked(work: Work, intent: Object, params: dict[str, Any]) -> Object:
    url = challenge_url(work, "payment_intent", intent)
    intent |= {
        "status": "requires_action",
        "next_action": next_action(url, params.get("return_url")),
    }
    work.tell("payment_intent.requires_action", intent)
    return work.put(intent)


def _keep(work: Work, intent: Object, method: Object) -> None:
    """Saves the payment method when that was asked for; else it is spent."""
    if method["customer"] is not None:
        if intent["setup_future_usage"] == "off_session":
            work.put(method | {"_set_up": True})
        return
    if intent["setup_future_usage"] is None or intent["customer"] is None:
        work.put(method | {"_spent": True})
        return
    method["_set_up"] = intent["setup_future_usage"] == "off_session"
    methods.attached(work, method, intent["customer"])
