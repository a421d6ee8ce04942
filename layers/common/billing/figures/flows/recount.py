"""Counts a merchant's figures of a day or month again, from orders and movements (M-10).

What the stream brings late may come meanwhile. So the sums are read before and after what they are
counted from, and a day whose sums changed in between is counted again. What takes longer than a
slice of a job goes on in the next (`flows/recount_slices.py`).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from billing.catalog.flows import product_lists
from billing.figures import cohorts, recounts, sums
from billing.figures.comparison import Difference, differences
from billing.figures.flows import count_months
from billing.figures.flows.order_parts import Part, local_day, parts_of
from billing.figures.recounts import Attempt, Progress, SumKind
from billing.figures.sums import FigureBook, FigureSums
from billing.kernel.errors import Conflict
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Write

AT_ONCE = 200
"""The movements or orders of a page."""

MENDED_AT_ONCE = 50
"""The rows that are mended in one write, with their months: 100 items at most."""

ATTEMPTS = 5
PAGES_LEAST = 5
"""The pages of a count that are read though time is over: small days are never kept."""

ZONES_REACH = timedelta(hours=15)
"""More than any zone is from UTC."""

A_DAY = timedelta(days=1)


def compare(
    ports: Ports,
    merchant: Merchant,
    book: FigureBook,
    span: str,
    progress: Progress | None = None,
    keep_going: KeepGoing = lambda: True,
) -> list[Difference] | None:
    """Returns what the stored sums of a day or month lack; None where time is over first.

    It goes on from `progress`, which then has what was counted. Raises `Conflict` if the sums never
    rest.
    """
    progress = progress or Progress()
    progress.begin(span)
    in_catalog = list(product_lists.ids(ports, merchant))
    while progress.attempt.number <= ATTEMPTS:
        attempt = progress.attempt
        products = list(dict.fromkeys((*in_catalog, *attempt.products)))
        stored = partial(_stored, ports, merchant.id, products, span, set(attempt.kinds))
        if attempt.before is None:
            progress.attempt = replace(attempt, before=recounts.digest(stored()))
        if not _read_on(ports, merchant, book, progress, keep_going):
            return None
        after = stored()
        rows = [row for row, _ in progress.sums.values()]
        more = {row.product for row in rows if row.product} - set(products)
        kinds = recounts.kinds_of(rows) - recounts.kinds_of(after) - set(attempt.kinds)
        if not more and not kinds and recounts.digest(after) == progress.attempt.before:
            return differences(progress.sums.values(), after)
        progress.again(sorted(more), sorted(kinds))  # products that are in no catalog any more
    if not progress.slices:
        progress.begin("")  # what took a moment may be counted from the beginning
    raise Conflict()


def wrong_rows(
    ports: Ports,
    merchant: Merchant,
    book: FigureBook,
    span: str,
    progress: Progress,
    keep_going: KeepGoing,
) -> int | None:
    """Returns how many rows of a day or month are wrong, which are counted once in a step; None
    where time is over first. Raises `Conflict`."""
    if span not in progress.done:
        wrong = compare(ports, merchant, book, span, progress, keep_going)
        if wrong is None:
            return None
        progress.done[span] = len(wrong)
    return progress.done[span]


def mend(
    ports: Ports,
    merchant: Merchant,
    book: FigureBook,
    span: str,
    progress: Progress | None = None,
    keep_going: KeepGoing = lambda: True,
) -> int | None:
    """Adds to the stored sums of a day or month what they lack; returns how many rows were
    wrong, None where time is over first. Raises `Conflict`."""
    progress = progress or Progress()
    while True:
        wrong = compare(ports, merchant, book, span, progress, keep_going)
        if wrong is None:
            return None
        try:
            _add(ports, wrong)
        except Conflict:
            progress.again()
            continue
        return len(wrong)


def _add(ports: Ports, wrong: Sequence[Difference]) -> None:
    for start in range(0, len(wrong), MENDED_AT_ONCE):
        some = wrong[start : start + MENDED_AT_ONCE]
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


def _read_on(
    ports: Ports, merchant: Merchant, book: FigureBook, progress: Progress, keep_going: KeepGoing
) -> bool:
    """Adds up page after page of what is left; False where time is over first."""
    pages = 0
    while progress.attempt.reads != recounts.END:
        if pages >= PAGES_LEAST and not keep_going():
            return False
        read = _of_orders if progress.attempt.reads == recounts.ORDERS else _of_movements
        parts, after = read(ports, merchant, book, progress.span, progress.attempt)
        # All of a page or nothing: a page that could not be read is read again.
        sums.added(parts, progress.sums)
        progress.attempt = after
        pages += 1
    return True


def days_of(span: str) -> tuple[date, date]:
    """Returns the first and the last day of a day or month."""
    if len(span) > sums.MONTH_LENGTH:
        day = date.fromisoformat(span)
        return day, day
    first = date.fromisoformat(f"{span}-01")
    return first, (first + 31 * A_DAY).replace(day=1) - A_DAY


def _of_movements(
    ports: Ports, merchant: Merchant, book: FigureBook, span: str, at: Attempt
) -> tuple[list[Part], Attempt]:
    """Reads a page of movements, oldest first; returns also the place behind it."""
    test = at.reads == recounts.TEST
    found = ports.store.movements(
        merchant.id, *days_of(span), limit=AT_ONCE, after=at.last, test=test
    )
    rows = [row for each in found for row in cohorts.rows_of(each, 0)]
    parts = [(row, amounts) for row, amounts in rows if row.span == span]
    if len(found) == AT_ONCE:
        return parts, replace(at, last=found[-1])
    behind = recounts.TEST
    if test:
        behind = recounts.END if len(span) == sums.MONTH_LENGTH else recounts.ORDERS
    return parts, replace(at, reads=behind, last=None)


def _of_orders(
    ports: Ports, merchant: Merchant, book: FigureBook, span: str, at: Attempt
) -> tuple[list[Part], Attempt]:
    """Reads a page of a day's orders, and what they name; returns also the place behind it."""
    midnight = datetime.combine(date.fromisoformat(span), time(), UTC)
    page = ports.store.orders(
        merchant.id,
        since=midnight - ZONES_REACH,
        until=midnight + A_DAY + ZONES_REACH,
        limit=AT_ONCE,
        cursor=at.cursor,
        lists=merchant.order_lists,
    )
    today = [order for order in page.data if local_day(book, order.at) == span]
    parts = list(parts_of(ports, book, today, span))
    if page.next is not None:
        return parts, replace(at, cursor=page.next)
    return parts, replace(at, reads=recounts.END, cursor=None)
