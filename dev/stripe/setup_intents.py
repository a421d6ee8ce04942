"""SetupIntents: each saves a card for later, after asking its bank where the bank wants that."""

from typing import Any

from dev.stripe import attempts, form, lists
from dev.stripe import payment_methods as methods
from dev.stripe.cards import Challenge
from dev.stripe.errors import StripeError, invalid, refused
from dev.stripe.payment_intents import AUTOMATIC
from dev.stripe.work import Object, Work, new_id, public

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_FAILED_AUTHENTICATION = (
    "The latest attempt to set up the payment method has failed because authentication failed."
)

UPDATE: form.Fields = {
    "allowed_payment_method_types": form.texts,
    "customer": form.text,
    "description": form.text,
    "metadata": form.metadata,
    "payment_method": form.text,
    "payment_method_options": form.anything,
    "payment_method_types": form.texts,
}
CONFIRM: form.Fields = {
    "allowed_payment_method_types": form.texts,
    "mandate_data": form.anything,
    "payment_method": form.text,
    "payment_method_options": form.anything,
    "return_url": form.web_address,
    "use_stripe_sdk": form.boolean,
}
CREATE: form.Fields = {
    **UPDATE,
    **CONFIRM,
    "automatic_payment_methods": AUTOMATIC,
    "confirm": form.boolean,
    "usage": form.one_of("off_session", "on_session"),
}
CANCEL: form.Fields = {
    "cancellation_reason": form.one_of("abandoned", "duplicate", "requested_by_customer")
}
LIST: form.Fields = {**lists.CURSORS, "customer": form.text, "payment_method": form.text}


def check_create(params: dict[str, Any]) -> None:
    attempts.check_only_confirming(params, "return_url", "mandate_data")


def create(work: Work, params: dict[str, Any]) -> Object:
    intent = opened(work, params)
    _change(work, intent, params)
    work.tell("setup_intent.created", intent)
    return confirmed(work, intent, params) if params.get("confirm") else intent


def opened(work: Work, params: dict[str, Any]) -> Object:
    """Returns a new intent, without customer and payment method."""
    identifier = new_id("seti")
    return work.put(
        {
            "id": identifier,
            "object": "setup_intent",
            "allowed_payment_method_types": params.get("allowed_payment_method_types"),
            "application": None,
            "automatic_payment_methods": attempts.automatic(params),
            "cancellation_reason": None,
            "client_secret": f"{identifier}_{new_id('secret')}",
            "created": work.seconds,
            "customer": None,
            "description": None,
            "excluded_payment_method_types": None,
            "flow_directions": None,
            "last_setup_error": None,
            "latest_attempt": None,
            "livemode": False,
            "mandate": None,
            "metadata": {},
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": None,
            "payment_method_configuration_details": None,
            "payment_method_options": {
                "card": {
                    "mandate_options": None,
                    "network": None,
                    "request_three_d_secure": "automatic",
                }
            },
            "payment_method_types": ["card"],
            "single_use_mandate": None,
            "status": "requires_payment_method",
            "usage": params.get("usage", "off_session"),
            "_session": None,
        }
    )


def retrieve(work: Work, params: dict[str, Any], intent: str) -> Object:
    found = work.load("setup_intent", intent, param="intent")
    secret = params.get("client_secret")
    if secret is not None and secret != found["client_secret"]:
        raise invalid("The client_secret provided does not match.", "client_secret")
    return found


def update(work: Work, params: dict[str, Any], intent: str) -> Object:
    found = work.load("setup_intent", intent, param="intent")
    if found["status"] not in _OPEN and not set(params) <= {"metadata", "description"}:
        raise _unexpected(
            found, f"You cannot update this SetupIntent: it has a status of {found['status']}."
        )
    _change(work, found, params)
    return found


def confirm(work: Work, params: dict[str, Any], intent: str) -> Object:
    return confirmed(work, work.load("setup_intent", intent, param="intent"), params)


def confirmed(work: Work, intent: Object, params: dict[str, Any]) -> Object:
    """Saves the payment method, or asks for the buyer first; a decline is raised."""
    if intent["status"] not in _OPEN:
        raise _unexpected(
            intent,
            f"You cannot confirm this SetupIntent because it has a status of {intent['status']}.",
        )
    _change(work, intent, params)
    if intent["payment_method"] is None:
        raise _unexpected(
            intent, "You cannot confirm this SetupIntent because it's missing a payment method."
        )
    attempts.check_return_url(intent, params, "setup_intent")
    method = work.load("payment_method", intent["payment_method"])
    if method["customer"] not in (None, intent["customer"]):
        raise refused("The payment method does not belong to the Customer.", param="customer")
    intent["latest_attempt"] = new_id("setatt")
    try:
        methods.check_savable(method)
    except StripeError as error:
        raise _failed(work, intent, method, error) from error
    if methods.card_of(method).challenge in (Challenge.ALWAYS, Challenge.UNTIL_SET_UP):
        url = attempts.challenge_url(work, "setup_intent", intent)
        intent |= {
            "status": "requires_action",
            "next_action": attempts.next_action(url, params.get("return_url")),
        }
        work.tell("setup_intent.requires_action", intent)
        return work.put(intent)
    return _succeeded(work, intent, method)


def authenticated(work: Work, intent: Object, *, succeeded: bool) -> Object:
    """Goes on after the buyer answered the bank.

    Asked again when nothing waits, nothing happens.
    """
    if intent["status"] != "requires_action":
        return intent
    method = work.load("payment_method", intent["payment_method"])
    if succeeded:
        return _succeeded(work, intent, method)
    error = StripeError(400, _FAILED_AUTHENTICATION, code="setup_intent_authentication_failure")
    _failed(work, intent, method, error)
    return intent


def cancel(work: Work, params: dict[str, Any], intent: str) -> Object:
    found = work.load("setup_intent", intent, param="intent")
    if found["_session"] is not None:
        raise _unexpected(
            found, "This SetupIntent was created by a Checkout Session. Expire it instead."
        )
    return cancelled(work, found, params.get("cancellation_reason"))


def cancelled(work: Work, intent: Object, reason: str | None) -> Object:
    if intent["status"] not in _OPEN:
        raise _unexpected(
            intent,
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}.",
        )
    intent |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    work.tell("setup_intent.canceled", intent)
    return work.put(intent)


def find_all(work: Work, params: dict[str, Any]) -> Object:
    wanted = {name: params[name] for name in ("customer", "payment_method") if name in params}
    found = (
        i
        for i in work.newest_first("setup_intent")
        if all(i[name] == value for name, value in wanted.items())
    )
    return lists.page("/v1/setup_intents", found, params)


def _succeeded(work: Work, intent: Object, method: Object) -> Object:
    method["_set_up"] = intent["usage"] == "off_session"
    work.put(method)
    if intent["customer"] is not None:
        methods.attached(work, method, intent["customer"])
    intent |= {"status": "succeeded", "next_action": None, "last_setup_error": None}
    work.tell("setup_intent.succeeded", intent)
    return work.put(intent)


def _failed(work: Work, intent: Object, method: Object, error: StripeError) -> StripeError:
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_setup_error": methods.last_error(error, method),
    }
    work.put(intent)
    work.tell("setup_intent.setup_failed", intent)
    error.keeps = True
    error.fields |= {"setup_intent": public(intent), "payment_method": public(method)}
    return error


def _change(work: Work, intent: Object, params: dict[str, Any]) -> None:
    if customer := params.get("customer"):
        work.load("customer", customer, param="customer", status=400)
        intent["customer"] = customer
    if "description" in params:
        intent["description"] = params["description"]
    for name in ("allowed_payment_method_types", "payment_method_types"):
        if params.get(name, ["card"]) != ["card"]:
            raise invalid("The loopback knows cards only.", name)
    intent["metadata"] = form.merged(intent["metadata"], params.get("metadata"))
    if identifier := params.get("payment_method"):
        method = methods.resolve(work, identifier)
        methods.check_unspent(method)
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
        intent["next_action"] = None
    work.put(intent)


def _unexpected(intent: Object, message: str) -> StripeError:
    return refused(message, "setup_intent_unexpected_state", setup_intent=public(intent))
