"""The charge protocol as transactions: the writes of each step, and their conditions (R-1, R-6).

Pure: a flow reads, asks for a step, and commits it (ARCHITECTURE.md, section 3). Each function is
one step; each is atomic, so that a process killed between any two leaves a state that the next one
reads.
"""

from __future__ import annotations

from datetime import datetime

from billing.cancel import cancellation
from billing.kernel import charge_eligibility, ledger, payment_refs, retries
from billing.kernel.gateways import Declined, Succeeded
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.outbox_events import EventKind
from billing.kernel.periods import Anchor
from billing.kernel.retries import RetrySchedule
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, ConditionCheck, Insert, Transaction, Write
from billing.rebill.charge_events import event

ATTEMPT = ("state", "attempt")
"""The fields that identify the attempt under way; settling another one is refused."""


CLAIMED = (*charge_eligibility.LOOKED_AT, "payment_method", "due_at")
"""The subscription fields that an attempt rests on: what allows it, its card, and the claim."""


def open_invoice(subscription: Subscription, invoice: Invoice) -> Transaction:
    """Opens the period's invoice (step 1), if nobody moved the claim and none is open."""
    return (_opened(subscription, invoice), Insert(invoice))


def _opened(subscription: Subscription, invoice: Invoice, *also: str) -> Change:
    assert invoice.seq == subscription.seq + 1, "the write that opens an invoice raises seq"
    after = subscription.renewing().opened(invoice.id)
    read = (*charge_eligibility.LOOKED_AT, *charge_eligibility.PRICED_BY, "due_at", *also)
    return Change(subscription, after, expecting=read)


def start_renewal(
    subscription: Subscription,
    invoice: Invoice,
    gateway_ref: str,
    failed_order_id: str,
    now: datetime,
) -> tuple[Invoice, Transaction]:
    """Opens the period's invoice and starts its first attempt, at once (steps 1 to 3).

    Its payment was prepared, and stays unconfirmed if this is refused. It rests on all that
    `open_invoice` and `pass_point_of_no_return` rest on.
    """
    method, ready = subscription.payment_method, invoice.ready(gateway_ref)
    confirming = ready.confirming(now, method, failed_order_id)
    opened = _opened(subscription, invoice, "payment_method")
    return confirming, (opened, Insert(confirming), payment_refs.pointed_at(confirming))


def prepare(invoice: Invoice, gateway_ref: str) -> tuple[Invoice, Transaction]:
    """Records the one payment that can pay this invoice (step 2).

    A pointer to the first one is written with its first attempt; to a later one, here.
    """
    first = invoice.gateway_ref is None
    ready = invoice.ready(gateway_ref) if first else invoice.renewed(gateway_ref)
    pointer = (payment_refs.pointed_at(ready),) if invoice.attempt else ()
    return ready, (Change(invoice, ready, expecting=ATTEMPT), *pointer)


def pass_point_of_no_return(
    subscription: Subscription, invoice: Invoice, failed_order_id: str, now: datetime
) -> tuple[Invoice, Transaction]:
    """Starts the attempt (step 3): money may move from here on.

    It is refused unless everything that allowed it is unchanged, the claim too: an attempt beside
    one that was settled meanwhile would have no alarm. An attempt that waited for its buyer has
    failed with this, and not before: until here its link could still charge.
    """
    confirming = invoice.confirming(now, subscription.payment_method, failed_order_id)
    first = () if invoice.attempt else (payment_refs.pointed_at(invoice),)
    return confirming, (
        *first,
        *_unanswered(invoice, now),
        Change(invoice, confirming, expecting=ATTEMPT),
        # The card too: one that is being removed is never charged (B-9).
        ConditionCheck(subscription, expecting=CLAIMED),
    )


def _unanswered(invoice: Invoice, now: datetime) -> tuple[Write, ...]:
    """Inserts the order entry of an attempt that its buyer did not answer.

    It has no mail of its own: the result of the next attempt has one, and "declined" beside "paid"
    or "please confirm" would deny it.
    """
    if invoice.state is not InvoiceState.ACTION_REQUIRED:
        return ()
    return (Insert(invoice.failed_order(now, "authentication_required")),)


def settle_paid(
    subscription: Subscription,
    invoice: Invoice,
    outcome: Succeeded,
    now: datetime,
    shard: int,
    *,
    order_lists: int = 1,
) -> Transaction:
    """Books the payment and everything that follows from it, at once (step 5)."""
    paid = invoice.paid(now, outcome.charge)
    charged_on = Anchor.at(now, subscription.anchor.zone).wall.date()
    after = subscription.paid(
        now,
        charged_on,
        None,
        invoice.credit_minor,
        paid_minor=invoice.paid_for_period_minor,
        taxed_by=invoice.taxed_by,
        retaxed_by=invoice.retaxed_by,
        postponed_minor=invoice.postponed_minor,
        coupon=invoice.coupon,
    )
    if after.is_live:
        after = after.postponed_to(charge_eligibility.due_after_payment(after, now))
    after, cancelled = cancellation.after_payment(after, now, invoice.bill_to.email, shard)
    return (
        Change(invoice, paid, expecting=ATTEMPT),
        Change(subscription, after, expecting=charge_eligibility.MONEY),
        Insert(invoice.order(now, lists=order_lists)),
        *((Insert(ledger.payment(paid, now)),) if ledger.is_booked(paid) else ()),
        Insert(event(EventKind.RENEWED, invoice, after, now, shard)),
        *_completed(after, now, shard),
        *cancelled,
    )


def settle_declined(
    subscription: Subscription,
    invoice: Invoice,
    outcome: Declined,
    schedule: RetrySchedule,
    now: datetime,
    shard: int,
    cancellation_order_id: str,
) -> Transaction:
    """Settles a decline (step 5): the charge is tried again, or given up for good (R-4)."""
    follows = retries.after_decline(
        invoice.attempt - invoice.uncounted,
        retryable=outcome.retryable,
        schedule=schedule,
        now=now,
    )
    if _continues(subscription, now):
        again = invoice.declined(outcome.code, retryable=invoice.retryable, final=False)
        written = _uncounted(subscription, invoice, again)
    elif follows.due_at is None:
        written = give_up(
            subscription, invoice, schedule, now, shard, cancellation_order_id, outcome
        )
    else:
        retry = invoice.declined(outcome.code, retryable=outcome.retryable, final=False)
        written = _retry(subscription, invoice, retry, follows)
    after = _after(subscription, written)
    failed = event(EventKind.PAYMENT_FAILED, invoice, after, now, shard, code=outcome.code)
    return (*written, Insert(invoice.failed_order(now, outcome.code)), Insert(failed))


def _retry(
    subscription: Subscription, before: Invoice, after: Invoice, follows: retries.AfterDecline
) -> Transaction:
    """Keeps the subscription past due, with the retry cycle's next due date."""
    assert follows.due_at is not None, "what is given up is not tried again"
    past_due = subscription.declined(follows.retry_at, follows.due_at)
    return (
        Change(before, after, expecting=ATTEMPT),
        Change(subscription, past_due, expecting=charge_eligibility.LOOKED_AT),
    )


def _after(before: Subscription, writes: Transaction) -> Subscription:
    """Returns the subscription as a transaction leaves it."""
    found = next(w.after for w in writes if isinstance(w, Change) and w.before is before)
    assert isinstance(found, Subscription)
    return found


def give_up(
    subscription: Subscription,
    invoice: Invoice,
    schedule: RetrySchedule,
    now: datetime,
    shard: int,
    cancellation_order_id: str,
    outcome: Declined | None = None,
) -> Transaction:
    """Ends the retries: cancels for non-payment, or leaves it past due, as configured (R-4)."""
    code = outcome.code if outcome else (invoice.decline_code or "unpaid")
    over = invoice.declined(code, retryable=False, final=True)
    uncollectible = Change(invoice, over, expecting=ATTEMPT)
    if not retries.cancels_at_the_end(schedule):
        parked = Change(subscription, subscription.unpaid(), expecting=charge_eligibility.RESTS)
        return (uncollectible, parked)
    request = cancellation.by_dunning(cancellation_order_id, now)
    email = invoice.bill_to.email
    return (uncollectible, *cancellation.end_now(subscription, None, request, email, shard))


def wait_for_buyer(
    subscription: Subscription,
    invoice: Invoice,
    schedule: RetrySchedule,
    now: datetime,
    shard: int,
) -> Transaction:
    """Counts an attempt that needs authentication; its link is mailed, and stays valid until the
    next attempt (R-4, R-8)."""
    waiting = invoice.in_state(InvoiceState.ACTION_REQUIRED)
    if _continues(subscription, now):
        written = _uncounted(subscription, invoice, waiting)
    else:
        counted = invoice.attempt - invoice.uncounted
        follows = retries.after_decline(
            min(counted, schedule.attempts - 1), retryable=True, schedule=schedule, now=now
        )
        written = _retry(subscription, invoice, waiting, follows)
    after = _after(subscription, written)
    return (*written, Insert(event(EventKind.ACTION_NEEDED, invoice, after, now, shard)))


def moved(subscription: Subscription, invoice: Invoice, now: datetime, shard: int) -> Transaction:
    """Voids a payment that was prepared at another account than the card is at now.

    The same period is opened anew where the card is (W-6).
    """
    again = replace(subscription.voided(now), pay_now=subscription.pay_now)
    return (
        Change(subscription, again, expecting=(*charge_eligibility.LOOKED_AT, "payment_method")),
        *cancellation.void(invoice, now, shard),
    )


def held_back(subscription: Subscription, again_at: datetime) -> Transaction:
    """Puts off the next look at a payment that the gateway holds back (R-6)."""
    return (Change(subscription, replace(subscription, due_at=again_at), expecting=("due_at",)),)


def pay_now(subscription: Subscription, invoice: Invoice | None, now: datetime) -> Transaction:
    """Makes what is past due be charged at once, if no attempt is under way (R-4).

    `invoice` is the open one.
    """
    asked = subscription.asked_to_pay(now)
    idle = () if invoice is None else (ConditionCheck(invoice, expecting=ATTEMPT),)
    return (Change(subscription, asked, expecting=(*charge_eligibility.LOOKED_AT, "due_at")), *idle)


def _continues(subscription: Subscription, now: datetime) -> bool:
    """Tells whether the attempt was asked for and the cycle's own next due date is to come."""
    asked = subscription.pay_now
    return asked is not None and asked.resumes_at is not None and asked.resumes_at > now


def _uncounted(subscription: Subscription, before: Invoice, after: Invoice) -> Transaction:
    """Leaves an attempt out of the count: the retry cycle continues as before (R-4)."""
    not_counted = replace(after, uncounted=before.uncounted + 1)
    return (
        Change(before, not_counted, expecting=ATTEMPT),
        Change(subscription, subscription.resumed(), expecting=charge_eligibility.LOOKED_AT),
    )


def _completed(after: Subscription, now: datetime, shard: int) -> tuple[Write, ...]:
    if after.state is not State.COMPLETED:
        return ()
    return (Insert(cancellation.event(EventKind.ENDED, after, now, shard)),)
