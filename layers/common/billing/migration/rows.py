"""Rows of exports, by name: what a customer, an order, an invoice, a posting, a consent is (M-6).

A cell is text, a whole number, True or False, an instant, an amount in units of its currency
(29.99), or None.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from billing.event_log.logged_events import LoggedEvent
from billing.figures.csv_figures import COUNTS
from billing.figures.csv_figures import STEPS as CUSTOMERS
from billing.figures.periods import SALES, PeriodFigures
from billing.figures.sums import MOVEMENTS, OFFERS
from billing.kernel import hand_off
from billing.kernel.customers import Address, BillTo, Consent, Customer
from billing.kernel.invoices import Invoice
from billing.kernel.ledger import LedgerEntry
from billing.kernel.money import MINOR_DIGITS, Money
from billing.kernel.orders import Order
from billing.migration.exports import Exported
from billing.refunds.refunds import Refund, RefundState

Cell = str | int | bool | Decimal | datetime | None
Row = dict[str, Cell]

_ADDRESS = ("address_line1", "address_line2", "city", "postal_code", "state", "country")

COLUMNS: dict[Exported, tuple[str, ...]] = {
    Exported.CUSTOMERS: ("id", "email", "name", *_ADDRESS, "language", "created_at", "test"),
    Exported.ORDERS: (
        *("id", "kind", "at", "amount", "currency", "refunded", "customer", "email"),
        *("subscription", "invoice", "product", "product_name", "price_point", "code", "source"),
        *("reason", "comment", "ends_at", "withdrawn", "test"),
        *("client_reference", "metadata"),
    ),
    Exported.INVOICES: (
        *("id", "document", "number", "credits", "order", "at", "customer", "subscription"),
        *("name", "email", *_ADDRESS, "tax_id", "line", "kind", "text", "coupon", "amount"),
        *("currency", "tax_rate", "taxable", "tax_included", "reverse_charge", "test", "void"),
    ),
    Exported.LEDGER: ("entry", "at", "customer", "account", "debit", "credit", "currency", "test"),
    Exported.JOURNAL: (
        *("date", "document", "account", "debit", "credit", "currency", "tax_code"),
        *("entry", "order", "customer", "test"),
    ),
    Exported.EVENTS: (
        *("id", "type", "at", "logged_at", "customer", "subscription", "invoice", "version"),
        "object",
    ),
    Exported.FIGURES: (
        *("day", "currency", "mrr_start", *(f"mrr_{name}" for name in MOVEMENTS), "mrr_end"),
        *("committed_mrr", "trial_mrr", *(f"customers_{name}" for name in CUSTOMERS)),
        *(*SALES, *OFFERS, "test"),
    ),
    Exported.CONSENTS: (
        *("purchase", "customer", "agreed_at", "ip", "language", "terms_version", "terms_hash"),
        "price_shown",
    ),
}
"""The columns of each export; those of subscriptions are the canonical file's (`canonical.py`)."""


def decimal(money: Money) -> Decimal:
    """Returns an amount in units of its currency."""
    return units(money.amount_minor)


def units(amount_minor: int) -> Decimal:
    return Decimal(amount_minor).scaleb(-MINOR_DIGITS)


def of_customer(found: Customer) -> Row:
    """Returns the row of a customer."""
    return {
        "id": found.id,
        "email": found.email,
        "name": found.name,
        **of_address(found.address),
        "language": found.language,
        "created_at": found.created_at,
        "test": found.test,
    }


def of_address(address: Address) -> Row:
    """Returns the cells of a postal address."""
    lines = (address.line1, address.line2, address.city)
    return dict(
        zip(_ADDRESS, (*lines, address.postal_code, address.state, address.country), strict=True)
    )


def of_order(order: Order) -> Row:
    """Returns the row of an entry of the transaction list; metadata are an object of JSON."""
    said = hand_off.metadata_of(order.hand_off)
    return {
        "id": order.id,
        "kind": order.kind.value,
        "at": order.at,
        "amount": decimal(order.amount),
        "currency": order.amount.currency.value,
        "refunded": units(order.refunded_minor),
        "customer": order.customer,
        "email": order.email,
        "subscription": order.subscription,
        "invoice": order.invoice,
        "product": order.product,
        "product_name": order.product_name,
        "price_point": order.price_point,
        "code": order.code,
        "source": order.source,
        "reason": order.reason,
        "comment": order.comment,
        "ends_at": order.ends_at,
        "withdrawn": order.withdrawn,
        "test": order.test,
        "client_reference": hand_off.reference_of(order.hand_off),
        "metadata": json.dumps(said, ensure_ascii=False) if said else None,
    }


def of_invoice(invoice: Invoice, order: Order) -> Iterator[Row]:
    """Yields the lines of a paid invoice: they add up to its total."""
    about = _document(invoice, order, "invoice", invoice.number) | {"void": False}
    for number, line in enumerate(invoice.lines, 1):
        tax = line.tax
        yield {
            **about,
            "line": number,
            "kind": line.kind,
            "text": line.text,
            "coupon": line.coupon,
            "amount": decimal(line.amount),
            "currency": line.amount.currency.value,
            "tax_rate": None if tax is None else Decimal(tax.rate_ppm).scaleb(-6).normalize(),
            "taxable": None if tax is None else units(tax.taxable_minor),
            "tax_included": None if tax is None else tax.included,
            "reverse_charge": None if tax is None else tax.reverse_charge,
        }


def of_credit_note(refund: Refund, invoice: Invoice, order: Order) -> Iterator[Row]:
    """Yields the lines of a credit note, negative: what it gives back, and each tax of it.

    One of a refund that came back is void: it keeps its number, and gives back nothing.
    """
    is_void = refund.state is RefundState.RETURNED
    about = _document(invoice, order, "credit_note", refund.number) | {
        "id": refund.id,
        "credits": invoice.number,
        "currency": refund.amount.currency.value,
        "void": is_void,
    }
    taxes = (0,) * len(invoice.tax_lines) if is_void or not refund.taxes else refund.taxes
    net = 0 if is_void else refund.amount.amount_minor - sum(taxes)
    yield {**about, "line": 1, "kind": "refund", "text": refund.reason, "amount": units(-net)}
    back = zip(invoice.tax_lines, taxes, strict=True)
    for number, (line, share) in enumerate(back, 2):
        rate = None if line.tax is None else Decimal(line.tax.rate_ppm).scaleb(-6).normalize()
        yield {
            **about,
            "line": number,
            "kind": line.kind,
            "text": line.text,
            "amount": units(-share),
            "tax_rate": rate,
        }


def _document(invoice: Invoice, order: Order, document: str, number: str | None) -> Row:
    return {
        "id": invoice.id,
        "document": document,
        "number": number,
        "order": order.id,
        "at": order.at,
        "customer": invoice.customer,
        "subscription": invoice.subscription,
        **_of_buyer(invoice.bill_to),
        "test": invoice.test,
    }


def _of_buyer(buyer: BillTo) -> Row:
    named: Row = {"name": buyer.name, "email": buyer.email, "tax_id": buyer.tax_id}
    return named | of_address(buyer.address)


def of_entry(entry: LedgerEntry) -> Iterator[Row]:
    """Yields the postings of a ledger entry, each a debit or a credit; they balance."""
    for posting in entry.postings:
        amount = posting.amount_minor
        yield {
            "entry": entry.id,
            "at": entry.at,
            "customer": entry.customer,
            "account": posting.account,
            "debit": units(amount) if amount >= 0 else None,
            "credit": units(-amount) if amount < 0 else None,
            "currency": entry.currency.value,
            "test": entry.test,
        }


def of_consent(consent: Consent) -> Row:
    """Returns the row of what a buyer agreed to (C-6)."""
    return {
        "purchase": consent.purchase,
        "customer": consent.customer,
        "agreed_at": consent.agreed_at,
        "ip": consent.ip,
        "language": consent.language,
        "terms_version": consent.terms_version,
        "terms_hash": consent.terms_hash,
        "price_shown": consent.price_shown,
    }


def of_event(event: LoggedEvent) -> Row:
    """Returns the row of an event; its object is JSON, as it stood then."""
    return {
        "id": event.id,
        "type": event.type,
        "at": event.at,
        "logged_at": event.appended_at,
        "customer": event.customer,
        "subscription": event.subscription,
        "invoice": event.invoice,
        "version": event.version,
        "object": event.object,
    }


def of_day(found: PeriodFigures, currency: str, *, test: bool) -> Row:
    """Returns the row of a day's figures in one currency: start and movements are the end."""
    steps = found.customers or {}
    return {
        "day": found.period,
        "currency": currency,
        "mrr_start": units(found.start),
        **{f"mrr_{name}": units(minor) for name, minor in found.movements.items()},
        "mrr_end": units(found.end),
        "committed_mrr": units(found.committed),
        "trial_mrr": units(found.trial),
        **{f"customers_{name}": count for name, count in steps.items()},
        **{name: value if name in COUNTS else units(value) for name, value in found.sums.items()},
        "test": test,
    }
