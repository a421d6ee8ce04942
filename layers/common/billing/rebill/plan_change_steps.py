"""A change of plan as transactions: free, later, or by an invoice of its own (A-4).

The invoice goes through the charge protocol like any other (`billing.rebill.charge_steps`), but
pays for no period: whatever becomes of it, the subscription goes on, on its old plan or its new
one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from billing.cancel import cancellation
from billing.kernel import charge_eligibility, ledger
from billing.kernel.customers import Entitlement
from billing.kernel.gateways import ActionRequired, Declined, Outcome, Succeeded
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.outbox_events import EventKind
from billing.kernel.plans import Plan, PlanChange
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Transaction, Write
from billing.rebill.charge_events import event
from billing.rebill.charge_steps import ATTEMPT

LOOK_AGAIN = timedelta(minutes=2)
"""The time until the worker asks whether the buyer has authenticated."""

AS_READ = (*charge_eligibility.LOOKED_AT, *charge_eligibility.PRICED_BY, "funds", "due_at")


def open_invoice(
    subscription: Subscription, invoice: Invoice, lease_until: datetime
) -> Transaction:
    """Opens the invoice of the change (step 1), if none is open; its claim brings the worker."""
    assert invoice.seq == subscription.seq + 1, "the write that opens an invoice raises seq"
    after = subscription.opened(invoice.id).postponed_to(lease_until)
    return (Change(subscription, after, expecting=AS_READ), Insert(invoice))


def extend_lease(subscription: Subscription, lease_until: datetime) -> Transaction:
    """Claims a change that is under way, so that it is taken up again at once."""
    again = subscription.postponed_to(lease_until)
    return (Change(subscription, again, expecting=AS_READ),)


def change_without_charge(
    subscription: Subscription,
    change: PlanChange,
    moves: Iterable[Write],
    now: datetime,
    shard: int,
) -> Transaction:
    """Changes the plan with nothing to charge now."""
    after = _changed(subscription, change)
    return (
        Change(subscription, after, expecting=AS_READ),
        *moves,
        Insert(cancellation.event(EventKind.PLAN_CHANGED, after, now, shard)),
    )


def schedule_change(
    subscription: Subscription, plan: Plan | None, now: datetime, shard: int
) -> Transaction:
    """Schedules another plan for the next period, or, with None, keeps this one after all."""
    after = replace(subscription, next_plan=plan)
    event = cancellation.event(EventKind.PLAN_ASKED, after.renewing(), now, shard)
    return (Change(subscription, after, expecting=AS_READ), Insert(event))


def access_moves(
    entitlements: Iterable[Entitlement], source: Subscription, plan: Plan, now: datetime
) -> tuple[Write, ...]:
    """Replaces the old product's access by the new one's; no writes where the product stays."""
    if plan.product == source.product:
        return ()
    had = {held.grant: held for held in entitlements if held.source == source.id}
    gone = (
        Change(held, replace(held, revoked_at=now))
        for grant, held in had.items()
        if grant not in plan.grants and held.revoked_at is None
    )
    back = (
        Change(had[grant], replace(had[grant], revoked_at=None))
        for grant in plan.grants
        if grant in had and had[grant].revoked_at is not None
    )
    new = (
        Insert(Entitlement(source.merchant, source.customer, grant, source.id, now))
        for grant in dict.fromkeys(plan.grants)
        if grant not in had
    )
    return (*gone, *back, *new)


def settle(
    subscription: Subscription,
    invoice: Invoice,
    outcome: Outcome,
    moves: Iterable[Write],
    now: datetime,
    shard: int,
) -> tuple[str, Transaction]:
    """Settles the gateway's outcome (step 5): returns its name and its writes, all at once."""
    match outcome:
        case Succeeded():
            return "paid", _settle_paid(subscription, invoice, outcome, moves, now, shard)
        case Declined():
            return "declined", _settle_declined(subscription, invoice, outcome, now, shard)
        case ActionRequired():
            return "action_required", _wait_for_buyer(subscription, invoice, now, shard)
        case _:
            return "void", _void(subscription, invoice, now, shard)


def _settle_paid(
    subscription: Subscription,
    invoice: Invoice,
    outcome: Succeeded,
    moves: Iterable[Write],
    now: datetime,
    shard: int,
) -> Transaction:
    assert invoice.plan_change is not None, "the invoice of a change"
    paid = invoice.paid(now, outcome.charge)
    after = _changed(subscription, invoice.plan_change)
    after, cancelled = cancellation.after_payment(after, now, invoice.bill_to.email, shard)
    return (
        Change(invoice, paid, expecting=ATTEMPT),
        Change(subscription, after, expecting=charge_eligibility.MONEY),
        *moves,
        Insert(invoice.order(now)),
        Insert(ledger.payment(paid, now)),
        Insert(event(EventKind.PLAN_CHANGED, invoice, after, now, shard)),
        *cancelled,
    )


def _settle_declined(
    subscription: Subscription, invoice: Invoice, outcome: Declined, now: datetime, shard: int
) -> Transaction:
    """Gives up a declined change at once: nobody owes what they did not get.

    The old plan was paid for.
    """
    over = invoice.declined(outcome.code, retryable=False, final=True)
    after = _unchanged(subscription)
    return (
        Change(invoice, over, expecting=ATTEMPT),
        Change(subscription, after, expecting=charge_eligibility.LOOKED_AT),
        Insert(invoice.failed_order(now, outcome.code)),
        Insert(event(EventKind.PAYMENT_FAILED, invoice, after, now, shard, code=outcome.code)),
    )


def _wait_for_buyer(
    subscription: Subscription, invoice: Invoice, now: datetime, shard: int
) -> Transaction:
    """Waits for the buyer: the link is mailed once, then the worker only looks again (R-8)."""
    waiting = invoice.in_state(InvoiceState.ACTION_REQUIRED)
    later = subscription.postponed_to(now + LOOK_AGAIN)
    looked = (
        Change(invoice, waiting, expecting=ATTEMPT),
        Change(subscription, later, expecting=charge_eligibility.LOOKED_AT),
    )
    if invoice.state is InvoiceState.ACTION_REQUIRED:
        return looked
    return (*looked, Insert(event(EventKind.ACTION_NEEDED, invoice, later, now, shard)))


def _void(subscription: Subscription, invoice: Invoice, now: datetime, shard: int) -> Transaction:
    """Voids a withdrawn change: the plan stays, and a cancellation that met it applies (X-6)."""
    withdrawn = Change(invoice, invoice.in_state(InvoiceState.VOID), expecting=ATTEMPT)
    recorded, email = subscription.cancelling, invoice.bill_to.email
    if recorded is None:
        unchanged = _unchanged(subscription)
        return (withdrawn, Change(subscription, unchanged, expecting=charge_eligibility.LOOKED_AT))
    request = replace(recorded, requested_at=now)
    if cancellation.takes_effect_now(subscription, request, changing_plan=True):
        return (withdrawn, *cancellation.end_now(subscription, None, request, email, shard))
    return (withdrawn, *cancellation.at_period_end(subscription, None, request, email, shard))


def _changed(subscription: Subscription, change: PlanChange) -> Subscription:
    after = replace(subscription.changed_to(change), open_invoice=None)
    return after.postponed_to(after.period_at)


def _unchanged(subscription: Subscription) -> Subscription:
    """Undoes the change that was asked for: the due date is the period's own again."""
    return subscription.voided(subscription.period_at)
