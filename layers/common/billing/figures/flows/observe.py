"""Adds what the stream brings to a merchant's figures, each record once (M-10).

Movements: what a customer adds, the movements and their sums are one transaction, and the number of
the record stands in what the customer adds. Orders: each row of sums is written once for a batch,
and holds the number of the last record that it has; so a renewal costs two rows at most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from billing.figures import money_orders, sums
from billing.figures.flows import books, customers
from billing.figures.records import Record, changes_figures
from billing.figures.sums import FigureBook, FigureSums
from billing.kernel.errors import Conflict
from billing.kernel.invoices import Invoice
from billing.kernel.orders import Order, OrderKind
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value
from billing.kernel.writes import Change, Insert, Write

ATTEMPTS = 5

Part = tuple[FigureSums, dict[str, int]]


class Counted(Value):
    """An order's part of the sums, with the number of its record."""

    sequence: str
    row: FigureSums
    amounts: dict[str, int]


def observe(ports: Ports, shard: str, records: Sequence[Record], *, now: datetime) -> None:
    """Adds a batch of one shard of the stream, in its order, to the figures.

    Raises `Conflict` where others write the same sums all the time: then the batch comes again.
    """
    wanted = [each for each in records if isinstance(each.after, Order) or changes_figures(each)]
    if not wanted:
        return
    kept = books.of(ports, [each.after.merchant for each in wanted], now=now)
    row_shard = sums.row_shard(shard, ports.operation.shards)
    for owner, theirs in _by_customer(wanted).items():
        customers.observe(ports, owner, theirs, kept[owner[0]], row_shard)
    orders = [each for each in wanted if isinstance(each.after, Order)]
    counted = _counted(ports, orders, kept, row_shard)
    if counted:
        _add(ports, shard, counted, records[-1].sequence)


def _by_customer(records: Iterable[Record]) -> dict[tuple[str, str], list[Record]]:
    found: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for each in records:
        if isinstance(each.after, Subscription):
            found[each.after.merchant, each.after.customer].append(each)
    return found


def _counted(
    ports: Ports, records: Sequence[Record], kept: dict[str, FigureBook], row_shard: int
) -> list[Counted]:
    """Returns what orders add, and take off where one changed; entries that add nothing are left
    out."""
    found: list[Counted] = []
    invoices = _invoices(ports, records)
    for record in records:
        order = record.after
        assert isinstance(order, Order)
        invoice = invoices.get((order.merchant, order.customer or "", order.invoice or ""))
        taxes = _refunded_taxes(ports, order)
        day = local_day(kept[order.merchant], order.at)
        after = money_orders.of_order(order, invoice, taxes, span=day, shard=row_shard)
        before = []
        if isinstance(record.before, Order):
            before = money_orders.of_order(record.before, invoice, taxes, span=day, shard=row_shard)
        less = [(row, {k: -minor for k, minor in amounts.items()}) for row, amounts in before]
        for row, amounts in sums.added([*less, *after]).values():
            if any(amounts.values()):
                found.append(Counted(record.sequence, row, amounts))
    return found


def local_day(book: FigureBook, at: datetime) -> str:
    """Returns the local day of an instant, as 2026-01-31."""
    return Anchor.at(at, book.zone_at(at)).wall.date().isoformat()


def _invoices(ports: Ports, records: Sequence[Record]) -> dict[tuple[str, str, str], Invoice]:
    keys = list(
        {
            (order.merchant, order.customer, order.invoice): None
            for order in (record.after for record in records)
            if isinstance(order, Order) and order.customer and order.invoice
        }
    )
    found = ports.store.invoices(keys) if keys else []
    return {key: each for key, each in zip(keys, found, strict=True) if each is not None}


def _refunded_taxes(ports: Ports, order: Order) -> int | None:
    """Returns what a refund gave back of the taxes; None where that is to be shared."""
    if order.kind is not OrderKind.REFUND or order.refund_id is None or order.customer is None:
        return None
    refund = ports.store.refund(order.merchant, order.customer, order.refund_id)
    return None if refund is None else sum(refund.taxes)


def _add(ports: Ports, shard: str, counted: Sequence[Counted], last: str) -> None:
    """Adds orders to their rows; a row that has seen one already is not given it again."""
    left = {each.row.place: each.row for each in counted}
    for _ in range(ATTEMPTS):
        rows = list(left.values())
        writes: dict[tuple[object, ...], Write] = {}
        for row, was in zip(rows, ports.store.figure_sums(rows), strict=True):
            seen = "" if was is None else was.has_seen(shard)
            new = [e for e in counted if e.row.place == row.place and e.sequence > seen]
            if not new:
                continue
            (_, amounts) = sums.added((row, e.amounts) for e in new)[row.place]
            after = (was or row).plus(amounts).seeing(shard, last)
            writes[row.place] = Insert(after) if was is None else Change(was, after, ("seen",))
        left = {place: left[place] for place, write in writes.items() if not _done(ports, write)}
        if not left:
            return
    raise Conflict()


def _done(ports: Ports, write: Write) -> bool:
    """Writes one row by itself: in a transaction it would cost twice as much."""
    try:
        ports.store.commit(write)
    except Conflict:
        return False
    return True
