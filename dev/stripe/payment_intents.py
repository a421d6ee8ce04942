"""PaymentIntents: the requests on them, and the states they go through (attempts.py: charging).

https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from typing import Any

from dev.stripe import amounts, attempts, form, lists
from dev.stripe import payment_methods as methods
from dev.stripe.errors import StripeError, invalid, refused
from dev.stripe.work import Object, Work, new_id, public

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELLABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)


def _off_session(value: Any, name: str) -> bool:
    return value in ("one_off", "recurring") or form.boolean(value, name)


_CARD_OPTIONS = form.hash_of(
    {
        "card": form.hash_of(
            {
                "request_three_d_secure": form.one_of("any", "automatic", "challenge"),
                "setup_future_usage": form.one_of("off_session", "on_session", "none"),
            }
        )
    }
)
AUTOMATIC = form.hash_of(
    {"enabled": form.boolean, "allow_redirects": form.one_of("always", "never")}
)
_SHARED: form.Fields = {
    "metadata": form.metadata,
    "payment_method": form.text,
    "payment_method_options": _CARD_OPTIONS,
    "allowed_payment_method_types": form.texts,
    "payment_method_types": form.texts,
    "receipt_email": form.email,
    "setup_future_usage": form.one_of("", "off_session", "on_session"),
}
_CONFIRMING: form.Fields = {
    "error_on_requires_action": form.boolean,
    "mandate_data": form.anything,
    "off_session": _off_session,
    "return_url": form.web_address,
    "use_stripe_sdk": form.boolean,
}
UPDATE: form.Fields = {
    **_SHARED,
    "amount": form.integer,
    "currency": form.text,
    "customer": form.text,
    "description": form.text,
}
CREATE: form.Fields = {
    **UPDATE,
    **_CONFIRMING,
    "automatic_payment_methods": AUTOMATIC,
    "capture_method": form.one_of("automatic", "automatic_async"),
    "confirm": form.boolean,
    "confirmation_method": form.one_of("automatic", "manual"),
    "statement_descriptor_suffix": form.text,
}
CONFIRM: form.Fields = {**_CONFIRMING, **{n: f for n, f in _SHARED.items() if n != "metadata"}}
CANCEL: form.Fields = {
    "cancellation_reason": form.one_of(
        "abandoned", "duplicate", "fraudulent", "requested_by_customer"
    )
}
LIST: form.Fields = {**lists.CURSORS, "customer": form.text}


def check_create(params: dict[str, Any]) -> None:
    amounts.checked(params["amount"], params["currency"])
    attempts.check_only_confirming(
        params, "off_session", "error_on_requires_action", "return_url", "mandate_data"
    )


def create(work: Work, params: dict[str, Any]) -> Object:
    intent = opened(work, params)
    _change(work, intent, params)
    work.tell("payment_intent.created", intent)
    return confirmed(work, intent, params) if params.get("confirm") else intent


def opened(work: Work, params: dict[str, Any]) -> Object:
    """Returns a new intent, of which nothing but the amount is known."""
    identifier = new_id("pi")
    return work.put(
        {
            "id": identifier,
            "object": "payment_intent",
            "allowed_payment_method_types": params.get("allowed_payment_method_types"),
            "amount": params["amount"],
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": attempts.automatic(params),
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": params.get("capture_method", "automatic_async"),
            "client_secret": f"{identifier}_{new_id('secret')}",
            "confirmation_method": params.get("confirmation_method", "automatic"),
            "created": work.seconds,
            "currency": params["currency"].lower(),
            "customer": None,
            "customer_account": None,
            "description": None,
            "excluded_payment_method_types": None,
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "managed_payments": None,
            "metadata": {},
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": None,
            "payment_method_configuration_details": None,
            "payment_method_options": {
                "card": {
                    "installments": None,
                    "mandate_options": None,
                    "network": None,
                    "request_three_d_secure": "automatic",
                }
            },
            "payment_method_types": ["card"],
            "processing": None,
            "receipt_email": None,
            "review": None,
            "setup_future_usage": None,
            "shipping": None,
            "source": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": params.get("statement_descriptor_suffix"),
            "status": "requires_payment_method",
            "transfer_data": None,
            "transfer_group": None,
            "_session": None,
        }
    )


def retrieve(work: Work, params: dict[str, Any], intent: str) -> Object:
    found = work.load("payment_intent", intent, param="intent")
    secret = params.get("client_secret")
    if secret is not None and secret != found["client_secret"]:
        raise invalid("The client_secret provided does not match.", "client_secret")
    return found


def update(work: Work, params: dict[str, Any], intent: str) -> Object:
    found = work.load("payment_intent", intent, param="intent")
    only_notes = set(params) <= {"metadata", "description", "receipt_email"}
    if found["status"] not in _OPEN and not only_notes:
        raise _unexpected(
            found,
            f"This PaymentIntent could not be updated because it has a status of"
            f" {found['status']}. You may only update metadata and description of it.",
        )
    # It is gone with the next update, whatever that updates.
    found["last_payment_error"] = None
    _change(work, found, params)
    return found


def confirm(work: Work, params: dict[str, Any], intent: str) -> Object:
    return confirmed(work, work.load("payment_intent", intent, param="intent"), params)


def confirmed(work: Work, intent: Object, params: dict[str, Any]) -> Object:
    """Charges the payment method, or asks for the buyer; a decline is raised."""
    if intent["status"] not in _OPEN:
        so = (
            "it has already succeeded after being previously confirmed"
            if intent["status"] == "succeeded"
            else f"it has a status of {intent['status']}"
        )
        raise _unexpected(intent, f"You cannot confirm this PaymentIntent because {so}.")
    off_session = params.get("off_session", False)
    if off_session and params.get("setup_future_usage"):
        raise refused(
            "You cannot set up a payment method for future usage while it is used off session.",
            param="setup_future_usage",
        )
    _change(work, intent, {n: v for n, v in params.items() if n != "customer"})
    if intent["payment_method"] is None:
        raise _unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can"
            " either update the PaymentIntent with a payment method and then confirm it again, or"
            " confirm it again directly with a payment method or ConfirmationToken.",
        )
    attempts.check_return_url(intent, params, "payment_intent")
    method = work.load("payment_method", intent["payment_method"])
    _check_owner(intent, method)
    return attempts.begun(work, intent, method, params)


def cancel(work: Work, params: dict[str, Any], intent: str) -> Object:
    found = work.load("payment_intent", intent, param="intent")
    if found["_session"] is not None:
        raise _unexpected(
            found,
            "You cannot cancel this PaymentIntent because it was created by a Checkout Session."
            " Expire the Session instead.",
        )
    return cancelled(work, found, params.get("cancellation_reason"))


def cancelled(work: Work, intent: Object, reason: str | None) -> Object:
    if intent["status"] not in _CANCELLABLE:
        raise _unexpected(
            intent,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
            " Only a PaymentIntent with one of the following statuses may be canceled:"
            f" {', '.join(_CANCELLABLE)}.",
        )
    intent |= {
        "status": "canceled",
        "canceled_at": work.seconds,
        "cancellation_reason": reason,
        "next_action": None,
    }
    work.tell("payment_intent.canceled", intent)
    return work.put(intent)


def find_all(work: Work, params: dict[str, Any]) -> Object:
    customer = params.get("customer")
    if customer is not None:
        work.load("customer", customer, param="customer", status=400)
    found = (i for i in work.newest_first("payment_intent") if customer in (None, i["customer"]))
    return lists.page("/v1/payment_intents", found, params)


def _change(work: Work, intent: Object, params: dict[str, Any]) -> None:
    if "amount" in params or "currency" in params:
        intent["amount"] = params.get("amount", intent["amount"])
        intent["currency"] = (params.get("currency") or intent["currency"]).lower()
        amounts.checked(intent["amount"], intent["currency"])
    if customer := params.get("customer"):
        if intent["customer"] not in (None, customer):
            raise refused(
                "You cannot modify `customer` on a PaymentIntent once it already has been set. To"
                " fulfill a payment with a different Customer, cancel this PaymentIntent and"
                " create a new one.",
                param="customer",
            )
        work.load("customer", customer, param="customer", status=400)
        intent["customer"] = customer
    for name in ("description", "receipt_email"):
        if name in params:
            intent[name] = params[name]
    if "setup_future_usage" in params:
        intent["setup_future_usage"] = params["setup_future_usage"] or None
    for name in ("allowed_payment_method_types", "payment_method_types"):
        if params.get(name, ["card"]) != ["card"]:
            raise invalid("The loopback knows cards only.", name)
    options = params.get("payment_method_options", {}).get("card", {})
    intent["payment_method_options"]["card"] |= options
    intent["metadata"] = form.merged(intent["metadata"], params.get("metadata"))
    if identifier := params.get("payment_method"):
        method = methods.resolve(work, identifier)
        intent["payment_method"] = method["id"]
        intent |= {"status": "requires_confirmation", "next_action": None}
    work.put(intent)


def _check_owner(intent: Object, method: Object) -> None:
    owner = method["customer"]
    if owner is None:
        methods.check_unspent(method)
    elif intent["customer"] is None:
        raise refused(
            "The provided PaymentMethod cannot be attached. To reuse a PaymentMethod, you must"
            f" supply the Customer it belongs to: {owner}.",
            param="payment_method",
        )
    elif intent["customer"] != owner:
        raise refused(
            f"The payment method {method['id']} does not belong to the Customer"
            f" {intent['customer']}.",
            param="payment_method",
        )


def _unexpected(intent: Object, message: str) -> StripeError:
    return refused(message, "payment_intent_unexpected_state", payment_intent=public(intent))
