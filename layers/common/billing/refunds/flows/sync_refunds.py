"""Synchronizes our refunds of a payment with the gateway's (W-1, B-7)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel.errors import Conflict, Refused
from billing.kernel.gateways import GatewayRefund, RefundFailed
from billing.kernel.invoices import Invoice
from billing.kernel.ports import Ports
from billing.kernel.storage import History
from billing.kernel.writes import Transaction
from billing.refunds import booking, gateway_refunds
from billing.refunds.flows import taken_money
from billing.refunds.refunds import Refund, RefundState

NOTHING_NEW = "nothing_new"


def update(
    ports: Ports, history: History, invoice: Invoice, *, now: datetime, also: Transaction = ()
) -> str:
    """Brings the refunds of a paid invoice of a customer to their state at the gateway.

    Returns the last step. Ours that are under way are settled, refunds made at the gateway are
    booked, those that a bank sent back are booked back; nothing is sent. Each is its own
    transaction, `also` goes with the last of them. Raises `Conflict` when another writer came
    between, and while a refund made at the gateway waits for one of ours.
    """
    assert invoice.gateway_ref is not None, "money that was taken can be given back"
    ours = _ids(history, invoice)
    found = ports.gateway_of(invoice).refunds(invoice.gateway_ref, ours=ours)
    news = [each for each in found if _is_news(each, _known(history, invoice, each))]
    news.sort(key=lambda each: _known(history, invoice, each) is None)  # ours come first
    expected = {*ours, *(gateway_refunds.id_of(invoice.id, each) for each in news)}
    name = NOTHING_NEW
    for place, each in enumerate(news, 1):
        fresh = ports.store.payment(invoice.merchant, invoice.customer, invoice.id)
        if not expected.issuperset(_ids(fresh, invoice)):
            # One of ours was reserved before the gateway was asked: without its key, what is
            # listed of it would be taken for somebody else's, and booked twice.
            raise Conflict()
        name = _step(ports, fresh, invoice.id, each, now, also if place == len(news) else ())
    return name


def _ids(history: History, invoice: Invoice) -> list[str]:
    return [refund.id for refund in history.refunds if refund.invoice == invoice.id]


def _known(history: History, invoice: Invoice, found: GatewayRefund) -> Refund | None:
    ours = found.key or gateway_refunds.id_of(invoice.id, found)
    return next((refund for refund in history.refunds if refund.id == ours), None)


def _is_news(found: GatewayRefund, known: Refund | None) -> bool:
    failed = isinstance(found.outcome, RefundFailed)
    if known is None:
        return not failed  # a failed refund that was not asked for here moved no money: ignored
    return known.state is RefundState.REQUESTED or (known.state is RefundState.SUCCEEDED and failed)


def _step(
    ports: Ports,
    history: History,
    invoice_id: str,
    found: GatewayRefund,
    now: datetime,
    also: Transaction,
) -> str:
    invoice = history.invoice(invoice_id)
    assert invoice is not None, "written with its payment"
    paid = next(order for order in history.orders if order.id == invoice.order_id)
    known, access = _known(history, invoice, found), history.entitlements
    subscription = history.subscription(invoice.subscription)
    if known is None:
        if gateway_refunds.waits_for_ours(found, invoice, history.refunds):
            raise Conflict()
        order, shard = ports.new_id("order"), ports.shard_of(invoice.purchase)
        try:
            writes = gateway_refunds.made_elsewhere(
                found, invoice, paid, access, now, subscription, order_id=order, shard=shard
            )
        except Refused as refused:
            return f"refund_{refused.code}"
        name = "made_elsewhere"
    elif known.state is RefundState.REQUESTED:
        settled, writes = booking.settle(
            *(known, found.outcome, invoice, paid, access, now, subscription),
            others=taken_money.of_payment(ports, history, invoice),
        )
        name = settled.state.value
    elif known.state is RefundState.SUCCEEDED and isinstance(found.outcome, RefundFailed):
        assert known.settled_at is not None, "it succeeded"
        owner = (known.merchant, known.customer)
        entry = ports.store.order(*owner, known.order_id, since=known.settled_at)
        if entry is None:
            raise Conflict()  # it was written a moment ago
        writes = gateway_refunds.returned(
            *(known, found.outcome.code, invoice, paid, entry, now, subscription),
            others=taken_money.of_payment(ports, history, invoice),
        )
        name = RefundState.RETURNED.value
    else:
        return NOTHING_NEW
    ports.store.commit(*writes, *also)
    return f"refund_{name}"
