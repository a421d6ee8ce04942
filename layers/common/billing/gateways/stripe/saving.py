"""Saving cards at Stripe: from its own page or by a token, attached to a customer there (B-9).

The buyer's consent is ours to keep (C-6); Stripe only learns that a card will be used off session
(`usage`, `setup_future_usage`), which is what makes it exempt later. Cards need no mandate.
"""

from __future__ import annotations

from functools import partial

import stripe

from billing.gateways.declines import AUTHENTICATION_REQUIRED
from billing.gateways.stripe.client import (
    StripeAccount,
    decline_of,
    id_of,
    is_customer_gone,
    refused,
    with_advice,
)
from billing.kernel.errors import Invalid, NotFound, Unavailable
from billing.kernel.gateways import Declined, SavedMethod
from billing.kernel.values import replace

SESSION = "cs_"
"""The prefix of a Checkout Session's id; its card was set up on Stripe's page."""


def parts(method: str) -> tuple[str, str]:
    """Splits a saved method into customer and payment method."""
    customer, _, card = method.partition(":")
    return customer, card


def page(account: StripeAccount, key: str, return_url: str, cancel_url: str) -> str:
    """Opens a Checkout Session in set-up mode; its id comes back in the query as the token."""
    join = "&" if "?" in return_url else "?"

    def create(client: stripe.StripeClient) -> stripe.checkout.Session:
        return client.v1.checkout.sessions.create(
            {
                "mode": "setup",
                "allowed_payment_method_types": ["card"],
                "success_url": f"{return_url}{join}payment_method={{CHECKOUT_SESSION_ID}}",
                "cancel_url": cancel_url,
                "client_reference_id": key,
            },
            {"idempotency_key": f"{key}:page"},
        )

    try:
        session = account.ask(create)
    except stripe.InvalidRequestError as error:
        raise refused(error) from error
    if session.url is None:
        raise Unavailable("Stripe's page is over; begin again.", code="page_over")
    return session.url


def saved(
    account: StripeAccount, token: str, owner: str, key: str, verify: bool, beside: str | None
) -> SavedMethod | Declined:
    """Attaches the card of a token to a customer; raises `Invalid` where it names no card.

    A card that belongs to somebody already is refused by Stripe, and so by us: naming the id of
    another's card pays for nothing.
    """
    try:
        named, is_set_up = _given(account, token)
        card, customer = _attached(account, named, owner, key, beside)
        if verify and not is_set_up:
            refusal = account.ask(partial(_set_up, card.id, customer, key))
            if refusal is not None:
                return refusal
    except stripe.CardError as error:
        return decline_of(error)
    except (stripe.InvalidRequestError, NotFound) as error:
        raise Invalid("payment_method_unknown", field="payment_method") from error
    return saved_method(card, customer)


def _attached(
    account: StripeAccount, named: str, owner: str, key: str, beside: str | None
) -> tuple[stripe.PaymentMethod, str]:
    """Attaches a card to the customer of another one, or to a new one where there is none or that
    was deleted; one that is with a customer of the same owner already stays there."""
    customer = parts(beside)[0] if beside else _customer(account, owner, key)
    try:
        return account.ask(partial(_attach, named, customer, key)), customer
    except stripe.InvalidRequestError as error:
        if beside and is_customer_gone(error):
            return _attached(account, named, owner, f"{key}:anew", None)
        if error.code == "resource_missing":
            raise
        kept, made_for = _kept(account, named)
        if made_for is None or with_advice(made_for.metadata, "customer") != owner:
            raise
        return kept, made_for.id


def _kept(account: StripeAccount, card: str) -> tuple[stripe.PaymentMethod, stripe.Customer | None]:
    """Reads a card with the customer that it is attached to."""
    kept = account.ask(
        lambda client: client.v1.payment_methods.retrieve(card, {"expand": ["customer"]})
    )
    return kept, kept.customer if isinstance(kept.customer, stripe.Customer) else None


def customer_of(account: StripeAccount, card: str) -> str | None:
    """Returns the Stripe customer that a card is attached to, None where there is none."""
    try:
        found = account.ask(lambda client: client.v1.payment_methods.retrieve(card))
    except NotFound:
        return None
    return id_of(found.customer)


def found(account: StripeAccount, method: str) -> SavedMethod | None:
    """Reads a saved method as it is now, with the owner that its customer there was made for."""
    customer, card = parts(method)
    try:
        kept, made_for = _kept(account, card)
    except (stripe.InvalidRequestError, NotFound):
        return None
    if id_of(kept.customer) != customer or kept.card is None:
        return None
    owner = None if made_for is None else with_advice(made_for.metadata, "customer")
    return replace(saved_method(kept, customer), owner=owner)


def _given(account: StripeAccount, token: str) -> tuple[str, bool]:
    """Returns the payment method that a token names, and whether its bank was asked already."""
    if not token.startswith(SESSION):
        return token, False

    def read(client: stripe.StripeClient) -> stripe.checkout.Session:
        return client.v1.checkout.sessions.retrieve(token, {"expand": ["setup_intent"]})

    setup = account.ask(read).setup_intent
    card = id_of(setup.payment_method) if isinstance(setup, stripe.SetupIntent) else None
    if not isinstance(setup, stripe.SetupIntent) or setup.status != "succeeded" or card is None:
        raise Invalid("card_missing", field="payment_method")
    return card, True


def _customer(account: StripeAccount, owner: str, key: str) -> str:
    """Creates a customer at Stripe; it knows nothing of ours but the id."""

    def create(client: stripe.StripeClient) -> stripe.Customer:
        return client.v1.customers.create(
            {"metadata": {"customer": owner, "merchant": account.ref.merchant}},
            {"idempotency_key": f"{key}:customer"},
        )

    return account.ask(create).id


def _attach(
    named: str, customer: str, key: str, client: stripe.StripeClient
) -> stripe.PaymentMethod:
    options: stripe.RequestOptions = {"idempotency_key": f"{key}:attach"}
    return client.v1.payment_methods.attach(named, {"customer": customer}, options)


def _set_up(card: str, customer: str, key: str, client: stripe.StripeClient) -> Declined | None:
    """Asks the bank now; one that wants its customer present is answered on Stripe's page only."""
    setup = client.v1.setup_intents.create(
        {
            "allowed_payment_method_types": ["card"],
            "confirm": True,
            "customer": customer,
            "payment_method": card,
            "usage": "off_session",
        },
        {"idempotency_key": f"{key}:set_up"},
    )
    return None if setup.status == "succeeded" else Declined(AUTHENTICATION_REQUIRED)


def saved_method(found: stripe.PaymentMethod, customer: str) -> SavedMethod:
    """Returns a card as the rest of the code knows it; raises `Invalid` for what is none."""
    card = found.card
    if card is None:
        raise Invalid("only_cards", field="payment_method")
    return SavedMethod(
        token=f"{customer}:{found.id}",
        brand=card.display_brand or card.brand,
        last4=card.last4 or "",
        expires_on=f"{card.exp_year:04d}-{card.exp_month:02d}",
        fingerprint=card.fingerprint,
        country=getattr(card, "country", None),
    )
