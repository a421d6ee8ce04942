"""Lists a merchant's invoices and credit notes, newest first; finds one, and its PDF (M-7).

An invoice is listed once it is paid: its payment's order is what lists it, and a refund's order
lists the credit note. So no write is spent on the list, and what was paid before there was a list
is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from billing.invoices.flows import documents, files
from billing.kernel.cursors import position_in, seal
from billing.kernel.errors import NotFound
from billing.kernel.flows.paging import filtered
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.issued_documents import IssuedDocument
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.orders import Order, OrderKind, typed_order_id
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.refunds.refunds import Refund, RefundState
from billing.render.einvoice import NoEInvoice

READ_AT_ONCE = 200
LISTED = frozenset({OrderKind.SALE, OrderKind.REBILL, OrderKind.REFUND})
CREDITED = frozenset({RefundState.SUCCEEDED, RefundState.RETURNED})
"""States of a refund that there is a credit note of."""


class CreditNote(Value):
    """A refund with the invoice that it credits."""

    refund: Refund
    invoice: Invoice


class Filter(Value):
    """A filter of invoices by customer and by the time of payment; `since <= at < until`."""

    customer: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, order: Order) -> bool:
        """Tests whether an order's document passes the filter."""
        return (
            order.kind in LISTED
            and order.invoice is not None
            and self.customer in {None, order.customer}
            and (self.since is None or self.since <= order.at)
            and (self.until is None or order.at < self.until)
        )

    @property
    def text(self) -> str:
        """The filter as text, which names its list in cursors."""
        return f"{self.customer or ''}&{self.since or ''}&{self.until or ''}"


def page(
    ports: Ports,
    merchant: Merchant,
    wanted: Filter,
    *,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> Page[Invoice | CreditNote]:
    """Returns a page of invoices and credit notes; raises `NotFound` for an unknown customer."""
    bound = (merchant.id, "INVOICES", wanted.text)
    at = None if cursor is None else position_in(cursor, *bound)
    if wanted.customer is None:
        orders = _of_merchant(ports, merchant, wanted, limit, at, now)
    else:
        orders = _of_customer(ports, merchant.id, wanted, limit, at)
    shown = _documents(ports, orders.data)
    return Page(tuple(shown), None if orders.next is None else seal(orders.next, *bound))


def one(ports: Ports, merchant: str, document: str) -> Invoice | CreditNote:
    """Returns an invoice by its id, or a credit note by its Order ID; raises `NotFound`."""
    if (order_id := typed_order_id(document)) is not None:
        order = ports.store.order_by_id(merchant, order_id)
        if order is not None and order.kind is OrderKind.REFUND:
            for found in _documents(ports, [order]):
                return found
        raise NotFound("invoice_unknown")
    purchase = document.rpartition(".")[0]
    subscription = ports.store.subscription_by_id(merchant, purchase)
    owner = None if subscription is None else subscription.customer
    if subscription is None and (order := ports.store.order_of_purchase(merchant, purchase)):
        owner = order.customer
    invoice = owner and ports.store.invoice(merchant, owner, document)
    if not invoice:
        raise NotFound("invoice_unknown")
    return invoice


def pdf(ports: Ports, merchant: Merchant, document: str) -> tuple[str, bytes]:
    """Returns the number and the PDF of a document; raises `NotFound` for one not issued."""
    issued = _issued(ports, merchant, document)
    return issued.number, files.pdf(ports, issued)


def xml(ports: Ports, merchant: Merchant, document: str) -> tuple[str, bytes | NoEInvoice]:
    """Returns the number of a document and its e-invoice, or why it has none; raises `NotFound` for
    one not issued (M-13)."""
    issued = _issued(ports, merchant, document)
    return issued.number, files.xml(ports, issued)


def _issued(ports: Ports, merchant: Merchant, document: str) -> IssuedDocument:
    found = one(ports, merchant.id, document)
    if isinstance(found, CreditNote):
        refund = documents.numbered_refund(ports, merchant, found.invoice, found.refund.id)
        return documents.issued_credit_note(ports, merchant, found.invoice, refund)
    if found.state is not InvoiceState.PAID:
        raise NotFound("invoice_unknown")
    invoice = documents.numbered(ports, merchant, found.customer, found.id)
    return documents.issued_invoice(ports, merchant, invoice)


def _of_merchant(
    ports: Ports,
    merchant: Merchant,
    wanted: Filter,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> Page[Order]:
    # Nothing is older than the merchant or newer than now: every month asked for costs a query.
    since = max(wanted.since or merchant.created_at, merchant.created_at)
    until = now + timedelta(microseconds=1)
    if wanted.until is not None:
        until = min(until, wanted.until)
    if since >= until:
        return Page((), None)
    return filtered(
        lambda at: ports.store.orders(
            merchant.id,
            since=since,
            until=until,
            limit=READ_AT_ONCE,
            cursor=at,
            lists=merchant.order_lists,
        ),
        wanted.takes,
        lambda order: order.id,
        limit=limit,
        cursor=cursor,
    )


def _of_customer(
    ports: Ports, merchant: str, wanted: Filter, limit: int, behind: str | None
) -> Page[Order]:
    customer = wanted.customer
    assert customer is not None, "the filter names one"
    found = filtered(
        lambda at: ports.store.orders_of(
            merchant,
            customer,
            since=wanted.since,
            until=wanted.until,
            limit=READ_AT_ONCE,
            cursor=at,
        ),
        wanted.takes,
        lambda order: order.id,
        limit=limit,
        cursor=behind,
    )
    if not found.data and ports.store.customer(merchant, customer) is None:
        raise NotFound("customer_unknown")
    return found


def _documents(ports: Ports, orders: Sequence[Order]) -> Iterator[Invoice | CreditNote]:
    """Yields the documents that orders are of, read together."""
    named = list(dict.fromkeys(_invoice_of(order) for order in orders))
    found = dict(zip(named, ports.store.invoices(named), strict=True)) if named else {}
    refunds = _refunds(ports, orders)
    for order in orders:
        invoice = found[_invoice_of(order)]
        assert invoice is not None, "an order names an invoice that is there"
        if order.kind is not OrderKind.REFUND:
            yield invoice
        elif (refund := refunds.get(order.id)) is not None and refund.state in CREDITED:
            yield CreditNote(refund, invoice)


def _invoice_of(order: Order) -> tuple[str, str, str]:
    assert order.customer is not None and order.invoice is not None, "it was paid"
    return order.merchant, order.customer, order.invoice


def _refunds(ports: Ports, orders: Sequence[Order]) -> dict[str, Refund]:
    """Returns the refunds of orders, by Order ID; entries that do not name theirs cost a query of
    their invoice."""
    wanted = [order for order in orders if order.kind is OrderKind.REFUND]
    known = [
        (order.merchant, order.customer, order.refund_id)
        for order in wanted
        if order.customer is not None and order.refund_id is not None
    ]
    found = list(ports.store.refunds(known)) if known else []
    for owner in dict.fromkeys(_invoice_of(o) for o in wanted if o.refund_id is None):
        found += ports.store.refunds_of(*owner)
    return {refund.order_id: refund for refund in found if refund is not None}
