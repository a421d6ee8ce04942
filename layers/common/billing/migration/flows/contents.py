"""Reads the parts of exports, page by page: each list from a place on, with what belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from billing.event_log.flows import read as event_log
from billing.event_log.logged_events import id_at
from billing.figures.flows import read as read_figures
from billing.figures.sums import month_of
from billing.kernel.flows import whole_lists
from billing.kernel.ledger import LedgerEntry
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.orders import PAYMENTS, Order, OrderKind
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.migration import canonical, journal, rows
from billing.migration.exports import Exported, Span
from billing.migration.rows import Row

AT_ONCE = 200
"""The entries of a list that are read for one part."""

PARTS_MOST = 1_000_000

END = "end"
"""The place after the last entry."""


class Part(Value):
    """The rows of a part, and the place after it: `END` behind the last."""

    rows: tuple[Row, ...]
    next: str


Read = Callable[[Ports, Merchant, Span, str, datetime], Part]
"""Reads a part of a merchant's list: from a place on, what there was at an instant."""


def _subscriptions(ports: Ports, seller: Merchant, span: Span, place: str, now: datetime) -> Part:
    """Reads subscriptions by their start, as they are now."""
    page = whole_lists.sold(
        *(ports, seller),
        since=span.since,
        until=span.until,
        limit=AT_ONCE,
        cursor=place or None,
        now=now,
    )
    found = [each.as_of(now) for each in page.data]
    buyers = ports.store.customers_named([(seller.id, each.customer) for each in found])
    methods = ports.store.payment_methods(
        [(seller.id, each.customer, each.payment_method) for each in found]
    )
    bill_tos = ports.store.bill_tos([(seller.id, each.customer, each.id) for each in found])
    made = []
    for each, buyer, method, billed in zip(found, buyers, methods, bill_tos, strict=True):
        assert buyer is not None, "a subscription has a customer"
        kept = None if billed is None else billed.bill_to
        made.append(canonical.of_subscription(each, buyer, method, kept))
    return Part(tuple(made), page.next or END)


def _customers(ports: Ports, seller: Merchant, span: Span, place: str, now: datetime) -> Part:
    page = ports.store.customers(seller.id, limit=AT_ONCE, cursor=place or None)
    made = [rows.of_customer(each) for each in page.data if span.has(each.created_at)]
    return Part(tuple(made), page.next or END)


def _orders(ports: Ports, seller: Merchant, span: Span, place: str, now: datetime) -> Part:
    page = _booked(ports, seller, span, place, now)
    return Part(tuple(map(rows.of_order, page.data)), page.next or END)


def _invoices(ports: Ports, seller: Merchant, span: Span, place: str, now: datetime) -> Part:
    """Reads invoices by their payment, and credit notes by their refund, line by line."""
    page = _booked(ports, seller, span, place, now)
    orders = [each for each in page.data if each.customer is not None and each.invoice is not None]
    owners = [(seller.id, each.customer or "", each.invoice or "") for each in orders]
    invoices = ports.store.invoices(owners)
    refunds = ports.store.refunds(
        [(*owner[:2], each.refund_id or "") for owner, each in zip(owners, orders, strict=True)]
    )
    made: list[Row] = []
    for order, invoice, refund in zip(orders, invoices, refunds, strict=True):
        if invoice is not None and order.kind in PAYMENTS:
            made += rows.of_invoice(invoice, order)
        elif invoice is not None and refund is not None and order.kind is OrderKind.REFUND:
            made += rows.of_credit_note(refund, invoice, order)
    return Part(tuple(made), page.next or END)


def _ledger(ports: Ports, seller: Merchant, span: Span, place: str, now: datetime) -> Part:
    """Reads ledger entries with the payments and chargebacks that they are about.

    An entry of the span may be about an older payment, so all before its end is looked at.
    """
    page = _booked(ports, seller, Span(None, span.until), place, now)
    found = [entry for order in page.data for entry in _entries(ports, order)]
    made = [row for entry in found if span.has(entry.at) for row in rows.of_entry(entry)]
    return Part(tuple(made), page.next or END)


def _journal(ports: Ports, seller: Merchant, span: Span, place: str, now: datetime) -> Part:
    """Reads the ledger as an accountant books it: with documents, local days and codes of tax."""
    page = _booked(ports, seller, Span(None, span.until), place, now)
    orders = [each for each in page.data if each.customer is not None and each.invoice is not None]
    owners = [(seller.id, each.customer or "", each.invoice or "") for each in orders]
    found = [
        (entry, order, invoice)
        for order, invoice in zip(orders, ports.store.invoices(owners), strict=True)
        for entry in _entries(ports, order)
        if invoice is not None and span.has(entry.at)
    ]
    notes = [(seller.id, e.customer, journal.booked(e)) for e, _, _ in found if journal.refunds(e)]
    read = ports.store.refunds(notes) if notes else []
    refunds = {each.id: each for each in read if each is not None}
    zone = seller.settings.time_zone
    made = [
        row
        for entry, order, invoice in found
        for row in journal.of_entry(entry, order, invoice, refunds.get(journal.booked(entry)), zone)
    ]
    return Part(tuple(made), page.next or END)


def _events(ports: Ports, seller: Merchant, span: Span, place: str, now: datetime) -> Part:
    """Reads the event log, oldest first; of a merchant without a reader there is none.

    An event is appended when it has happened or later, so it is looked for from then on.
    """
    if seller.events_since is None:
        return Part((), END)
    after = place or (None if span.since is None else id_at(span.since))
    page = event_log.page(ports, seller, after=after, limit=AT_ONCE, now=now)
    made = [rows.of_event(each) for each in page.data if span.has(each.at)]
    return Part(tuple(made), page.next or END)


def _figures(ports: Ports, seller: Merchant, span: Span, place: str, now: datetime) -> Part:
    """Reads the figures of each day and currency, a month at once; place is the month."""
    zone = ZoneInfo(seller.settings.time_zone)
    first = max(seller.created_at, span.since or seller.created_at).astimezone(zone).date()
    last = min(now, span.until or now).astimezone(zone).date()
    month = place or month_of(first)
    if month > month_of(last):
        return Part((), END)
    made = [
        rows.of_day(found, currency, test=test)
        for test in (False, True)
        for currency, found in read_figures.days(ports, seller, month, test=test)
        if span.has(datetime.combine(date.fromisoformat(found.period), time(), zone))
        and found.period <= last.isoformat()
    ]
    after = month_of(date.fromisoformat(f"{month}-01") + timedelta(days=31))
    return Part(tuple(made), END if after > month_of(last) else after)


def _entries(ports: Ports, order: Order) -> list[LedgerEntry]:
    if order.customer is None:
        return []
    if order.kind in PAYMENTS and order.invoice is not None:
        return ports.store.ledger_of(order.merchant, order.customer, order.invoice)
    if order.kind is not OrderKind.CHARGEBACK:
        return []
    mine = (
        each
        for each in ports.store.chargebacks(order.merchant, order.customer)
        if each.order == order.id
    )
    return [
        entry
        for each in mine
        for entry in ports.store.ledger_of(order.merchant, order.customer, each.id)
    ]


def _consents(ports: Ports, seller: Merchant, span: Span, place: str, now: datetime) -> Part:
    """Reads what buyers agreed to, by their purchases."""
    page = _booked(ports, seller, span, place, now)
    sold = [
        (seller.id, each.customer, each.invoice.rpartition(".")[0])
        for each in page.data
        if each.kind is OrderKind.SALE and each.customer is not None and each.invoice is not None
    ]
    found = ports.store.consents(sold)
    made = [rows.of_consent(each) for each in found if each is not None]
    return Part(tuple(made), page.next or END)


def _booked(ports: Ports, seller: Merchant, span: Span, place: str, now: datetime) -> Page[Order]:
    return whole_lists.booked(
        *(ports, seller),
        since=span.since,
        until=span.until,
        limit=AT_ONCE,
        cursor=place or None,
        now=now,
    )


READS: Mapping[Exported, Read] = {
    Exported.SUBSCRIPTIONS: _subscriptions,
    Exported.CUSTOMERS: _customers,
    Exported.ORDERS: _orders,
    Exported.INVOICES: _invoices,
    Exported.LEDGER: _ledger,
    Exported.CONSENTS: _consents,
    Exported.JOURNAL: _journal,
    Exported.EVENTS: _events,
    Exported.FIGURES: _figures,
}
