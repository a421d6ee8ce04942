"""Numbers many invoices of a merchant in one write with their counter, without a gap (M-7).

A counter takes one write at a time. Whatever happens here, an invoice without a number gets one
from `documents.numbered` when it is first shown, so nothing is reserved and nothing is left over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from billing.invoices.flows import documents
from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.invoices import Invoice, InvoiceCounter, InvoiceState
from billing.kernel.issued_documents import IssuedDocument
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Write

KINDS = frozenset({EventKind.PURCHASED, EventKind.RENEWED})
"""The events whose mail shows an invoice that is paid just now."""

AT_ONCE = 49
"""The most invoices in one write: each with its document, and the counter, 99 of 100 items."""

Key = tuple[str, str, str]
Issuer = Callable[[Invoice], IssuedDocument]


def prepare(ports: Ports, events: Sequence[OutboxEvent], merchant: Merchant, now: datetime) -> None:
    """Numbers the paid invoices that events are about, in the order of the events."""
    keys = [
        (event.merchant, event.customer, event.invoice)
        for event in events
        if event.kind in KINDS and event.invoice is not None
    ]
    together(ports, merchant, list(dict.fromkeys(keys)))


def together(ports: Ports, merchant: Merchant, keys: Sequence[Key]) -> None:
    """Numbers and issues those of a merchant's invoices that are paid and have no number.

    Where others keep coming first, the rest is left as it is.
    """
    series: dict[bool, list[Invoice]] = defaultdict(list)
    for invoice in _without_number(ports, keys):
        series[invoice.test].append(invoice)
    for theirs in series.values():
        for start in range(0, len(theirs), AT_ONCE):
            _number(ports, merchant, theirs[start : start + AT_ONCE])


def _without_number(ports: Ports, keys: Sequence[Key]) -> list[Invoice]:
    return [
        invoice
        for invoice in (ports.store.invoices(keys) if keys else ())
        if invoice is not None and invoice.state is InvoiceState.PAID and invoice.number is None
    ]


def _number(ports: Ports, merchant: Merchant, invoices: Sequence[Invoice]) -> None:
    issuers = _issuers(ports, merchant, invoices)
    first = InvoiceCounter(merchant.id, invoices[0].test)
    for _ in range(documents.NUMBERING_ATTEMPTS):
        counter = ports.store.invoice_counter(merchant.id, first.test)
        try:
            ports.store.commit(*_writes(first, counter, invoices, issuers))
        except Conflict:
            invoices = _without_number(ports, [(i.merchant, i.customer, i.id) for i in invoices])
            if invoices:
                continue
        return


def _issuers(ports: Ports, merchant: Merchant, invoices: Sequence[Invoice]) -> dict[str, Issuer]:
    """Returns what makes each invoice's document, by its id."""

    def issuer(invoice: Invoice) -> Issuer:
        return documents.invoice_issuer(ports, merchant, invoice)

    found: dict[str, Issuer] = {}
    for invoice, made in zip(invoices, ports.each(issuer, invoices), strict=True):
        if isinstance(made, Unavailable):
            raise made
        found[invoice.id] = made
    return found


def _writes(
    first: InvoiceCounter,
    counter: InvoiceCounter | None,
    invoices: Sequence[Invoice],
    issuers: Mapping[str, Issuer],
) -> list[Write]:
    """Makes the writes of numbers that follow the counter's, in the order of the invoices."""
    last, writes = counter or first, list[Write]()
    for invoice in invoices:
        last = last.next
        given = replace(invoice, number=last.number)
        writes += [Change(invoice, given), Insert(issuers[invoice.id](given))]
    return [Change(counter, last) if counter else Insert(last), *writes]
