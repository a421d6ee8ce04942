"""Counts a merchant's figures of a day or month again, from orders and movements (M-10).

What the stream brings late may come meanwhile. So the sums are read before and after what they are
counted from, and a day whose sums changed in between is counted again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from billing.catalog.flows import product_lists
from billing.figures import cohorts, sums
from billing.figures.comparison import Difference, differences
from billing.figures.flows import count_months
from billing.figures.flows.order_parts import Part, local_day, parts_of
from billing.figures.movements import Movement
from billing.figures.sums import FigureBook, FigureSums
from billing.kernel.errors import Conflict
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.writes import Change, Insert, Write

AT_ONCE = 200
ATTEMPTS = 5
ZONES_REACH = timedelta(hours=15)
"""More than any zone is from UTC."""

A_DAY = timedelta(days=1)

SumKind = tuple[bool, str]
"""Whether sums are of the test mode, and their series."""


def compare(ports: Ports, merchant: Merchant, book: FigureBook, span: str) -> list[Difference]:
    """Returns what the stored sums of a day or month lack; raises `Conflict` if they never rest."""
    products, kinds = list(product_lists.ids(ports, merchant)), set[SumKind]()
    for _ in range(ATTEMPTS):
        before = _stored(ports, merchant.id, products, span, kinds)
        parts = list(_parts(ports, merchant, book, span))
        more = sorted({row.product for row, _ in parts if row.product} - set(products))
        more_kinds = {_kind(row) for row, _ in parts} - {_kind(row) for row in before} - kinds
        if more or more_kinds:
            products += more  # of products that are in no catalog any more
            kinds |= more_kinds
            continue
        if _stored(ports, merchant.id, products, span, kinds) == before:
            return differences(parts, before)
    raise Conflict()


def mend(ports: Ports, merchant: Merchant, book: FigureBook, span: str) -> int:
    """Adds to the stored sums of a day or month what they lack; returns how many rows were
    wrong."""
    for _ in range(ATTEMPTS):
        wrong = compare(ports, merchant, book, span)
        try:
            _add(ports, wrong)
        except Conflict:
            continue
        return len(wrong)
    raise Conflict()


def _add(ports: Ports, wrong: Sequence[Difference]) -> None:
    for start in range(0, len(wrong), AT_ONCE // 4):
        some = wrong[start : start + AT_ONCE // 4]
        found = ports.store.figure_sums([each.row for each in some])
        writes: list[Write] = []
        for each, was in zip(some, found, strict=True):
            if was is None:
                writes.append(Insert(each.row.plus(each.amounts)))
            else:
                writes.append(Change(was, was.plus(each.amounts), expecting=("seen",)))
        months = {(each.row.span[: sums.MONTH_LENGTH], each.row.test) for each in some}
        writes += count_months.outdating(ports, some[0].row.merchant, sorted(months))
        ports.store.commit(*writes)


def _stored(
    ports: Ports, merchant: str, products: Sequence[str], span: str, kinds: Set[SumKind]
) -> list[FigureSums]:
    """Reads the sums of all, and those of products where there are sums of all, or by `kinds`.

    Sums of a product are written with those of all, by one transaction. So most are not looked for.
    """
    found: list[FigureSums] = []
    is_month = len(span) == sums.MONTH_LENGTH
    for test in (False, True):
        for series in ("", *cohorts.Series) if is_month else ("",):
            read = partial(ports.store.figure_spans, merchant, span, span, test=test, series=series)
            of_all = read()
            found += of_all
            if of_all or (test, series) in kinds:
                for product in products:
                    found += read(product=product)
    return found


def _kind(row: FigureSums) -> SumKind:
    return row.test, row.series


def _parts(ports: Ports, merchant: Merchant, book: FigureBook, span: str) -> Iterator[Part]:
    first, last = days_of(span)
    for test in (False, True):
        for movement in movements(ports, merchant.id, first, last, test=test):
            rows = cohorts.rows_of(movement, 0)
            yield from ((row, amounts) for row, amounts in rows if row.span == span)
    if first == last:
        yield from _of_orders(ports, merchant, book, first)


def days_of(span: str) -> tuple[date, date]:
    """Returns the first and the last day of a day or month."""
    if len(span) > sums.MONTH_LENGTH:
        day = date.fromisoformat(span)
        return day, day
    first = date.fromisoformat(f"{span}-01")
    return first, (first + 31 * A_DAY).replace(day=1) - A_DAY


def movements(
    ports: Ports, merchant: str, first: date, last: date, *, test: bool
) -> Iterator[Movement]:
    """Yields the movements of some days, oldest first."""
    after: Movement | None = None
    while True:
        found = ports.store.movements(merchant, first, last, limit=AT_ONCE, after=after, test=test)
        yield from found
        if len(found) < AT_ONCE:
            return
        after = found[-1]


def _of_orders(ports: Ports, merchant: Merchant, book: FigureBook, day: date) -> Iterator[Part]:
    midnight = datetime.combine(day, time(), UTC)
    cursor: str | None = None
    while True:
        page = ports.store.orders(
            merchant.id,
            since=midnight - ZONES_REACH,
            until=midnight + A_DAY + ZONES_REACH,
            limit=AT_ONCE,
            cursor=cursor,
            lists=merchant.order_lists,
        )
        span = day.isoformat()
        today = [order for order in page.data if local_day(book, order.at) == span]
        yield from parts_of(ports, book, today, span)
        if page.next is None:
            return
        cursor = page.next
