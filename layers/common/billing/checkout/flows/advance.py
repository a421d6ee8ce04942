"""Progress of an attempt to its end, once, whichever process works on it (C-2, C-4)."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.checkout import checkout_steps, trials
from billing.checkout.checkouts import Checkout, CheckoutState
from billing.kernel import charge_eligibility
from billing.kernel.customers import PaymentMethod
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
from billing.kernel.gateways import (
    ActionRequired,
    Canceled,
    Declined,
    Outcome,
    PaymentStatus,
    SavedMethod,
    Succeeded,
    Unconfirmed,
)
from billing.kernel.invoices import UNDER_WAY, InvoiceState
from billing.kernel.ports import Gateway, Ports
from billing.kernel.storage import History
from billing.kernel.writes import Transaction

Step = tuple[Checkout, Transaction]
"""An attempt after a step, and the writes of the step."""

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


def settlement(
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
            return _paid(ports, checkout, outcome, now, history)
        case Declined():
            return _declined(ports, checkout, outcome, now)
        case ActionRequired() if checkout.invoice.state is InvoiceState.ACTION_REQUIRED:
            return None
        case ActionRequired():
            return checkout_steps.wait_for_buyer(checkout, outcome)
        case _:
            return checkout_steps.abandon(checkout)


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
        return _save_method(ports, gateway, checkout, history, now)
    untaken = state not in UNDER_WAY or not checkout.invoice.total
    # Asked before the payment is prepared; the write that takes the trial is refused by then.
    asked = state is InvoiceState.READY and came_from is InvoiceState.PENDING
    if untaken and not asked and _trial_is_used(ports, checkout):
        return _without_trial(ports, gateway, checkout)
    if not checkout.invoice.total:
        return write(ports, _paid(ports, checkout, None, now, history))
    if state is InvoiceState.PENDING:
        reference = gateway_payments.prepare(ports, checkout.invoice)
        return write(ports, checkout_steps.prepare(checkout, reference))
    if state is InvoiceState.READY:
        refuse_stopped(_stopped(ports, checkout, now))
        return write(
            ports, checkout_steps.pass_point_of_no_return(checkout, ports.new_id("order"), now)
        )
    # One that has just passed the point of no return was found not to be stopped before that.
    stopped = came_from is not InvoiceState.READY and bool(_stopped(ports, checkout, now))
    return _settle_under_way(ports, checkout, history, now, return_url, stopped=stopped)


def _trial_is_used(ports: Ports, checkout: Checkout) -> bool:
    """Tells whether this person has had the trial by another purchase (C-9)."""
    if not checkout.terms.trial_guard:
        return False
    known = trials.subjects(checkout.merchant, checkout.bill_to.email, checkout.method)
    uses = (ports.store.trial_use(checkout.merchant, subject) for subject in known)
    return any(use is not None and use.purchase != checkout.purchase for use in uses)


def _without_trial(ports: Ports, gateway: Gateway, checkout: Checkout) -> Checkout:
    """Refuses an attempt before anything is charged; withdraws a prepared payment first."""
    prepared = checkout.invoice.gateway_ref
    if prepared is not None and not isinstance(gateway.cancel(prepared), Canceled):
        raise Unreachable("The gateway did not withdraw the payment.")
    return write(ports, checkout_steps.abandon(checkout, trials.CODE))


def _save_method(
    ports: Ports, gateway: Gateway, checkout: Checkout, history: History | None, now: datetime
) -> Checkout:
    try:
        answer = gateway.save_method(
            checkout.payment_token,
            owner=checkout.customer,
            key=f"{checkout.purchase}:method",
            verify=not checkout.invoice.total,
            beside=_kept_already(ports, checkout, history),
        )
    except Invalid:
        ports.store.commit(*checkout_steps.undo_begin(checkout))
        raise
    if isinstance(answer, SavedMethod):
        return write(ports, checkout_steps.save_method(checkout, answer, now))
    return write(ports, _declined(ports, checkout, answer, now))


def _kept_already(ports: Ports, checkout: Checkout, history: History | None) -> str | None:
    """Returns the default card of a known buyer, where it is kept at the same account."""
    owner = (checkout.merchant, checkout.customer)
    customer = ports.store.customer(*owner) if history is None else history.customer
    if customer is None or customer.default_method is None:
        return None
    default = customer.default_method
    card = (
        ports.store.payment_method(*owner, default) if history is None else history.method(default)
    )
    at = (checkout.invoice.gateway, checkout.invoice.gateway_account)
    return card.id if card and (card.gateway, card.gateway_account) == at else None


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
    return settle(ports, checkout, outcome, now, history)


def settle(
    ports: Ports,
    checkout: Checkout,
    outcome: Outcome,
    now: datetime,
    history: History | None = None,
) -> Checkout:
    """Writes what an outcome makes of an attempt under way, and returns it after that."""
    step = settlement(ports, checkout, outcome, now=now, history=history)
    return checkout if step is None else write(ports, step)


def _paid(
    ports: Ports,
    checkout: Checkout,
    outcome: Succeeded | None,
    now: datetime,
    history: History | None,
) -> Step:
    """Books a paid attempt for its buyer as `history` has them, or as they are now.

    The write is refused where somebody took the email, or the card came or went, meanwhile.
    """
    if history is None:
        existing = buyer(ports, checkout)
        kept = kept_card(ports, checkout, existing)
    else:
        existing = history.customer.id if history.customer else None
        kept = history.method(checkout.method.id) if checkout.method else None
    shard = ports.shard_of(checkout.invoice.id)
    return checkout_steps.settle_paid(
        checkout, outcome, now, customer=existing, kept=kept, shard=shard
    )


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


def _declined(ports: Ports, checkout: Checkout, outcome: Declined, now: datetime) -> Step:
    existing = buyer(ports, checkout)
    order_id = checkout.invoice.failed_order_id or ports.new_id("order")
    return checkout_steps.decline(
        checkout, outcome, now, failed_order_id=order_id, customer=existing
    )


def write(ports: Ports, step: Step) -> Checkout:
    """Commits a step, and returns the attempt after it."""
    after, transaction = step
    ports.store.commit(*transaction)
    return after


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
