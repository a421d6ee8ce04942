"""Reads a merchant's figures: a year is a few queries, however many orders there are (M-10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from billing.figures import periods
from billing.figures.flows import read_months
from billing.figures.flows.order_parts import invoices_of, key_of, local_day
from billing.figures.flows.recount import ZONES_REACH, days_of
from billing.figures.money_orders import country_of
from billing.figures.month_totals import month_before
from billing.figures.movement_kinds import OF_MRR, MovementKind
from billing.figures.movements import Movement
from billing.figures.periods import (
    DAYS_MOST,
    FIRST_MONTH,
    MONTHS_MOST,
    Filter,
    Length,
    PeriodFigures,
)
from billing.kernel.errors import Invalid, NotFound
from billing.kernel.merchants import Merchant
from billing.kernel.money import Currency
from billing.kernel.orders import PAYMENTS, Order, OrderKind
from billing.kernel.ports import Ports
from billing.kernel.values import Value

DAYS_A_MONTH = 31
ORDERS_OF = {
    "revenue": PAYMENTS,
    "tax": frozenset({OrderKind.SALE, OrderKind.REBILL, OrderKind.REFUND}),
    "refunds": frozenset({OrderKind.REFUND}),
    "chargebacks": frozenset({OrderKind.CHARGEBACK}),
    "failed": frozenset({OrderKind.FAILED}),
    "cancel_requests": frozenset({OrderKind.CANCEL_REQUEST}),
}
"""The kinds of order that a figure is the sum of."""

MOVEMENTS_OF = {
    "mrr": OF_MRR,
    "customers": OF_MRR,
    **{kind.value: frozenset({kind}) for kind in MovementKind},
}
"""The kinds of movement that a figure is the sum of."""


class Rows(Value):
    """A page of the orders or the movements behind a figure; `next` is None at the end."""

    orders: tuple[Order, ...] = ()
    movements: tuple[Movement, ...] = ()
    next: str | None = None


def figures(
    ports: Ports, merchant: Merchant, wanted: Filter, first: str, last: str, by: Length
) -> list[PeriodFigures]:
    """Returns the figures of each month, or day, from one month to another, both included.

    Raises `Invalid` for a span that is too long, or ends before it begins.
    """
    if last < first:
        raise Invalid("span_reversed", field="to")
    months = periods.months_between(first, last)
    begin, end = days_of(months[0])[0], days_of(months[-1])[1]
    days = periods.days_between(begin, end)
    most = DAYS_MOST if by is Length.DAY else MONTHS_MOST * DAYS_A_MONTH
    if len(days) > most:
        raise Invalid("span_too_long", field="to", most=most)
    if by is Length.DAY:
        before = read_months.of(ports, merchant, wanted, first, month_before(first)).moved
        by_day = read_months.rows(ports, merchant, wanted, days[0], days[-1])
        return periods.computed(wanted, days, before, by_day, by_day)
    found = read_months.of(ports, merchant, wanted, first, last)
    before = [row for row in found.moved if row.span < first]
    return periods.computed(wanted, months, before, found.moved, found.sold)


def days(
    ports: Ports, merchant: Merchant, month: str, *, test: bool
) -> Iterator[tuple[str, PeriodFigures]]:
    """Yields the figures of each day of a month in each currency that has any by then."""
    rows = ports.store.figure_spans(merchant.id, FIRST_MONTH, month, test=test)
    first, last = days_of(month)
    names = periods.days_between(first, last)
    by_day = ports.store.figure_spans(merchant.id, names[0], names[-1], test=test)
    before = [row for row in rows if row.span < month]
    for currency in sorted(
        {row.currency.value for row in rows} | {r.currency.value for r in by_day}
    ):
        wanted = Filter(currency, test=test)
        for found in periods.computed(wanted, names, before, by_day, by_day):
            yield currency, found


def month(ports: Ports, merchant: Merchant, wanted: Filter, name: str) -> PeriodFigures:
    """Returns the recurring revenue and the customers of one month by one query, without sales."""
    kept = ports.store.figure_spans(merchant.id, FIRST_MONTH, name, test=wanted.test)
    before = [row for row in kept if row.span < name]
    (found,) = periods.computed(wanted, [name], before, kept, ())
    return found


def rows_behind(
    ports: Ports,
    merchant: Merchant,
    figure: str,
    period: str,
    *,
    wanted: Filter,
    limit: int,
    cursor: str | None,
) -> Rows:
    """Returns a page of the rows behind a figure of a month or day; a page may be short.

    Raises `NotFound` for a figure that has no rows, and `Invalid` for a period that is none.
    """
    first, last = span_of(period)
    if figure in ORDERS_OF:
        return _orders(ports, merchant, figure, (first, last), wanted, limit, cursor)
    if figure in MOVEMENTS_OF:
        return _movements(ports, merchant, figure, (first, last), wanted, limit, cursor)
    raise NotFound()


def span_of(period: str) -> tuple[date, date]:
    """Returns the first and the last day of a period; raises `Invalid`."""
    try:
        return days_of(period)
    except ValueError:
        raise Invalid("no_such_time", field="period") from None


def _orders(
    ports: Ports,
    merchant: Merchant,
    figure: str,
    days: tuple[date, date],
    wanted: Filter,
    limit: int,
    cursor: str | None,
) -> Rows:
    (book,) = ports.store.figure_books([merchant.id])
    if book is None:
        return Rows()
    begin, end = (datetime.combine(day, time(), UTC) for day in days)
    page = ports.store.orders(
        merchant.id,
        since=begin - ZONES_REACH,
        until=end + timedelta(days=1) + ZONES_REACH,
        limit=limit,
        cursor=cursor,
        lists=merchant.order_lists,
    )
    found = tuple(
        order
        for order in page.data
        if order.kind in ORDERS_OF[figure]
        and days[0].isoformat() <= local_day(book, order.at) <= days[1].isoformat()
        and order.test is wanted.test
        and order.amount.currency.value == wanted.currency
        and wanted.product in {"", order.product}
        and not order.withdrawn
    )
    if wanted.country:
        found = _in_country(ports, found, wanted.country)
    return Rows(orders=found, next=page.next)


def _in_country(ports: Ports, orders: tuple[Order, ...], country: str) -> tuple[Order, ...]:
    """Returns the orders whose invoice is to a country, as the sums count them."""
    invoices = invoices_of(ports, orders)
    return tuple(order for order in orders if country_of(invoices.get(key_of(order))) == country)


def _movements(
    ports: Ports,
    merchant: Merchant,
    figure: str,
    days: tuple[date, date],
    wanted: Filter,
    limit: int,
    cursor: str | None,
) -> Rows:
    after = None if cursor is None else behind(merchant.id, cursor, wanted)
    page = ports.store.movements(merchant.id, *days, limit=limit + 1, after=after, test=wanted.test)
    found = tuple(
        each
        for each in page[:limit]
        if each.kind in MOVEMENTS_OF[figure]
        and (figure != "customers" or each.step is not None)
        and each.currency.value == wanted.currency
        and wanted.product in {"", each.product}
        and wanted.country in {"", each.country}
        and not (each.kind is MovementKind.MOVED and wanted.is_of_all)
    )
    more = len(page) > limit
    return Rows(movements=found, next=cursor_of(page[limit - 1]) if more else None)


def cursor_of(movement: Movement) -> str:
    return f"{movement.day}~{movement.at.isoformat()}~{movement.id}"


def behind(merchant: str, cursor: str, wanted: Filter) -> Movement:
    """Returns a movement at a cursor's place; raises `Invalid` for any other text."""
    day, _, rest = cursor.partition("~")
    at, _, name = rest.partition("~")
    try:
        moment, when = date.fromisoformat(day), datetime.fromisoformat(at)
        assert when.tzinfo is not None
    except (ValueError, AssertionError):
        raise Invalid("cursor_unknown", field="cursor") from None
    currency = Currency(wanted.currency)
    kind = MovementKind.NEW
    return Movement(
        merchant, moment, name, kind, when, "", "", "", "", currency, 0, test=wanted.test
    )
