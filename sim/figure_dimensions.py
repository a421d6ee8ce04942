"""Figures by product, country and currency, against an oracle of their own (31, M-10).

For every day and every month of each part of a merchant's sales: start + movements = end, the next
one starts where it ended, and it ends at what the oracle's histories are worth then. And sums that
are lost and rebuilt are those that the stream added up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from billing.figures import periods
from billing.figures.flows import rebuild
from billing.figures.periods import Filter, PeriodFigures
from billing.figures.sums import AMOUNTS, MONTH_LENGTH, FigureSums
from billing.jobs import jobs
from billing.kernel.ports import Ports
from billing.kernel.writes import Remove
from sim.invariants import Violation

Place = tuple[date, str, str, str]
"""A day, a product, a country and a currency."""


def parts_agree(
    merchant: str,
    days: Sequence[FigureSums],
    months: Sequence[FigureSums],
    mrr: Mapping[Place, int],
    test: bool,
) -> int:
    """Checks each part of a merchant's figures by day and by month; returns how many figures."""
    rows = [row for row in days if row.test is test]
    if not rows and not any(mrr.values()):
        return 0
    spans = sorted({row.span for row in rows} | {each[0].isoformat() for each in mrr})
    names = periods.days_between(date.fromisoformat(spans[0]), date.fromisoformat(spans[-1]))
    by_month = [row for row in months if row.test is test]
    checked = 0
    for wanted in _filters(mrr, rows, test):
        mine = [row for row in rows if _is_of(wanted, row)]
        ends = _ends(wanted, names, mrr)
        found = periods.computed(wanted, names, (), mine, mine)
        _adds_up(merchant, wanted, found, ends)
        in_months = list(dict.fromkeys(day[:MONTH_LENGTH] for day in names))
        at_end = {day[:MONTH_LENGTH]: ends[day] for day in names}
        summed = [row for row in by_month if _is_of(wanted, row)]
        _adds_up(merchant, wanted, periods.computed(wanted, in_months, (), summed, ()), at_end)
        checked += len(names) + len(in_months)
    return checked


def _filters(mrr: Mapping[Place, int], rows: Sequence[FigureSums], test: bool) -> Iterator[Filter]:
    """Yields all, each product, each country, and both, in each currency."""
    places = {(product, country, currency) for _, product, country, currency in mrr}
    places |= {(r.product, r.country, r.currency.value) for r in rows if r.product}
    parts = {
        (currency, shown[0], shown[1])
        for product, country, currency in places
        for shown in (("", ""), (product, ""), ("", country), (product, country))
    }
    for currency, product, country in sorted(parts):
        yield Filter(currency, product, country, test=test)


def _is_of(wanted: Filter, row: FigureSums) -> bool:
    """Tests whether a row is one that a reader of this part reads."""
    return wanted.takes(row) and bool(row.product) is not wanted.is_of_all


def _ends(wanted: Filter, names: Sequence[str], mrr: Mapping[Place, int]) -> dict[str, int]:
    """Returns what the oracle's histories are worth at the end of each day."""
    moved: Counter[str] = Counter()
    for (day, product, country, currency), minor in mrr.items():
        mine = currency == wanted.currency and wanted.product in {"", product}
        if mine and wanted.country in {"", country}:
            moved[day.isoformat()] += minor
    at, found = 0, {}
    for name in names:
        at += moved[name]
        found[name] = at
    return found


def _adds_up(
    merchant: str, wanted: Filter, found: Sequence[PeriodFigures], ends: Mapping[str, int]
) -> None:
    before = 0
    for each in found:
        end = each.start + sum(each.movements.values())
        if each.start != before or end != each.end or each.end != ends[each.period]:
            text = f"{merchant}: {wanted} of {each.period} goes from {each.start} ({before})"
            text += f" by {end - each.start} to {each.end}, not {ends[each.period]}"
            raise Violation("31", text)
        before = each.end
        if each.customers is not None:
            steps = each.customers
            came = steps["new"] + steps["returned"] + steps["imported"] - steps["ended"]
            if steps["start"] + came != steps["end"] or steps["end"] < 0:
                raise Violation("31", f"{merchant}: customers of {each.period} are {steps}")


def lose(ports: Ports, rows: Sequence[FigureSums]) -> None:
    """Removes all sums of a merchant, as if they were lost."""
    for row in rows:
        ports.store.commit(Remove(row))


def rebuild_all(ports: Ports, merchant: str) -> None:
    """Has all sums of a merchant rebuilt, as the job does it."""
    now = ports.clock()
    job = jobs.new(merchant, rebuild.JOB, rebuild.JOB, now)
    for step in rebuild.REBUILD.steps(ports, job, now=now, keep_going=lambda: True):
        if step.error is not None:
            raise Violation("0", f"{merchant}: the rebuild failed: {step.error!r}")


def same_sums(merchant: str, before: Sequence[FigureSums], after: Sequence[FigureSums]) -> None:
    """Checks that rebuilt sums are those that were lost, to the cent."""
    was, has = _amounts(before), _amounts(after)
    for key in sorted({*was, *has}):
        if was[key] != has[key]:
            text = f"{merchant}: {key} was {was[key]}, and is {has[key]} when rebuilt"
            raise Violation("31", text)


def _amounts(rows: Sequence[FigureSums]) -> dict[tuple[Any, ...], int]:
    found: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    for row in rows:
        for name in AMOUNTS:
            if minor := getattr(row, name):
                place = (row.span, row.product, row.country, row.currency.value, row.test, name)
                found[place] += minor
    return found
