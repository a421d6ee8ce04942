"""Checks a table by itself, for a restored one whose gateway we cannot ask.

The invariants are those after a simulation (`final_checks.py`), without the gateway's side of the
books.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from billing.kernel import ledger
from billing.kernel.invoices import FINAL, Invoice, InvoiceState
from billing.kernel.ledger import LedgerEntry
from billing.kernel.orders import Order
from billing.kernel.subscription import Subscription
from billing.refunds.refunds import Refund, RefundState
from sim.document_writes import documents_agree
from sim.final_checks import (
    customers_once,
    disputes_end,
    numbers_without_gaps,
    periods_without_gaps,
)
from sim.invariants import Violation, rests

Found = dict[type, list[Any]]


def check(entities: Iterable[Any]) -> list[Violation]:
    """Returns the first violation of each rule; empty when the table is sound."""
    found: Found = defaultdict(list)
    for entity in entities:
        found[type(entity)].append(entity)
    wrong = []
    for rule in _RULES:
        try:
            rule(found)
        except Violation as violation:
            wrong.append(violation)
    return wrong


def _books_agree(found: Found) -> None:
    """Checks that paid invoices = sales and rebills = money that the ledger received (2)."""
    paid = {
        i.id: i.total.amount_minor
        for i in found[Invoice]
        if i.state is InvoiceState.PAID and i.total
    }
    orders, booked = Counter[str](), Counter[str]()
    for order in found[Order]:
        if order.kind in {"sale", "rebill"} and order.amount:
            orders[order.invoice] += order.amount.amount_minor
    for entry in found[LedgerEntry]:
        if entry.id.endswith(":paid"):
            received = [p for p in entry.postings if p.account.startswith(ledger.RECEIVED)]
            booked[entry.id.removesuffix(":paid")] += sum(p.amount_minor for p in received)
    for name, book in (("orders", orders), ("ledger", booked)):
        for invoice in paid.keys() | {one for one, amount in book.items() if amount}:
            if paid.get(invoice, 0) != book.get(invoice, 0):
                text = f"{invoice}: paid {paid.get(invoice, 0)}, {name} {book.get(invoice, 0)}"
                raise Violation("2", text, invoice)


def _ledger_balances(found: Found) -> None:
    for entry in found[LedgerEntry]:
        if sum(posting.amount_minor for posting in entry.postings):
            raise Violation("18", f"{entry.id} does not balance", entry.id)


def _refunds_agree(found: Found) -> None:
    """Checks that the amounts of refunds match invoices and orders (11)."""
    given, orders = Counter[str](), Counter[str]()
    for refund in found[Refund]:
        if refund.state is RefundState.SUCCEEDED:
            given[refund.invoice] += refund.amount.amount_minor
    for order in found[Order]:
        if order.kind == "refund":
            orders[order.invoice] += order.amount.amount_minor
    for invoice in found[Invoice]:
        if invoice.refunded_minor > invoice.total.amount_minor:
            raise Violation("11", f"{invoice.id} gave back more than it took", invoice.id)
    if given != orders:
        wrong = sorted(i for i in given.keys() | orders.keys() if given[i] != orders[i])
        raise Violation("11", f"refunds and orders differ over {wrong}", *wrong)


def _one_open_invoice(found: Found) -> None:
    """Checks that a subscription names its open invoice, and each invoice its subscription (8)."""
    opened: dict[str, set[str]] = defaultdict(set)
    for invoice in found[Invoice]:
        if invoice.subscription and invoice.state not in FINAL:
            opened[invoice.subscription].add(invoice.id)
    for subscription in found[Subscription]:
        held = {subscription.open_invoice} - {None}
        if held != opened[subscription.id]:
            text = f"{subscription.id} holds {held}, open are {opened[subscription.id]}"
            raise Violation("8", text, subscription.id)
    there = {subscription.id for subscription in found[Subscription]}
    if lost := {i.subscription for i in found[Invoice] if i.subscription} - there:
        raise Violation("8", f"invoices of no subscription: {sorted(lost)}", *sorted(lost))


def _something_wakes_it(found: Found) -> None:
    """Checks that a subscription that may still charge has a due date (21)."""
    for subscription in found[Subscription]:
        if subscription.is_live and subscription.due_at is None and not rests(subscription):
            raise Violation("21", f"nothing wakes {subscription.id}", subscription.id)


_RULES: tuple[Callable[[Found], None], ...] = (
    _books_agree,
    _ledger_balances,
    _refunds_agree,
    disputes_end,
    _one_open_invoice,
    _something_wakes_it,
    customers_once,
    numbers_without_gaps,
    documents_agree,
    periods_without_gaps,
)
