"""Invariants over stored items alone, of money: invoices, orders, ledger, refunds, documents."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from billing.kernel import ledger
from billing.kernel.invoices import Invoice, InvoiceCounter, InvoiceState
from billing.kernel.issued_documents import IssuedDocument
from billing.kernel.ledger import LedgerEntry
from billing.kernel.orders import Order
from billing.kernel.values import Value
from billing.refunds.chargebacks import Chargeback
from billing.refunds.refunds import Refund, RefundState

Found = Mapping[type, Sequence[Any]]
"""Items by their class; a class of which there are none has an empty list."""

_RESERVED = frozenset({RefundState.REQUESTED, RefundState.SUCCEEDED})


class Broken(Value):
    """A broken invariant: its number, what is wrong, and the ids of the items it is about."""

    number: str
    text: str
    about: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"invariant {self.number}: {self.text}"


def books_agree(found: Found) -> Iterator[Broken]:
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
            booked[entry.id.removesuffix(":paid")] += _received(entry)
    for name, book in (("orders", orders), ("ledger", booked)):
        yield from _differences("2", "paid", paid, name, book)


def ledger_balances(found: Found) -> Iterator[Broken]:
    """Checks that each entry of the ledger balances (18)."""
    for entry in found[LedgerEntry]:
        if sum(posting.amount_minor for posting in entry.postings):
            yield Broken("18", f"{entry.id} does not balance", (entry.id,))


def refunds_agree(found: Found) -> Iterator[Broken]:
    """Checks that refunds = orders = invoices = money that the ledger gave back (11).

    One that a bank sent back counts for none of them: its entry stays, marked withdrawn.
    """
    given, reserved, orders, booked = (Counter[str]() for _ in range(4))
    of_refund = {refund.id: refund.invoice for refund in found[Refund]}
    for refund in found[Refund]:
        if refund.state is RefundState.SUCCEEDED:
            given[refund.invoice] += refund.amount.amount_minor
        if refund.state in _RESERVED:
            reserved[refund.invoice] += refund.amount.amount_minor
    for order in found[Order]:
        if order.kind == "refund" and order.invoice and not order.withdrawn:
            orders[order.invoice] += order.amount.amount_minor
    for entry in found[LedgerEntry]:
        named, _, what = entry.id.rpartition(":")
        if what in {"refunded", "returned"}:
            booked[of_refund.get(named, named)] -= _received(entry)
    invoices = {i.id: i.refunded_minor for i in found[Invoice]}
    held = {i.id: i.refund_reserved_minor for i in found[Invoice]}
    for name, book in (("orders", orders), ("ledger", booked), ("invoices", invoices)):
        yield from _differences("11", "refunds", given, name, book)
    yield from _differences("11", "refunds", reserved, "reserved", held)


def no_more_went_than_came(found: Found) -> Iterator[Broken]:
    """Checks that refunds and banks took back no more than was paid, and what banks took (11)."""
    taken = Counter[str]()
    for chargeback in found[Chargeback]:
        if chargeback.standing != "won":
            taken[chargeback.invoice] += chargeback.amount.amount_minor
    for invoice in found[Invoice]:
        gone = invoice.refunded_minor + invoice.disputed_minor
        if invoice.disputed_minor != taken[invoice.id] or gone > invoice.total.amount_minor:
            text = f"{invoice.id}: {gone} of {invoice.total} gone, taken {taken[invoice.id]}"
            yield Broken("11", text, (invoice.id, invoice.purchase))


def disputes_are_booked(found: Found) -> Iterator[Broken]:
    """Checks that the ledger holds what open and lost chargebacks took (18)."""
    booked, expected = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    for entry in found[LedgerEntry]:
        for posting in entry.postings:
            for account, standing in ((ledger.DISPUTED, "open"), (ledger.CHARGEBACKS, "lost")):
                if posting.account.startswith(account):
                    booked[entry.merchant, standing, entry.currency] += posting.amount_minor
    for each in found[Chargeback]:
        if each.standing != "won":
            expected[each.merchant, each.standing, each.amount.currency] += each.amount.amount_minor
    for key in booked.keys() | expected.keys():
        if booked[key] != expected[key]:
            merchant, standing, currency = key
            text = f"{merchant}: {standing} is {expected[key]} {currency}, booked {booked[key]}"
            yield Broken("18", text)


def numbers_without_gaps(found: Found) -> Iterator[Broken]:
    """Checks that invoices and credit notes are numbered from 1 on, each number once (18)."""
    counters = {(c.merchant, c.test, c.credit_notes): c.last for c in found[InvoiceCounter]}
    numbered: dict[tuple[str, bool, bool], list[int]] = defaultdict(list)
    for document in (*found[Invoice], *found[Refund]):
        if document.number is not None:
            last = int(document.number.rpartition("-")[2])
            series = (document.merchant, "TEST" in document.number, "CN" in document.number)
            numbered[series].append(last)
    for series in numbered.keys() | counters.keys():
        if sorted(numbered[series]) != list(range(1, counters.get(series, 0) + 1)):
            yield Broken("18", f"the invoice numbers of {series} have gaps or repeats")


def documents_agree(found: Found) -> Iterator[Broken]:
    """Checks that each document has the number and the total of its invoice or refund (18)."""
    named = {invoice.id: (invoice.number, invoice.total) for invoice in found[Invoice]}
    named |= {refund.id: (refund.number, refund.amount) for refund in found[Refund]}
    for document in found[IssuedDocument]:
        if named.get(document.id) != (document.number, document.total):
            yield Broken("18", f"the document {document.id} is of another", (document.id,))


def _received(entry: LedgerEntry) -> int:
    received = (p for p in entry.postings if p.account.startswith(ledger.RECEIVED))
    return sum(posting.amount_minor for posting in received)


def _differences(
    number: str, first: str, one: Mapping[str, int], second: str, other: Mapping[str, int]
) -> Iterator[Broken]:
    """Yields each invoice of which two books say different amounts."""
    for invoice in one.keys() | other.keys():
        here, there = one.get(invoice, 0), other.get(invoice, 0)
        if here != there:
            yield Broken(number, f"{invoice}: {first} {here}, {second} {there}", (invoice,))


OF_CUSTOMER = (
    books_agree,
    ledger_balances,
    refunds_agree,
    no_more_went_than_came,
    disputes_are_booked,
    documents_agree,
)
"""The rules that hold of all items of one customer by themselves."""
