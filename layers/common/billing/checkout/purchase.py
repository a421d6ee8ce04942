"""Makes the purchase of a paid attempt: customer, card, subscription, and its event (C-3, B-3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from billing.checkout.checkouts import Checkout
from billing.kernel import snapshots
from billing.kernel.customers import (
    Consent,
    Customer,
    EmailPointer,
    PaymentMethod,
    email_hash,
    normalised_email,
)
from billing.kernel.discounts import left_after
from billing.kernel.orders import Order, OrderKind
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.periods import Anchor
from billing.kernel.schedule import ChargeKind, standard_anchor, standard_at
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Write


def keep(checkout: Checkout, customer: str | None, kept: PaymentMethod | None) -> Write:
    """Adds the card of a purchase to those of its customer, or of a new one.

    A known customer's is kept for this purchase alone: whoever typed their email gave it. One that
    is there already is charged again, removed or not.
    """
    method = checkout.method
    assert method is not None, "a $0 start stores a payment method too (P-11)"
    if kept is not None:
        return Change(kept, replace(kept, removed_at=None), expecting=("removed_at",))
    if customer is None:
        return Insert(replace(method, customer=checkout.customer))
    return Insert(replace(method, customer=customer, given_for=checkout.purchase))


def consent(checkout: Checkout, customer: str) -> Consent:
    """Returns the buyer's consent with the country of their card: its gateway alone knows that."""
    assert checkout.method is not None, "a $0 start stores a payment method too (P-11)"
    return replace(
        checkout.consent,
        customer=customer,
        purchase=checkout.purchase,
        card_country=checkout.method.country,
    )


def new_customer(checkout: Checkout, now: datetime) -> tuple[Insert, ...]:
    """Inserts the customer of a stranger's first payment, and the email's pointer."""
    email = checkout.bill_to.email
    return (
        # Two first purchases of one email meet here: the second reads the first and joins it.
        Insert(
            EmailPointer(checkout.merchant, email_hash(checkout.merchant, email), checkout.customer)
        ),
        Insert(buyer(checkout, now)),
    )


def buyer(checkout: Checkout, now: datetime) -> Customer:
    """Builds the customer from the details that an attempt carries."""
    return Customer(
        id=checkout.customer,
        merchant=checkout.merchant,
        email=normalised_email(checkout.bill_to.email),
        name=checkout.bill_to.name,
        address=checkout.bill_to.address,
        created_at=now,
        default_method=checkout.method.id if checkout.method else None,
        language=checkout.language,
        test=checkout.invoice.test,
    )


def subscription(checkout: Checkout, customer: str, now: datetime) -> Subscription:
    """Builds the subscription after its first payment; its second charge is its first due date."""
    terms, invoice = checkout.terms, checkout.invoice
    in_trial = invoice.kind is ChargeKind.INITIAL
    paid_standard = 0 if in_trial else 1
    anchor = standard_anchor(terms, checkout.anchor)
    subscription = Subscription(
        id=checkout.purchase,
        merchant=checkout.merchant,
        customer=customer,
        product=checkout.product,
        product_name=checkout.product_name,
        price_point=checkout.price_point,
        price_version=checkout.price_version,
        terms=terms,
        anchor=anchor,
        state=State.TRIALING if in_trial else State.ACTIVE,
        started_at=now,
        gateway=invoice.gateway,
        gateway_account=invoice.gateway_account,
        payment_method=invoice.payment_method,
        shard=checkout.shard,
        seq=invoice.seq,
        period=paid_standard,
        payments_made=paid_standard,
        last_charged_on=Anchor.at(now, anchor.zone).wall.date() if paid_standard else None,
        due_at=standard_at(terms, anchor, paid_standard),
        credit_minor=-invoice.postponed_minor,
        language=checkout.language,
        test=invoice.test,
        hand_off=invoice.hand_off,
        discount=checkout.discount if in_trial else left_after(checkout.discount, invoice.coupon),
    )
    assert subscription.period_at is not None, "what rebills has something to come"
    return subscription.paid_first(invoice.paid_for_period_minor, invoice.taxed_by)


def purchased(
    checkout: Checkout, subscription: Subscription | None, now: datetime, shard: int
) -> OutboxEvent:
    invoice = checkout.invoice
    assert invoice.order_kind is OrderKind.SALE
    return OutboxEvent(
        id=f"{invoice.id}:{EventKind.PURCHASED}",
        kind=EventKind.PURCHASED,
        merchant=invoice.merchant,
        customer=invoice.customer,
        at=now,
        shard=shard,
        invoice=invoice.id,
        subscription=invoice.subscription,
        was=None if subscription is None else snapshots.of(subscription),
    )


REPEAT_WINDOW = timedelta(hours=24)


def is_repeat(
    product: str,
    subscriptions: Iterable[Subscription],
    orders: Iterable[Order],
    now: datetime,
) -> bool:
    """True if a customer has this product already, so that buying it again must be confirmed (C-2).

    That is, a subscription to it is live, or it was bought within 24 hours.
    """
    if any(s.product == product and s.is_live for s in subscriptions):
        return True
    return any(
        o.product == product and o.kind is OrderKind.SALE and now - o.at < REPEAT_WINDOW
        for o in orders
    )
