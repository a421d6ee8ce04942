"""Refunds changed at the gateway: made there by somebody else, or sent back by a bank (W-1).

Pure; each function is one transaction, refused when another came first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from billing.kernel import ledger
from billing.kernel.customers import Entitlement
from billing.kernel.errors import Refused
from billing.kernel.gateways import GatewayRefund
from billing.kernel.invoices import Invoice
from billing.kernel.orders import Order
from billing.kernel.outbox_events import EventKind
from billing.kernel.subscription import Source, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Transaction
from billing.refunds import booking, refunds, value
from billing.refunds.chargebacks import Chargeback
from billing.refunds.refunds import Refund, RefundState


def id_of(invoice: str, found: GatewayRefund) -> str:
    """Returns our id of a refund that was not asked for here: always the same, so booked once."""
    return refunds.refund_id(invoice, f"elsewhere-{found.id}")


def waits_for_ours(found: GatewayRefund, invoice: Invoice, ours: Iterable[Refund]) -> bool:
    """Tells whether a refund made at the gateway leaves no room for one of ours under way.

    Ours can only fail then, and the other's tax and credit are known once it has
    (docs/decisions/2026-11-30-refunds-beside-one-another.md).
    """
    waiting = (each.state is RefundState.REQUESTED for each in ours if each.invoice == invoice.id)
    gone_minor = invoice.refund_reserved_minor + invoice.disputed_minor
    return any(waiting) and gone_minor + found.amount.amount_minor > invoice.total.amount_minor


def made_elsewhere(
    found: GatewayRefund,
    invoice: Invoice,
    paid: Order,
    entitlements: Iterable[Entitlement],
    now: datetime,
    subscription: Subscription | None,
    *,
    order_id: str,
    shard: int,
) -> Transaction:
    """Books a refund that the gateway made and we did not ask for; it is one as any other then.

    Raises `Refused` where more would have gone back than came in: what the gateway lists then is
    not what it seems, and nothing is guessed (a chargeback that it shows as a refund, too).
    """
    amount = found.amount.amount_minor
    gone = invoice.refunded_minor + invoice.disputed_minor + amount
    if found.amount.currency is not invoice.total.currency or gone > invoice.total.amount_minor:
        raise Refused("refunds_exceed_payment", code="beyond_payment")
    assert invoice.gateway_ref is not None, "money that was taken can be given back"
    taxes = value.taxes_in(invoice, found.amount)
    took, funds = refunds.take_back(subscription, invoice, found.amount)
    refund = Refund(
        id=id_of(invoice.id, found),
        merchant=invoice.merchant,
        customer=invoice.customer,
        invoice=invoice.id,
        paid_order=invoice.order_id,
        amount=found.amount,
        gateway=invoice.gateway,
        gateway_account=invoice.gateway_account,
        gateway_ref=invoice.gateway_ref,
        order_id=order_id,
        source=Source.GATEWAY,
        requested_at=now,
        shard=shard,
        due_at=None,
        state=RefundState.SUCCEEDED,
        settled_at=now,
        gateway_refund=found.id,
        took=took,
        taxes=taxes,
    )
    after = replace(
        invoice.reserving(amount, taxes),
        refunded_minor=invoice.refunded_minor + amount,
        refunds=invoice.refunds + 1,
    )
    return (
        Insert(refund),
        Change(invoice, after, expecting=refunds.RESERVATION),
        *funds,
        *booking.book(refund, invoice, paid, entitlements, now),
    )


def returned(
    refund: Refund,
    failure: str,
    invoice: Invoice,
    paid: Order,
    entry: Order,
    now: datetime,
    subscription: Subscription | None,
    others: Iterable[Refund | Chargeback],
) -> Transaction:
    """Books back a refund that the customer's bank could not take; the merchant has the money.

    Books and invoice are as before it, so that it can be refunded anew; its credit note is void.
    Access stays as the refund left it: the merchant still wanted to give the money back, by another
    way now. `others` are the refunds of the same payment and the chargebacks of its customer.
    """
    assert refund.state is RefundState.SUCCEEDED, "only what went can come back"
    amount = refund.amount.amount_minor
    after = replace(refund, state=RefundState.RETURNED, failure=failure, returned_at=now)
    kept = replace(
        invoice.reserving(-amount, tuple(-tax for tax in refund.taxes)),
        refunded_minor=invoice.refunded_minor - amount,
    )
    return (
        Change(refund, after, expecting=("state",)),
        Change(invoice, kept),
        *refunds.restore(refund, invoice, subscription, others),
        Change(paid, replace(paid, refunded_minor=paid.refunded_minor - amount)),
        Change(entry, replace(entry, withdrawn=True, code=failure)),
        Insert(ledger.refund_returned(refund.id, invoice, refund.amount, now, refund.taxes)),
        Insert(booking.event(EventKind.REFUND_RETURNED, refund, invoice, now)),
    )
