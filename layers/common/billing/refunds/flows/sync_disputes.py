"""Synchronizes our chargebacks with the gateway's disputes (W-4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from billing.kernel.errors import Conflict
from billing.kernel.gateways import Dispute, DisputeStanding
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.orders import Order
from billing.kernel.ports import Ports
from billing.kernel.storage import History
from billing.kernel.values import replace
from billing.kernel.writes import Transaction
from billing.refunds import disputes
from billing.refunds.chargebacks import Chargeback
from billing.refunds.disputed import Disputed, amount_of

NOTHING_NEW = "nothing_new"


def update(
    ports: Ports,
    merchant: Merchant,
    invoice: Invoice,
    found: Sequence[Dispute],
    *,
    now: datetime,
    also: Transaction = (),
) -> str:
    """Brings the chargebacks of a paid invoice to their state at the gateway.

    Returns the last step. Each step is its own transaction, `also` goes with the last of them. One
    that was closed before we heard of it is opened first, so that books and mails are the same
    however late we hear. Raises `Conflict` when another writer came between.
    """
    while True:
        # Afresh for each step: the gateway was asked since, or a step was written.
        history = ports.store.disputed_payment(invoice.merchant, invoice.customer, invoice.id)
        steps = _steps(history, found, invoice.id)
        if not steps:
            return NOTHING_NEW
        dispute, known = steps[0]
        opens = known is None
        is_last = len(steps) == 1 and (not opens or dispute.standing is DisputeStanding.OPEN)
        about = _about(history, invoice.id, dispute.id)
        about = replace(about, entry=_entry(ports, about, dispute, known))
        name = _step(ports, merchant, about, dispute, known, now, also if is_last else ())
        if is_last:
            return name


def _steps(
    history: History, found: Sequence[Dispute], invoice: str
) -> list[tuple[Dispute, Chargeback | None]]:
    """Pairs each dispute that changed at the gateway since the last look with our chargeback."""
    known = {chargeback.id: chargeback for chargeback in history.chargebacks}
    pairs = [(dispute, known.get(dispute.id)) for dispute in found]
    return [
        (dispute, ours)
        for dispute, ours in pairs
        if ours is None
        or ours.standing is not dispute.standing
        or amount_of(_about(history, invoice, dispute.id), ours, dispute) != ours.amount
    ]


def _step(
    ports: Ports,
    merchant: Merchant,
    about: Disputed,
    dispute: Dispute,
    known: Chargeback | None,
    now: datetime,
    also: Transaction,
) -> str:
    shard, order = ports.shard_of(about.invoice.purchase), ports.new_id("order")
    revoke = merchant.settings.revoke_on_dispute
    if known is None or dispute.standing is DisputeStanding.OPEN:
        writes = disputes.open_dispute(
            about, dispute, known, now, order=order, revoke=revoke, shard=shard
        )
        name = "opened"
    elif dispute.standing is DisputeStanding.WON:
        writes, name = disputes.win(about, known, now, shard=shard), "won"
    else:
        writes = disputes.lose(about, known, dispute, now, order=order, revoke=revoke, shard=shard)
        name = "lost"
    ports.store.commit(*writes, *also)
    return f"dispute_{name}"


def _entry(
    ports: Ports, about: Disputed, dispute: Dispute, known: Chargeback | None
) -> Order | None:
    """Reads the entry of a chargeback that takes money again, or another amount of it."""
    if known is None or dispute.standing is DisputeStanding.WON:
        return None
    held = known.standing is not DisputeStanding.WON
    if held and amount_of(about, known, dispute) == known.amount:
        return None
    entry = ports.store.order(known.merchant, known.customer, known.order, since=known.opened_at)
    if entry is None:
        raise Conflict()  # it was written with the chargeback
    return entry


def _about(history: History, invoice_id: str, dispute_id: str) -> Disputed:
    invoice = history.invoice(invoice_id)
    assert invoice is not None, "written with its payment"
    subscription = history.subscription(invoice.subscription)
    opened = None if subscription is None else subscription.open_invoice
    return Disputed(
        invoice=invoice,
        refunds=tuple(each for each in history.refunds if each.invoice == invoice.id),
        paid=next(order for order in history.orders if order.id == invoice.order_id),
        subscription=subscription,
        open_invoice=history.invoice(opened),
        entitlements=tuple(e for e in history.entitlements if e.source == invoice.purchase),
        others=tuple(
            c for c in history.chargebacks if c.purchase == invoice.purchase and c.id != dispute_id
        ),
    )
