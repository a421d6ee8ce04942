"""Growth: what a request costs must not follow what a customer paid, or what others have.

Each figure is a ratio of two requests of the same kind, measured in turns in this process; the best
of three rounds of each counts, so that what else the machine does decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from statistics import median
from time import process_time
from typing import Any

from bench.figures import Figure, Report
from billing.catalog.flows import directory
from billing.catalog.flows.directory import Directory
from billing.customers.flows import customers
from billing.kernel.merchants import Merchant
from billing.kernel.orders import order_id
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.storage.entity_keys import key_of
from functions.portal import app as portal_app
from tests.long_payer import WEEKLY, renewed
from tests.portal.visitors import OPEN, Visitor
from tests.world import World

PAID = (20, 1_000, 10_000)
PAGE = 50
"""The payments of a full page: one with fewer is drawn sooner."""

ROUNDS, REQUESTS, WARM_UP = 3, 40, 5
PRODUCTS = (50, 500)
SAME = 1.2
"""The most that a request may cost, times the same of somebody who has a full page."""

DRAWN = PAGE / PAID[0]
"""The same against somebody with fewer payments than a page: it draws more of them."""

PAT = "pat@example.com"

Call = Callable[[], object]


def measure(report: Report) -> None:
    """Measures the pages of customers who paid ever more often, and the directory."""
    payers = {paid: payer(paid) for paid in (*PAID, PAGE)}
    _of_payments(report, payers, "portal page", portal_call)
    _of_payments(report, payers, "access", _access)
    directory_of_many(report)


def payer(paid: int) -> World:
    """Returns a world in which Pat has paid so many times, with ids that nobody else has."""
    world = World(limits=False)
    world.change_merchant(settings=OPEN)
    world.ports = replace(world.ports, new_id=_ids(world.ports.new_id))
    world.buy(world.product(WEEKLY), email=PAT)
    world.work()
    renewed(world, paid - 1, PAT)
    return world


def _ids(drawn: Callable[[str], str]) -> Callable[[str], str]:
    orders = (order_id(n * 7_919_000_000_000_000_003 + 1) for n in count(1))
    return lambda kind: next(orders) if kind == "order" else f"pat{drawn(kind)}"


def _of_payments(
    report: Report, payers: dict[int, World], name: str, call_of: Callable[[World], Call]
) -> None:
    calls = {paid: call_of(world) for paid, world in payers.items()}
    best = best_in_turns(calls)
    for paid in PAID[1:]:
        report.add(
            Figure(
                f"{name}: {paid:,} payments against {PAGE}",
                best[paid] / best[PAGE],
                "times",
                SAME,
                at_most=True,
            )
        )
    report.add(
        Figure(
            f"{name}: {PAID[-1]:,} payments against {PAID[0]}",
            best[PAID[-1]] / best[PAID[0]],
            "times",
            DRAWN,
            at_most=True,
        ),
    )


def portal_call(world: World) -> Call:
    visitor = Visitor(portal_app.build(world.ports))
    customer = world.store.customer_by_email("acme", PAT)
    assert customer is not None
    (bought,) = world.store.subscriptions_of("acme", customer)
    sale = world.store.invoice("acme", customer, f"{bought.id}.0001")
    assert sale is not None
    entered = visitor.log_in(sale.order_id, PAT)
    assert entered.status == 303, entered

    def see() -> None:
        answer = visitor.browse("GET", visitor.base)
        assert answer.status == 200, answer.body[:400]

    return see


def _access(world: World) -> Call:
    def ask() -> None:
        ports = world.ports
        assert customers.has_access(ports, "acme", PAT, "course", now=world.now)

    return ask


def directory_of_many(report: Report) -> None:
    """Measures the directory of many products by the product, and once it is kept."""
    worlds = {products: _listed(products) for products in PRODUCTS}
    read = best_in_turns({each: _directory(world) for each, world in worlds.items()}, requests=8)
    few, many = PRODUCTS
    report.add(
        Figure(
            f"directory: a product of {many} against one of {few}",
            (read[many] / many) / (read[few] / few),
            "times",
            SAME,
            at_most=True,
        )
    )
    kept = Directory(worlds[many].ports)
    kept.page(None, now=worlds[many].now)
    again = best_in_turns({0: lambda: kept.page(None, now=worlds[many].now)}, requests=200)
    report.add(
        Figure(
            f"directory of {many}: kept against read", again[0] / read[many], "times", 0.01, True
        )
    )


def _listed(products: int) -> World:
    world = World(limits=False)
    first = world.product(public_listing=True, name="Course 0")
    for n in range(1, products):
        world.store.commit(Insert(replace(first, id=f"{first.id}x{n}", name=f"Course {n}")))
    return world


def _directory(world: World) -> Call:
    return lambda: directory.listings(world.ports, now=world.now)


def beside(report: Report, crowd: World) -> None:
    """Measures the pages of a customer among the subscriptions of a crowd, against alone."""
    alone = payer(PAID[0])
    crowd.change_merchant(settings=OPEN)
    crowd.now = alone.now
    items: Any = crowd.store._items
    for partition in (alone.store._items)._partitions.values():  # type: ignore[attr-defined]
        for entity in list(partition.values()):
            if not isinstance(entity, Merchant) and items.get(key_of(entity)) is None:
                crowd.store.commit(Insert(entity))
    ports = replace(crowd.ports, gateway=alone.ports.gateway)
    crowd.ports = ports
    calls: dict[str, Callable[[World], Call]] = {
        "portal page": portal_call,
        "access": _access,
        "orders of a customer": _orders,
    }
    for name, call_of in calls.items():
        best = best_in_turns({0: call_of(alone), 1: call_of(crowd)})
        report.add(
            Figure(
                f"{name}: beside a million against alone", best[1] / best[0], "times", SAME, True
            )
        )


def _orders(world: World) -> Call:
    from billing.console.flows import transactions
    from billing.console.flows.transactions import Filter

    customer = world.store.customer_by_email("acme", PAT)
    wanted = Filter(customer=customer)

    def ask() -> None:
        found = transactions.page(
            world.ports, world.merchant, wanted, limit=50, cursor=None, now=world.now
        )
        assert len(found.data) == PAID[0]

    return ask


def best_in_turns(calls: dict[int, Call], requests: int = REQUESTS) -> dict[int, float]:
    """Returns the best of three rounds of each call, in seconds of CPU; a round's is its median."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for name, call in calls.items():
            best[name] = min(best[name], median(_times(call, requests)))
    return best


def _times(call: Call, requests: int) -> list[float]:
    times = []
    for number in range(WARM_UP + requests):
        began = process_time()
        call()
        if number >= WARM_UP:
            times.append(process_time() - began)
    return times


if __name__ == "__main__":
    measured = Report()
    measure(measured)
