"""Figures as they are read: start and movements are the end, in /v1 and as CSV (M-10)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from billing.figures import csv_figures
from billing.figures.flows import read
from billing.figures.periods import Filter, Length
from billing.kernel.errors import Invalid, NotFound
from billing.kernel.money import Currency
from billing.kernel.subscription import When
from tests.figures.watched import Watched

ALL = Filter("USD", test=True)


@pytest.fixture
def world() -> Watched:
    """Ann and Ben buy in January; Ben ends in March, when Cem buys another product."""
    world = Watched()
    product = world.product()
    for name in ("ann", "ben"):
        world.buy(product, email=f"{name}@example.com")
    world.advance(days=40)
    world.cancel(When.NOW, email="ben@example.com")
    world.buy(email="cem@example.com")
    world.tick()
    world.observe()
    return world


def figures(world: Watched, first: str, last: str, **how: Any) -> Any:
    wanted, by = how.get("wanted", ALL), how.get("by", Length.MONTH)
    return read.figures(world.ports, world.merchant, wanted, first, last, by)


@pytest.mark.spec("M-10")
def test_each_month_starts_where_the_one_before_ended(world: Watched) -> None:
    january, february, march = figures(world, "2026-01", "2026-03")
    assert (january.start, january.movements["new"], january.end) == (0, 5_998, 5_998)
    assert (february.start, february.end) == (5_998, 5_998)
    assert (march.start, march.movements["churn"], march.movements["new"], march.end) == (
        *(5_998, -2_999, 2_999, 5_998),
    )
    assert march.customers == {
        "start": 2,
        "new": 1,
        "returned": 0,
        "imported": 0,
        "ended": 1,
        "end": 2,
    }
    assert (march.subscriber_churn, march.gross_churn) == (Decimal("0.5000"), Decimal("0.5000"))
    assert january.gross_churn is None
    assert (march.arr, march.arpu, march.ltv) == (5_998 * 12, 2_999, None)
    assert (january.sums["revenue"], february.sums["payments"]) == (5_998, 2)


@pytest.mark.spec("M-10")
def test_days_start_where_months_do_and_end_there_too(world: Watched) -> None:
    days = figures(world, "2026-02", "2026-03", by=Length.DAY)
    months = figures(world, "2026-02", "2026-03")
    assert (days[0].start, days[-1].end) == (months[0].start, months[-1].end)
    for before, after in pairwise(days):
        assert before.end == after.start
        assert after.start + sum(after.movements.values()) == after.end


@pytest.mark.spec("M-10")
def test_products_and_countries_add_up_to_all(world: Watched) -> None:
    products = [p.id for p in world.store.catalog("acme")[0]]
    whole = figures(world, "2026-01", "2026-03")
    parts = [
        figures(world, "2026-01", "2026-03", wanted=Filter("USD", product=p, test=True))
        for p in products
    ]
    for number, month in enumerate(whole):
        assert sum(part[number].end for part in parts) == month.end
        assert sum(part[number].sums["revenue"] for part in parts) == month.sums["revenue"]
    (of_us, nowhere) = (
        figures(world, "2026-03", "2026-03", wanted=Filter("USD", country=c, test=True))
        for c in ("US", "DE")
    )
    assert (of_us[0].end, nowhere[0].end) == (whole[-1].end, 0)
    assert of_us[0].customers is None


@pytest.mark.spec("M-10")
def test_a_year_is_three_queries_whatever_was_sold(world: Watched) -> None:
    asked: list[str] = []
    spans = world.store.figure_spans

    def counted(*span: Any, **which: Any) -> Any:
        asked.append("spans")
        return spans(*span, **which)

    world.store.figure_spans = counted  # type: ignore[method-assign]
    figures(world, "2026-01", "2026-12")
    assert len(asked) == 2


@pytest.mark.spec("M-10")
def test_rows_behind_a_figure_add_up_to_it_page_by_page(world: Watched) -> None:
    (march,) = figures(world, "2026-03", "2026-03")

    def rows(figure: str, limit: int = 1) -> list[Any]:
        found: list[Any] = []
        cursor = None
        while True:
            page = read.rows_behind(
                *(world.ports, world.merchant, figure, "2026-03"),
                wanted=ALL,
                limit=limit,
                cursor=cursor,
            )
            found += [*page.orders, *page.movements]
            if page.next is None:
                return found
            cursor = page.next

    assert sum(row.minor for row in rows("mrr")) == march.end - march.start
    assert [row.minor for row in rows("churn")] == [march.movements["churn"]]
    assert sum(row.amount.amount_minor for row in rows("revenue")) == march.sums["revenue"]
    assert len(rows("customers")) == 2


@pytest.mark.spec("M-10")
def test_what_is_no_figure_or_no_period_is_refused(world: Watched) -> None:
    for figure, period, error in (("weather", "2026-03", NotFound), ("mrr", "2026-02-31", Invalid)):
        with pytest.raises(error):
            read.rows_behind(
                *(world.ports, world.merchant, figure, period), wanted=ALL, limit=1, cursor=None
            )
    with pytest.raises(Invalid):
        figures(world, "2026-03", "2026-01")
    with pytest.raises(Invalid):
        figures(world, "1990-01", "2026-01")
    for cursor in ("", "x", "2026-01-01~x~y", "2026-01-01~2026-01-01T00:00:00~y"):
        with pytest.raises(Invalid):
            read.rows_behind(
                *(world.ports, world.merchant, "mrr", "2026-03"),
                wanted=ALL,
                limit=1,
                cursor=cursor,
            )


@pytest.mark.spec("M-10")
def test_figures_as_csv_have_a_line_for_each_period(world: Watched) -> None:
    found = figures(world, "2026-01", "2026-03")
    lines = "".join(csv_figures.written(found, Currency.USD)).splitlines()
    head, *rows = [line.split(",") for line in lines]
    march = dict(zip(head, rows[-1], strict=True))
    assert [row[0] for row in rows] == ["2026-01", "2026-02", "2026-03"]
    assert (march["mrr_start"], march["mrr_churn"], march["mrr_end"]) == (
        "59.98",
        "-29.99",
        "59.98",
    )
    assert (march["gross_churn"], march["ltv"], march["customers_end"]) == ("0.5000", "", "2")


@pytest.mark.spec("M-10")
def test_a_day_later_nothing_of_the_past_has_moved(world: Watched) -> None:
    was = figures(world, "2026-01", "2026-02")
    world.now += timedelta(days=1)
    world.buy(email="dee@example.com")
    world.observe()
    assert figures(world, "2026-01", "2026-02") == was
