"""The steps of the charge protocol by which an invoice or its payment is given up (R-6, W-6)."""

from __future__ import annotations

from datetime import datetime

from billing.cancel import cancellation
from billing.kernel import charge_eligibility
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.outbox_events import EventKind
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Transaction
from billing.rebill.charge_steps import ATTEMPT


def without_account(
    subscription: Subscription, invoice: Invoice | None, now: datetime, shard: int
) -> Transaction:
    """Marks the subscription past due because its gateway account is gone, and no card of it can be
    charged until there is a new one; it is not declined (W-6). A change of plan is only given up.
    """
    if invoice is not None and invoice.changes_plan:
        goes_on = subscription.voided(subscription.period_at)
        return (
            Change(subscription, goes_on, expecting=charge_eligibility.LOOKED_AT),
            *cancellation.void(invoice, now, shard),
        )
    after = subscription.unpaid()
    return (
        Change(subscription, after, expecting=(*charge_eligibility.RESTS, "payment_method")),
        *cancellation.void(invoice, now, shard),
        Insert(cancellation.event(EventKind.NEW_CARD_NEEDED, after, now, shard)),
    )


def lapsed(subscription: Subscription, invoice: Invoice, now: datetime) -> Transaction:
    """Gives an invoice a new payment at once, after its payment expired unconfirmed.

    The invoice is not voided: whatever became of the first payment, the gateway knows the invoice
    by its id.
    """
    return (
        Change(invoice, invoice.lapsed(), expecting=ATTEMPT),
        Change(
            subscription, subscription.postponed_to(now), expecting=charge_eligibility.LOOKED_AT
        ),
    )


def withdrawn_payment(
    subscription: Subscription, invoice: Invoice, now: datetime, shard: int
) -> Transaction:
    """Voids an invoice because the gateway withdrew its payment, so that it is never paid.

    Where a cancellation was recorded the subscription ends now (X-6); else its period is opened
    anew.
    """
    gone = Change(invoice, invoice.in_state(InvoiceState.VOID), expecting=ATTEMPT)
    if subscription.cancelling is None:
        again = Change(
            subscription, subscription.voided(now), expecting=charge_eligibility.LOOKED_AT
        )
        return (gone, again)
    request = replace(subscription.cancelling, requested_at=now)
    email = invoice.bill_to.email
    return (gone, *cancellation.end_now(subscription, None, request, email, shard))
