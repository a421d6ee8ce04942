"""Payment methods: test cards, attached to customers and detached from them."""

import hashlib
from typing import Any

from dev.stripe import cards, form, lists
from dev.stripe.cards import TEST_CARDS, Decline, TestCard
from dev.stripe.customers import ADDRESS, NO_ADDRESS
from dev.stripe.errors import StripeError, invalid, missing, refused
from dev.stripe.work import Object, Work, new_id, public

_EXPIRES = (12, 2034)

_DETAILS = form.hash_of(
    {"address": ADDRESS, "email": form.text, "name": form.text, "phone": form.text}
)
FIELDS: form.Fields = {
    "allow_redisplay": form.one_of("always", "limited", "unspecified"),
    "billing_details": _DETAILS,
    "metadata": form.metadata,
}
CREATE: form.Fields = {
    **FIELDS,
    "type": form.one_of("card"),
    "card": form.hash_of(
        {
            "cvc": form.text,
            "exp_month": form.integer,
            "exp_year": form.integer,
            "number": form.text,
            "token": form.text,
        }
    ),
}
UPDATE: form.Fields = {
    **FIELDS,
    "card": form.hash_of({"exp_month": form.integer, "exp_year": form.integer}),
}
ATTACH: form.Fields = {"customer": form.text}
LIST: form.Fields = {**lists.CURSORS, "customer": form.text, "type": form.one_of("card")}


def create(work: Work, params: dict[str, Any]) -> Object:
    """Creates a payment method from a number of the test cards, or a token such as tok_visa."""
    card = params.get("card", {})
    if number := card.get("number"):
        name = cards.numbered(number.replace(" ", ""))
    else:
        name = cards.named(f"pm_card_{(card.get('token') or '').removeprefix('tok_')}")
    if name is None:
        raise refused(
            "Your card was declined. Your request was in test mode, but used a non test card.",
            "card_declined",
            param="number",
        )
    month, year = card.get("exp_month", _EXPIRES[0]), card.get("exp_year", _EXPIRES[1])
    made = made_from(work, name, expires=(month, year))
    _change(made, params)
    return work.put(made)


def made_from(work: Work, name: str, expires: tuple[int, int] = _EXPIRES) -> Object:
    """Creates a fresh payment method of a test card."""
    card = TEST_CARDS[name]
    return work.put(
        {
            "id": new_id("pm"),
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": {
                "address": dict(NO_ADDRESS),
                "email": None,
                "name": None,
                "phone": None,
                "tax_id": None,
            },
            "card": _card(card, expires),
            "created": work.seconds,
            "customer": None,
            "customer_account": None,
            "livemode": False,
            "metadata": {},
            "type": "card",
            "_card": name,
            "_set_up": False,
            "_spent": False,
        }
    )


def _card(card: TestCard, expires: tuple[int, int]) -> Object:
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": None,
        },
        "country": "US",
        "display_brand": card.brand,
        "exp_month": expires[0],
        "exp_year": expires[1],
        "fingerprint": hashlib.sha256(card.number.encode()).hexdigest()[:16],
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def card_of(method: Object) -> TestCard:
    return TEST_CARDS[method["_card"]]


def resolve(
    work: Work, identifier: str, *, param: str = "payment_method", status: int = 400
) -> Object:
    """Returns a payment method by its id, or a fresh one by a test name."""
    if (name := cards.named(identifier)) is not None:
        return made_from(work, name)
    found = work.find("payment_method", identifier)
    if found is None:
        # Stripe writes the class's name in this one.
        error = missing("PaymentMethod", identifier, param, status)
        raise error
    return found


def retrieve(work: Work, params: dict[str, Any], payment_method: str) -> Object:
    return resolve(work, payment_method, status=404)


def update(work: Work, params: dict[str, Any], payment_method: str) -> Object:
    found = work.load("payment_method", payment_method)
    if found["customer"] is None:
        raise refused("You must save this PaymentMethod to a customer before you can update it.")
    _change(found, params)
    work.tell("payment_method.updated", found)
    return work.put(found)


def attach(work: Work, params: dict[str, Any], payment_method: str) -> Object:
    found = resolve(work, payment_method, status=404)
    work.load("customer", params["customer"], param="customer", status=400)
    if found["customer"] == params["customer"]:
        return found
    if found["customer"] is not None:
        raise refused("The payment method you provided has already been attached to a customer.")
    check_unspent(found)
    check_savable(found)
    return attached(work, found, params["customer"])


def check_savable(method: Object) -> None:
    """Lets the bank look at a card before it is saved; some are declined there."""
    card = card_of(method)
    if card.decline is not None and not card.attaches:
        raise card_error(card.decline)


def check_unspent(method: Object) -> None:
    if method["_spent"]:
        raise refused(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer"
            " attachment, shared with a connected account without Customer attachment, or was"
            " detached from a Customer. It may not be used again. To use a PaymentMethod multiple"
            " times, you must attach it to a Customer first."
        )


def attached(work: Work, method: Object, customer: str) -> Object:
    if method["customer"] is None:
        method["customer"] = customer
        method["card"]["checks"]["cvc_check"] = "pass"
        work.tell("payment_method.attached", method)
    return work.put(method)


def detach(work: Work, params: dict[str, Any], payment_method: str) -> Object:
    found = work.load("payment_method", payment_method)
    if found["customer"] is None:
        raise refused(
            "The payment method you provided is not attached to a customer so detachment is"
            " impossible."
        )
    previous = {"customer": found["customer"]}
    found["customer"], found["_spent"] = None, True
    work.tell("payment_method.detached", found, previous)
    return work.put(found)


def find_all(work: Work, params: dict[str, Any]) -> Object:
    customer = params.get("customer")
    if customer is not None:
        work.load("customer", customer, param="customer", status=400)
    found = (
        m
        for m in work.newest_first("payment_method")
        if m["customer"] is not None and customer in (None, m["customer"])
    )
    return lists.page("/v1/payment_methods", found, params)


def find_of_customer(work: Work, params: dict[str, Any], customer: str) -> Object:
    work.load("customer", customer)
    found = (m for m in work.newest_first("payment_method") if m["customer"] == customer)
    return lists.page(f"/v1/customers/{customer}/payment_methods", found, params)


def replace_by_bank(work: Work, method: Object, last4: str, month: int, year: int) -> Object:
    """Renews a card: the network sent a new number and expiry; the payment method stays the same.

    Another number has another fingerprint, by which Stripe tells cards apart.
    """
    card = method["card"]
    after = {"exp_month": month, "exp_year": year, "last4": last4}
    if last4 != card["last4"]:
        number = f"{card['fingerprint']}{last4}"
        after["fingerprint"] = hashlib.sha256(number.encode()).hexdigest()[:16]
    previous = {"card": {name: card[name] for name in after}}
    card |= after
    work.tell("payment_method.automatically_updated", method, previous)
    return work.put(method)


def card_error(decline: Decline, **fields: Any) -> StripeError:
    """Returns a bank's decline as Stripe's error object; `fields` name charge and intent."""
    return StripeError(402, decline.message, kind="card_error", **decline_fields(decline), **fields)


def decline_fields(decline: Decline) -> dict[str, Any]:
    return {
        "code": decline.code,
        "decline_code": decline.decline_code,
        "advice_code": decline.advice,
        "network_decline_code": decline.network,
    }


def last_error(error: StripeError, method: Object) -> Object:
    """Returns an error as an intent keeps it: with the payment method, without the intent."""
    within = ("payment_intent", "setup_intent")
    fields = {name: value for name, value in error.fields.items() if name not in within}
    return {**fields, "payment_method": public(method)}


def _change(method: Object, params: dict[str, Any]) -> None:
    if "allow_redisplay" in params:
        method["allow_redisplay"] = params["allow_redisplay"]
    details = params.get("billing_details", {})
    method["billing_details"] |= {n: v for n, v in details.items() if n != "address"}
    if "address" in details:
        method["billing_details"]["address"] |= details["address"]
    for name in ("exp_month", "exp_year"):
        if name in params.get("card", {}):
            method["card"][name] = params["card"][name]
    if not 1 <= method["card"]["exp_month"] <= 12:
        raise invalid("Your card's expiration month is invalid.", "exp_month")
    method["metadata"] = form.merged(method["metadata"], params.get("metadata"))
