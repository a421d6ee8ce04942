"""Adds what the stream brings to a merchant's figures, each record once (M-10).

Movements: what a customer adds, the movements and their sums are one transaction, and the number of
the record stands in what the customer adds. Orders: each row of sums is written once for a batch,
and holds the number of the last record that it has; so a renewal costs two rows at most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from billing.figures import money_orders, sums
from billing.figures.flows import books, count_months, customers, order_parts
from billing.figures.records import Record, changes_figures
from billing.figures.sums import FigureBook, FigureSums
from billing.kernel.errors import Conflict
from billing.kernel.orders import Order
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value
from billing.kernel.writes import Change, Insert, Write

ATTEMPTS = 5


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
    kept = books.of(ports, [each.after.merchant for each in wanted], now=now, since=wanted[0].at)
    row_shard = sums.row_shard(shard, ports.operation.shards)
    for owner, theirs in _by_customer(wanted).items():
        customers.observe(ports, owner, theirs, kept[owner[0]], row_shard, now=now)
    orders = [each for each in wanted if isinstance(each.after, Order)]
    counted = _counted(ports, orders, kept, row_shard)
    if counted:
        _add(ports, shard, counted, records[-1].sequence)
    for merchant, book in kept.items():
        # Also of sums that had the record before: a batch may have died in between.
        rows = [each.row for each in counted if each.row.merchant == merchant]
        count_months.note_late(ports, book, [(row.span, row.test) for row in rows], now)


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
    orders = [record.after for record in records if isinstance(record.after, Order)]
    invoices = order_parts.invoices_of(ports, orders)
    for record in records:
        order = record.after
        assert isinstance(order, Order)
        invoice = invoices.get(order_parts.key_of(order))
        taxes = order_parts.refunded_taxes(ports, order)
        book = kept[order.merchant]
        day = order_parts.local_day(book, order.at)
        of_order = partial(
            money_orders.of_order,
            invoice=invoice,
            taxes=taxes,
            span=day,
            shard=row_shard,
            renewals_apart=book.counts_renewals(day),
        )
        after = of_order(order)
        before = of_order(record.before) if isinstance(record.before, Order) else []
        less = [(row, {k: -minor for k, minor in amounts.items()}) for row, amounts in before]
        for row, amounts in sums.added([*less, *after]).values():
            if any(amounts.values()):
                found.append(Counted(record.sequence, row, amounts))
    return found


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
