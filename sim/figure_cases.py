"""Cohorts, trials, failed payments and cancellations of a seed, held against an oracle (31)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from billing.figures.cohorts import Series
from billing.figures.movement_kinds import OF_CASES
from billing.figures.movements import Movement
from billing.figures.records import Record
from billing.figures.sums import AMOUNTS, FigureSums
from billing.kernel.invoices import Invoice
from billing.kernel.orders import Order
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from sim import cases_oracle as oracle
from sim.cases_oracle import Write
from sim.figures_oracle import Expected
from sim.invariants import Violation


def series_of(ports: Ports, merchant: str, products: Sequence[str]) -> list[FigureSums]:
    """All rows of all series of a merchant."""
    return [
        row
        for series in Series
        for product in ("", *products)
        for test in (False, True)
        for row in ports.store.figure_spans(
            merchant, "2000-01", "9000-01", product=product, test=test, series=series
        )
    ]


def cases_agree(
    records: Sequence[Record],
    orders: Sequence[Order],
    invoices: Mapping[str, Invoice],
    merchant: str,
    moved: Sequence[Movement],
    rows: Sequence[FigureSums],
    customers: Sequence[Expected],
    zone: Any,
) -> None:
    """Checks a merchant's steps of cases, and the rows of its series, by all orders there are."""
    histories: dict[str, list[Write]] = defaultdict(list)
    for record in records:
        if isinstance(record.after, Subscription) and record.after.merchant == merchant:
            histories[record.after.id].append(Write(record.at, record.after))
    listed = [o for o in orders if o.merchant == merchant and o.customer is not None]
    expected = oracle.trials(histories, zone)
    expected += oracle.failures(histories, listed, invoices, zone)
    expected += oracle.cancellations(histories, listed, zone)
    booked = Counter(_step(each) for each in moved if each.kind in OF_CASES)
    _same(f"{merchant}: steps", expected, booked)
    _rows_agree(merchant, rows, booked)
    retained: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        if row.series == Series.RETENTION and not row.product:
            retained[row.cohort, row.span, "mrr"] += row.mrr
            retained[row.cohort, row.span, "customers"] += row.customers
    _same(f"{merchant}: retention", oracle.retention(customers), retained)


def _step(each: Movement) -> tuple[str, str, str, str]:
    assert each.cohort is not None, "a case has the month of its beginning"
    kind = each.kind.value
    by_month = not kind.startswith("cancel")
    label = "" if kind.startswith("trial") else each.label
    span = "" if kind == "cancel_undone" else oracle.month(each.day)
    return each.cohort.month if by_month else "", span, kind, label


def _rows_agree(merchant: str, rows: Sequence[FigureSums], booked: Any) -> None:
    """Checks that rows count the steps, and that those of products add up to those of all."""
    counted: Counter[tuple[str, str, str, str]] = Counter()
    for row in rows:
        if row.series != Series.RETENTION and not row.product:
            kind, _, label = row.label.partition(":")
            span = "" if kind == "cancel_undone" else row.span
            counted[row.cohort, span, kind, label] += row.cases
    _same(f"{merchant}: rows of steps", booked, counted)
    apart: Counter[Any] = Counter()
    for row in rows:
        sign = 1 if row.product else -1
        for name in AMOUNTS:
            apart[row.series, row.cohort, row.span, row.label, name] += sign * getattr(row, name)
    _same(f"{merchant}: rows of products", apart, Counter())


def _same(what: str, expected: Any, stored: Any) -> None:
    wrong = sorted(key for key in {*expected, *stored} if expected[key] != stored[key])
    if wrong:
        first = "; ".join(f"{key}: {stored[key]}, not {expected[key]}" for key in wrong[:4])
        raise Violation("31", f"{what} are wrong: {first}")
