"""Progress of an attempt to its end, once, whichever process works on it (C-2, C-4)."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.checkout import checkout_steps, trials
from billing.checkout.checkouts import Checkout, CheckoutState
from billing.checkout.flows import coupon_uses, settlement
from billing.coupons import coupons
from billing.kernel import charge_eligibility
from billing.kernel.errors import (
    Conflict,
    Invalid,
    RateLimited,
    Refused,
    Unavailable,
    Unfinished,
    Unreachable,
)
from billing.kernel.flows import gateway_payments
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateways import Canceled, PaymentStatus, SavedMethod, Unconfirmed
from billing.kernel.invoices import UNDER_WAY, InvoiceState
from billing.kernel.ports import Ports
from billing.kernel.storage import History

STEPS_AT_MOST = 12
"""Steps and conflicts with other workers before an attempt is left to the sweep."""


def advance(
    ports: Ports,
    checkout: Checkout,
    *,
    now: datetime,
    return_url: str | None,
    history: History | None = None,
) -> Checkout:
    """Takes an attempt as far as it goes: paid, declined, waiting for its buyer, or unknown yet.

    `history` is its buyer's as it was read when this request began the attempt. Raises `Unfinished`
    where it could not be brought to its charge: nothing charges it unless its buyer sends it again.
    """
    came_from: InvoiceState | None = None
    for _ in range(STEPS_AT_MOST):
        if checkout.state is not CheckoutState.OPEN:
            return checkout
        state = checkout.invoice.state
        try:
            after, ours = _stepped(ports, checkout, came_from, history, now, return_url)
        except Unavailable as outage:
            if state in UNDER_WAY:
                return checkout  # It may be charged: the sweep, or the same key, settles it.
            message = "Nothing was charged; the same attempt goes on when it is sent again."
            raise Unfinished(message) from outage
        if ours and after is checkout:
            return checkout
        checkout = after
        # What was read before another worker came holds no more.
        came_from, history = (state, history) if ours else (None, None)
    return checkout


def _stepped(
    ports: Ports,
    checkout: Checkout,
    came_from: InvoiceState | None,
    history: History | None,
    now: datetime,
    return_url: str | None,
) -> tuple[Checkout, bool]:
    """Returns the attempt after one more step, or as another worker has left it; and whether the
    step was ours."""
    try:
        return _step(ports, checkout, came_from, history, now, return_url), True
    except Conflict:
        again = ports.store.checkout(checkout.merchant, checkout.key)
        if again is None:  # The other worker found its payment method unreadable.
            raise
        return again, False


def _step(
    ports: Ports,
    checkout: Checkout,
    came_from: InvoiceState | None,
    history: History | None,
    now: datetime,
    return_url: str | None,
) -> Checkout:
    """Takes one step of the protocol; returns the same attempt when no more can be known now.

    `came_from` is the state that this process has just taken it on from, None for its first step.
    """
    gateway = ports.gateway_of(checkout.invoice)
    state = checkout.invoice.state
    if checkout.method is None:
        return _save_method(ports, gateway, checkout, now)
    untaken = state not in UNDER_WAY or not checkout.invoice.total
    # Asked before the payment is prepared; the write that takes the trial is refused by then.
    asked = state is InvoiceState.READY and came_from is InvoiceState.PENDING
    if untaken and not asked and (code := _refusal(ports, checkout)) is not None:
        return _refused(ports, gateway, checkout, code)
    if not checkout.invoice.total:
        if history is None:  # else it was begun just now, which is refused where nothing is sold
            refuse_stopped(_stopped(ports, checkout, now))
        return _start_free(ports, gateway, checkout, now, history)
    if state is InvoiceState.PENDING:
        reference = gateway_payments.prepare(ports, checkout.invoice)
        return settlement.write(ports, checkout_steps.prepare(checkout, reference))
    if state is InvoiceState.READY:
        refuse_stopped(_stopped(ports, checkout, now))
        return _pass_point_of_no_return(ports, gateway, checkout, now)
    # One that has just passed the point of no return was found not to be stopped before that.
    stopped = came_from is not InvoiceState.READY and bool(_stopped(ports, checkout, now))
    return _settle_under_way(ports, checkout, history, now, return_url, stopped=stopped)


def _pass_point_of_no_return(
    ports: Ports, gateway: Gateway, checkout: Checkout, now: datetime
) -> Checkout:
    """Takes trial and coupon with the write past which money may move; ends an attempt whose coupon
    is over by then."""
    order_id = ports.new_id("order")

    def begun() -> Checkout:
        coupon = coupon_uses.taken(ports, checkout)
        step = checkout_steps.pass_point_of_no_return(checkout, order_id, now, coupon)
        return settlement.write(ports, step)

    try:
        return settlement.with_coupon(ports, checkout, begun)
    except Refused as over:
        return _refused(ports, gateway, checkout, over.code)


def _start_free(
    ports: Ports, gateway: Gateway, checkout: Checkout, now: datetime, history: History | None
) -> Checkout:
    """Books an attempt with nothing to pay, which takes its coupon with that."""

    def booked() -> Checkout:
        return settlement.write(ports, settlement.paid(ports, checkout, None, now, history))

    try:
        return settlement.with_coupon(ports, checkout, booked)
    except Refused as over:
        return _refused(ports, gateway, checkout, over.code)


def _refusal(ports: Ports, checkout: Checkout) -> str | None:
    """Returns why this person cannot have what they were offered: the trial (C-9), or the coupon
    (C-8)."""
    if _trial_is_used(ports, checkout):
        return trials.CODE
    return coupons.OVER if coupon_uses.is_over(ports, checkout) else None


def _trial_is_used(ports: Ports, checkout: Checkout) -> bool:
    """Tells whether this person has had the trial by another purchase (C-9)."""
    if not checkout.terms.trial_guard:
        return False
    known = trials.subjects(checkout.merchant, checkout.bill_to.email, checkout.method)
    uses = (ports.store.trial_use(checkout.merchant, subject) for subject in known)
    return any(use is not None and use.purchase != checkout.purchase for use in uses)


def _refused(ports: Ports, gateway: Gateway, checkout: Checkout, code: str) -> Checkout:
    """Refuses an attempt before anything is charged; withdraws a prepared payment first."""
    prepared = checkout.invoice.gateway_ref
    if prepared is not None and not isinstance(gateway.cancel(prepared), Canceled):
        raise Unreachable("The gateway did not withdraw the payment.")
    return settlement.write(ports, checkout_steps.abandon(checkout, code))


def _save_method(ports: Ports, gateway: Gateway, checkout: Checkout, now: datetime) -> Checkout:
    """Saves the payment method at the gateway, beside none of the known customer's: a form proves
    no mailbox, so a stranger's card would join that customer's (B-3)."""
    try:
        answer = gateway.save_method(
            checkout.payment_token,
            owner=checkout.customer,
            key=f"{checkout.purchase}:method",
            verify=not checkout.invoice.total,
        )
    except Invalid:
        ports.store.commit(*checkout_steps.undo_begin(checkout))
        raise
    if isinstance(answer, SavedMethod):
        return settlement.write(ports, checkout_steps.save_method(checkout, answer, now))
    return settlement.write(ports, settlement.declined(ports, checkout, answer, now))


def _settle_under_way(
    ports: Ports,
    checkout: Checkout,
    history: History | None,
    now: datetime,
    return_url: str | None,
    *,
    stopped: bool,
) -> Checkout:
    """Settles the charge of an attempt if its outcome can be known.

    While billing is stopped no payment is confirmed, only looked up.
    """
    invoice = checkout.invoice
    try:
        if stopped:
            outcome: PaymentStatus = gateway_payments.lookup(ports, invoice)
        else:
            outcome = gateway_payments.resolve(ports, invoice, return_url=return_url)
    except (Unreachable, RateLimited):
        return checkout
    if isinstance(outcome, Unconfirmed):
        return checkout
    return settlement.settle(ports, checkout, outcome, now, history)


def patience(ports: Ports) -> timedelta:
    return timedelta(hours=ports.operation.checkout_hours)


def refuse_stopped(reason: charge_eligibility.Hold | None) -> None:
    """Raises `Refused` where there is a reason why nothing may be sold now."""
    if reason is not None:
        raise Refused("sales_stopped", code=reason)


def _stopped(ports: Ports, checkout: Checkout, now: datetime) -> charge_eligibility.Hold | None:
    """Returns why the seller must not charge at this moment: read afresh before money may move."""
    (merchant,), switch = ports.store.merchants_and_switch([checkout.merchant])
    assert merchant is not None, "a merchant is never removed"
    return ports.switched(switch).stopped(merchant.as_of(now))
