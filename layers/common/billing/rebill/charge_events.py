"""Outbox events of an invoice's attempts (R-8)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel import snapshots
from billing.kernel.invoices import Invoice
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.subscription import Subscription


def event(
    kind: EventKind,
    invoice: Invoice,
    after: Subscription,
    now: datetime,
    shard: int,
    *,
    code: str | None = None,
) -> OutboxEvent:
    """Builds the outbox event of an invoice's attempt; `after` is its subscription after it."""
    return OutboxEvent(
        id=event_id(kind, invoice),
        kind=kind,
        merchant=invoice.merchant,
        customer=invoice.customer,
        at=now,
        shard=shard,
        invoice=invoice.id,
        subscription=invoice.subscription,
        code=code,
        was=snapshots.of(after),
    )


def event_id(kind: EventKind, invoice: Invoice) -> str:
    """Returns the id of an outbox event of an invoice's current attempt.

    Another attempt has another.
    """
    return f"{invoice.id}:{kind}:{invoice.attempt}"
