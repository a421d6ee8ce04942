"""Settles attempts: the step that an outcome brings, and its write (C-4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from billing.checkout import checkout_steps
from billing.checkout.checkouts import Checkout
from billing.checkout.flows import coupon_uses
from billing.coupons.flows import uses
from billing.kernel.customers import PaymentMethod
from billing.kernel.gateways import ActionRequired, Declined, Outcome, Succeeded
from billing.kernel.invoices import InvoiceState
from billing.kernel.ports import Ports
from billing.kernel.storage import History
from billing.kernel.writes import Transaction

Step = tuple[Checkout, Transaction]
"""An attempt after a step, and the writes of the step."""


def step_of(
    ports: Ports,
    checkout: Checkout,
    outcome: Outcome,
    *,
    now: datetime,
    history: History | None = None,
) -> Step | None:
    """Returns the step that an outcome brings to an attempt under way; None if nothing is new.

    It is the same for every path that learns an outcome.
    """
    match outcome:
        case Succeeded():
            return paid(ports, checkout, outcome, now, history)
        case Declined():
            return declined(ports, checkout, outcome, now)
        case ActionRequired() if checkout.invoice.state is InvoiceState.ACTION_REQUIRED:
            return None
        case ActionRequired():
            return checkout_steps.wait_for_buyer(checkout, outcome)
        case _:
            return checkout_steps.abandon(checkout, coupon=coupon_uses.given_back(ports, checkout))


def settle(
    ports: Ports,
    checkout: Checkout,
    outcome: Outcome,
    now: datetime,
    history: History | None = None,
) -> Checkout:
    """Writes what an outcome makes of an attempt under way, and returns it after that."""

    def settled() -> Checkout:
        step = step_of(ports, checkout, outcome, now=now, history=history)
        return checkout if step is None else write(ports, step)

    return with_coupon(ports, checkout, settled)


def with_coupon(ports: Ports, checkout: Checkout, step: Callable[[], Checkout]) -> Checkout:
    """Carries a step of an attempt out, again where others used its coupon at the same time."""
    if checkout.discount is None:
        return step()

    def stands() -> bool:
        return ports.store.checkout(checkout.merchant, checkout.key) == checkout

    return uses.in_turn(step, stands)


def paid(
    ports: Ports,
    checkout: Checkout,
    outcome: Succeeded | None,
    now: datetime,
    history: History | None,
) -> Step:
    """Books a paid attempt for its buyer as `history` has them, or as they are now.

    One with nothing to pay takes its coupon with it; raises `Refused` (coupon_over).
    The write is refused where somebody took the email, or the card came or went, meanwhile.
    """
    if history is None:
        existing = buyer(ports, checkout)
        kept = kept_card(ports, checkout, existing)
    else:
        existing = history.customer.id if history.customer else None
        kept = history.method(checkout.method.id) if checkout.method else None
    anew = None
    if history is None and _is_of_the_erased(ports, checkout):
        existing = ports.store.customer_by_email(checkout.merchant, checkout.bill_to.email)
        kept, anew = kept_card(ports, checkout, existing), ports.new_id("cus")
    shard = ports.shard_of(checkout.invoice.purchase)
    return checkout_steps.settle_paid(
        checkout,
        outcome,
        now,
        customer=existing,
        anew=anew,
        kept=kept,
        shard=shard,
        coupon=() if checkout.invoice.total else coupon_uses.taken(ports, checkout),
    )


def _is_of_the_erased(ports: Ports, checkout: Checkout) -> bool:
    """Tells whether the customer of an attempt was erased while it waited for their bank (M-8)."""
    if not checkout.known:
        return False
    found = ports.store.customer(checkout.merchant, checkout.customer)
    return found is None or found.is_erased


def buyer(ports: Ports, checkout: Checkout) -> str | None:
    """Returns the customer of an attempt: the email's owner when it began, else its owner now."""
    if checkout.known:
        return checkout.customer
    return ports.store.customer_by_email(checkout.merchant, checkout.bill_to.email)


def kept_card(ports: Ports, checkout: Checkout, customer: str | None) -> PaymentMethod | None:
    """Finds the card of an attempt among its customer's, who has bought with it before."""
    if customer is None or checkout.method is None:
        return None
    return ports.store.payment_method(checkout.merchant, customer, checkout.method.id)


def declined(ports: Ports, checkout: Checkout, outcome: Declined, now: datetime) -> Step:
    """Books a declined attempt, which charged nothing."""
    order_id = checkout.invoice.failed_order_id or ports.new_id("order")
    back = coupon_uses.given_back(ports, checkout)
    return checkout_steps.decline(checkout, outcome, now, failed_order_id=order_id, coupon=back)


def write(ports: Ports, step: Step) -> Checkout:
    """Commits a step, and returns the attempt after it."""
    after, transaction = step
    ports.store.commit(*transaction)
    return after
