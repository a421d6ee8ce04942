"""A coupon of a subscription that runs: given by its merchant, and taken away (C-8)."""

from __future__ import annotations

from datetime import datetime

from billing.coupons.flows import uses
from billing.kernel import charge_eligibility
from billing.kernel.errors import Refused
from billing.kernel.flows import subscriptions
from billing.kernel.persons import customer_subject, subjects
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Transaction

AS_READ = (*charge_eligibility.LOOKED_AT, *charge_eligibility.PRICED_BY)


def attach(ports: Ports, subscription: Subscription, code: str, *, now: datetime) -> Subscription:
    """Gives a subscription a coupon from its next payment on; one that has it keeps it.

    Raises `Refused`: coupon_unknown, coupon_over, coupon_not_for_this, coupon_present,
    invoice_open, not_active.
    """

    def stands() -> bool:
        return subscriptions.again(ports, subscription) == subscription

    return uses.in_turn(lambda: _attach(ports, subscription, code, now), stands)


def preview(ports: Ports, found: Subscription, code: str, *, now: datetime) -> Subscription:
    """Returns a subscription as it would be with a coupon, and writes nothing; raises as
    `attach`."""
    return _attached(ports, found, code, now)[0]


def _attach(ports: Ports, found: Subscription, code: str, now: datetime) -> Subscription:
    after, writes = _attached(ports, found, code, now)
    if writes:
        ports.store.commit(*writes)
    return after


def _attached(
    ports: Ports, found: Subscription, code: str, now: datetime
) -> tuple[Subscription, Transaction]:
    """Returns a subscription with a coupon, and the writes of it; none where it has it already."""
    if not found.is_live or found.period_at is None:
        raise Refused("not_active")
    coupon = uses.usable(
        ports,
        found.merchant,
        code,
        product=found.product,
        price_point=found.price_point,
        currency=found.terms.price.currency,
        now=now,
    )
    if found.discount is not None:
        if found.discount.coupon == coupon.code:
            return found, ()
        raise Refused("coupon_present")
    if found.open_invoice is not None:
        raise Refused("invoice_open")
    taken = uses.taken(ports, found.merchant, coupon.code, _people(ports, found))
    after = replace(found, discount=coupon.discount)
    return after, (Change(found, after, expecting=AS_READ), *taken)


def _people(ports: Ports, found: Subscription) -> tuple[str, ...]:
    """Returns the hashes of a subscription's customer, their mailbox, and the card that it
    charges."""
    customer = ports.store.customer(found.merchant, found.customer)
    method = ports.store.payment_method(found.merchant, found.customer, found.payment_method)
    assert customer is not None, "written with the subscription"
    known = subjects(found.merchant, customer.email, method)
    return (customer_subject(found.merchant, found.customer), *known)


def detach(ports: Ports, subscription: Subscription) -> Subscription:
    """Takes a subscription's coupon away; an invoice that is open keeps its discount, and the use
    is not given back. Raises `Refused` (not_active)."""
    return subscriptions.decided(ports, subscription, lambda found: _detach(ports, found))


def _detach(ports: Ports, found: Subscription) -> Subscription:
    if not found.is_live:
        raise Refused("not_active")
    if found.discount is None:
        return found
    after = replace(found, discount=None)
    ports.store.commit(Change(found, after, expecting=("state",)))
    return after
