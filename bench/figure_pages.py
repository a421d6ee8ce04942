"""Pages of figures: what they cost must not follow how many orders a merchant has (M-10).

Two years of sums are stored, as the stream makes them of so many orders, and read by the console's
pages. A page's CPU is that of this process with a store in memory; reading the rows from their
items is beside it. What figures cost is counted in write units of real renewals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import product as each_of
from statistics import median
from time import process_time
from typing import Any, NamedTuple

from bench import cost
from bench.figures import Figure, Report
from bench.growth import PAGE, Call, payer, portal_call
from bench.units import units_of
from billing.figures.flows import count_months
from billing.figures.periods import months_between
from billing.figures.sums import FigureBook, FigureSums, ZoneSince, month_of
from billing.kernel.money import Currency
from billing.kernel.orders import Order
from billing.kernel.values import replace
from billing.kernel.writes import Insert, Transaction
from billing.storage.dynamo.items import entity_of
from billing.storage.dynamo.writes import item_of
from tests.figures.watched import Watched
from tests.web.shop import Shop, signed_in
from tests.world import World

ORDERS = (1_000, 100_000, 1_000_000)
DAYS = 730
COUNTRIES = ("US", "DE", "FR", "GB", "JP")
REQUESTS, WARM_UP, ROUNDS = 30, 3, 3
GOAL_MS = 10
SAME = 1.2
BATCHES = (1, 10, 100)
RENEWALS = 100
LABELS = {
    "TRIALS": ("trial_begun", "trial_ended", "trial_paid"),
    "RECOVERY": ("failure_begun:card_declined", "failure_paid:card_declined:2"),
    "REASONS": ("cancel_asked:too_expensive:customer", "cancelled:too_expensive:customer"),
}
"""The labels of the rows of each series."""

PAGES = {
    "overview": "/console/figures",
    "a figure": "/console/figures/mrr",
    "of a product": "/console/figures?product=prod_1",
    "of a country": "/console/figures?country=DE",
    "of both": "/console/figures?product=prod_1&country=DE",
    "revenue of a country": "/console/figures/revenue?country=DE",
    "cohorts": "/console/figures/cohorts",
    "cohorts of a product": "/console/figures/cohorts?product=prod_1",
    "cohorts of a country": "/console/figures/cohorts?country=DE",
    "trials of a country": "/console/figures/trials?country=DE",
    "recovery of a country": "/console/figures/recovery?country=DE",
    "reasons of a country": "/console/figures/reasons?country=DE",
}


def measure(report: Report) -> None:
    """Measures the pages in turns with the portal's, and counts the writes of the stream."""
    sellers = {orders: _seller(orders) for orders in ORDERS}
    calls: dict[tuple[str, int], Call] = {
        (name, orders): _page(client, path)
        for name, path in PAGES.items()
        for orders, (_, client) in sellers.items()
    }
    before = _seller(ORDERS[-1], is_counted=False)
    calls["overview without totals", ORDERS[-1]] = _page(before.client, PAGES["overview"])
    calls["portal page", PAGE] = portal_call(payer(PAGE))
    spent = _in_turns(calls)
    for (name, of), seconds in spent.items():
        goal = GOAL_MS if name in PAGES else None
        what = "payments" if name == "portal page" else "orders"
        report.add(Figure(f"{name}, {of:,} {what}, CPU p50", seconds * 1e3, "ms", goal, True))
    for name in PAGES:
        times = spent[name, ORDERS[-1]] / spent[name, ORDERS[1]]
        report.add(
            Figure(
                f"figures, {name}: {ORDERS[-1]:,} against {ORDERS[1]:,}", times, "times", SAME, True
            )
        )
    for seller, name, path in (
        *((sellers[ORDERS[-1]], name, path) for name, path in PAGES.items()),
        (before, "overview without totals", PAGES["overview"]),
    ):
        count, seconds = _decoded(seller, path)
        report.add(
            Figure(f"{name}: items of figures", count, "items"),
            Figure(f"{name}: these from their items", seconds * 1e3, "ms"),
        )
    write_units(report)


def _page(client: Any, path: str) -> Call:
    def see() -> None:
        answer = client.browse("GET", path)
        assert answer.status == 200, answer.body[:300]

    return see


def _in_turns(calls: dict[tuple[str, int], Call]) -> dict[tuple[str, int], float]:
    """Returns the least of the medians of some rounds, in seconds of CPU."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for key, call in calls.items():
            for _ in range(WARM_UP):
                call()
            spent = []
            for _ in range(REQUESTS):
                began = process_time()
                call()
                spent.append(process_time() - began)
            best[key] = min(best[key], median(spent))
    return best


class Seller(NamedTuple):
    """A merchant's world, and a browser that is signed in to the console."""

    world: World
    client: Any


def _seller(orders: int, *, is_counted: bool = True) -> Seller:
    """Returns a browser of a merchant with the sums of so many orders, with the totals of months
    or from before there were any."""
    world = World(limits=False)
    shop = Shop(world)
    products = [world.product().id for _ in range(3)]
    world.store.commit(
        Insert(FigureBook("acme", world.now - timedelta(days=DAYS), (ZoneSince(world.now, "UTC"),)))
    )
    for row in rows_of(orders, products, world.now.date()):
        world.store.commit(Insert(row))
    for row in series_of(orders, products, world.now.date()):
        world.store.commit(Insert(row))
    if is_counted:
        _count(world)
    return Seller(world, signed_in(shop))


def _count(world: World) -> None:
    """Counts all months, as the nights after a deployment do."""
    merchant = replace(world.merchant, created_at=world.now - timedelta(days=DAYS))
    (book,) = world.store.figure_books([merchant.id])
    assert book is not None
    for _ in range(DAYS // 28 // count_months.A_NIGHT_MOST + 1):
        count_months.count_some(world.ports, merchant, book, world.now, lambda: True)


def rows_of(orders: int, products: Sequence[str], today: date) -> Iterator[FigureSums]:
    """Yields the rows of two years, with so many orders spread over days, products, countries and
    shards."""
    first, shards = today - timedelta(days=DAYS), 4
    parts = [(product, country) for product in products for country in COUNTRIES]
    seen: dict[tuple[Any, ...], FigureSums] = {}
    for n in range(min(orders, DAYS * len(parts) * shards)):
        many = max(1, orders // (DAYS * len(parts) * shards))
        day = first + timedelta(days=n * DAYS // min(orders, DAYS * len(parts) * shards))
        product, country = parts[n % len(parts)]
        for part in ("", product):
            for span in (day.isoformat(), month_of(day)):
                row = FigureSums(
                    *("acme", span, Currency.USD, n // len(parts) % shards, True),
                    product=part,
                    country=country if part else "",
                )
                row = seen.get(row.place, row)
                seen[row.place] = row.plus(_amounts(many, is_day=len(span) > len("2026-01")))
    return iter(seen.values())


def series_of(orders: int, products: Sequence[str], today: date) -> Iterator[FigureSums]:
    """Yields the rows of two years that follow cohorts, trials, failed payments and ends."""
    months = months_between(month_of(today - timedelta(days=DAYS)), month_of(today))
    parts = [("", ""), *((product, country) for product in products for country in COUNTRIES)]
    shards = 4 if orders >= ORDERS[1] else 1
    for span, (product, country), shard in each_of(months, parts, range(shards)):
        row = FigureSums(
            *("acme", span, Currency.USD, shard, True), product=product, country=country
        )
        for cohort in months[: months.index(span) + 1]:
            yield replace(
                row, series="RETENTION", cohort=cohort, new=2_999, customers_new=1, churn=-99
            )
        for series, labels in LABELS.items():
            cohort = "" if series == "REASONS" else span
            for label in labels:
                yield replace(
                    row, series=series, cohort=cohort, label=label, cases=orders, cases_minor=orders
                )


def _amounts(many: int, *, is_day: bool) -> dict[str, int]:
    moved = {"new": 2_999 * many, "customers_new": many}
    return moved | {"payments": many, "revenue": 2_999 * many} if is_day else moved


def _decoded(seller: Seller, path: str) -> tuple[int, float]:
    """Returns how many items of figures a page reads, and the seconds that reading these takes."""
    items: Any = seller.world.store._items
    query, found = items.query, list[Any]()

    def noted(partition: Any, **options: Any) -> list[Any]:
        answer: list[Any] = query(partition, **options)
        if partition.pk.endswith("#FIGURES"):
            found.extend(item_of(each, "0" * 22) for each in answer)
        return answer

    items.query = noted
    _page(seller.client, path)()
    items.query = query
    began = process_time()
    for item in found:
        entity_of(item)
    return len(found), process_time() - began


def write_units(report: Report) -> None:
    """Counts what the stream's renewals write into figures, by the size of the batch."""
    price = cost.prices()["dynamodb_write_unit"]
    for size in BATCHES:
        each = units_per_renewal(size)
        dollars = each * 1e6 * price
        report.add(
            Figure(f"figures, batches of {size} renewals", each, "write units per renewal"),
            Figure(f"figures, a million in batches of {size}", dollars, "dollars"),
        )


def units_per_renewal(size: int) -> float:
    """Returns the write units of figures for a renewal of a hundred on one day, in such batches."""
    world = Watched(limits=False)
    product = world.product()
    for n in range(RENEWALS):
        world.buy(product, email=f"buyer{n}@example.com")
    world.advance(days=20)
    world.observe()
    world.advance(days=15)
    first, world.read = world.read, len(world.records)
    records = [each for each in world.records[first:] if isinstance(each.after, Order)]
    assert len(records) == RENEWALS, len(records)
    world.now = records[-1].at  # the stream brings them at once
    items: Any = world.store._items
    write, units = items.write, [0.0]

    def metered(transaction: Transaction) -> None:
        write(transaction)
        for each in units_of(transaction):
            alone = 1 if len(transaction) == 1 else 0  # by itself it costs half
            units[0] += (each.table_units >> alone) + each.index_units

    items.write = metered
    for start in range(0, RENEWALS, size):
        world.observe(records[start : start + size])
    return units[0] / RENEWALS


if __name__ == "__main__":
    measure(Report())
