"""Benchmarks of the rebill engine: speed, calls and write units, memory."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

from bench import engine
from bench.figures import Figure, Report, cpu_seconds, wall_seconds
from bench.pace import CALLS_PER_SECOND, LATENCY_SECONDS, paced
from bench.stubbed import stub_world
from bench.units import MeteredItems, Written, size_of
from billing.kernel import invoicing
from billing.kernel.gateways import Succeeded
from billing.kernel.taxes import BEFORE_TAX
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.rebill import charge_steps
from billing.runtime import wiring
from billing.storage import keys, store
from billing.storage.dynamo import calls as dynamo_calls
from billing.storage.dynamo import tables as dynamo_tables
from billing.storage.dynamo.calls import Calls
from billing.storage.store import ItemStore
from tests.storage import emulators
from tests.world import World

Row = tuple[str, float | str, float | str, float | str, float | str]

REGION = "us-east-1"
BATCHES = (1, 5, 25, 125, 500)
FEW_DUE, MANY_DUE = 200, 800


def in_memory(report: Report) -> None:
    """Measures renewals on the in-memory store: all CPU there is."""
    count = 5_000
    world = engine.world_of(count)
    seconds = engine.checked(world, count, cpu_seconds)
    report.add(Figure("in memory, full protocol", count / seconds, "renewals/s of CPU", 1000))


def per_batch_size(count: int = 1_000) -> Iterator[tuple[int, float]]:
    """Measures renewals per second of CPU in memory, by how many are charged at once."""
    for at_once in BATCHES:
        world = engine.world_of(count)
        yield at_once, count / cpu_seconds(partial(engine.renew, world, at_once))


def write_units(report: Report) -> None:
    """Counts each write of one renewal, of the mail about it, and of a checkout."""
    items = MeteredItems()
    world = engine.world_of(0, gateway_calls_per_second=25)
    world.store = ItemStore(items)
    world.ports = replace(world.ports, store=world.store)
    mine, bill_to = engine.copies(world.ports, 1)
    world.store.commit(Insert(world.merchant), Insert(mine), Insert(bill_to))
    items.written.clear()
    assert engine.renew(world)["paid"] == 1
    head: Row = ("write", "bytes", "table", "indexes", "units")
    rows: list[Row] = [head, *map(_row, items.written)]
    writes, total = len(items.written), _units(items)
    report.table("Write units of one renewal", [*rows, ("all", "", "", "", total)])
    report.add(Figure("write units, sweep to settled", total, "per renewal", 24, at_most=True))
    written = items.query(keys.history(mine.merchant, mine.customer))
    kept = [e for e in written if type(e).__name__ in KEPT]
    report.counted |= {
        "renewal_write_units": total,
        "renewal_writes": writes,
        "stored_bytes_per_renewal": sum(map(size_of, kept)),
    }
    _checkout_units(report)


KEPT = frozenset({"Invoice", "Order", "LedgerEntry"})


OF_ROWS = frozenset(
    {
        *("Insert PlanRow", "ConditionCheck Subscription"),
        *("Insert WordRow", "ConditionCheck Customer"),
    }
)
"""The writes of rows that lists find things by: only a purchase has them, and no renewal."""


def _units(items: MeteredItems) -> int:
    total = sum(written.units for written in items.written)
    items.written.clear()
    return total


def _checkout_units(report: Report) -> None:
    """Counts the writes of a first purchase, settled, numbered and mailed."""
    items, world = MeteredItems(), World()
    world.store = ItemStore(items)
    world.ports = replace(world.ports, store=world.store)
    world.store.commit(Insert(world.merchant))
    product = world.product()
    items.written.clear()
    world.buy(product)
    bought = _units(items)
    world.work()
    assert len(world.mailer.sent) == 1
    rows = sum(written.units for written in items.written if written.what in OF_ROWS)
    report.counted |= {
        "checkout_write_units": bought,
        "rows_write_units": rows,
        "told_write_units": _units(items) - rows,
    }
    (issued,) = world.history().documents
    report.counted["stored_bytes_per_renewal"] += size_of(issued)
    report.add(
        Figure("write units, checkout to settled", bought, "per checkout"),
        Figure("write units, rows of lists", rows, "per first purchase"),
    )


def _row(written: Written) -> Row:
    return (
        written.what,
        written.size,
        written.table_units,
        written.index_units,
        written.units,
    )


def memory(report: Report) -> None:
    """Measures peak memory of our process beside the store, for M and four times M all due."""
    peaks = {}
    gateway: Any = ForgetfulGateway()
    for count in (FEW_DUE, FEW_DUE, MANY_DUE):  # the first fills botocore's caches
        world, _ = stub_world(count, lease_seconds=16, shards=1)  # 200 to a sweep
        world.ports = replace(world.ports, gateway=lambda account: gateway)
        tracemalloc.start()
        engine.renew(world)
        peaks[count] = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    report.add(
        Figure(f"peak memory, {MANY_DUE:,} due", peaks[MANY_DUE], "MiB"),
        Figure(
            f"the same against {FEW_DUE} due",
            peaks[MANY_DUE] / peaks[FEW_DUE],
            "times",
            1.2,
            at_most=True,
        ),
    )


class ForgetfulGateway(engine.InstantGateway):
    """A gateway without a ledger, which would grow with M and is not ours."""

    def confirm(self, reference: str, method: str, **_: Any) -> Succeeded:
        return Succeeded(f"ch{reference[2:]}")


def at_the_gateways_pace(report: Report) -> None:
    """Measures a gateway that takes 25 calls a second and takes 300 ms for each."""
    busy, refused, tally = paced(250)
    assert tally["paid"] + refused >= 250
    about = f"{CALLS_PER_SECOND}/s, {LATENCY_SECONDS * 1e3:.0f} ms"
    report.add(
        Figure(f"gateway of {about}: kept busy", busy * 100, "%", 95),
        Figure("the same: rejected calls", refused, "calls", 0, at_most=True),
    )


def over_dynamodb_local(report: Report) -> None:
    """Measures renewals over a real DynamoDB that happens to be here, and a naive loop beside it.

    The loop takes one renewal at a time and protects nothing: what the machine gives today shows in
    both.
    """
    with _local() as (endpoint, name):
        if endpoint is None:
            report.leave_out("renewals over DynamoDB Local", name)
            return
        count = 250
        rate = count / engine.checked(_local_world(endpoint, count), count, wall_seconds)
        plain = _local_world(endpoint, 100)
        plain_rate = 100 / wall_seconds(lambda: _one_transaction_each(plain, 100))
        goal = 400.0 if name == "DynamoDB Local" else None
        report.add(
            Figure(f"over {name}", rate, "renewals/s", goal),
            Figure("a plain loop beside it, one transaction each", plain_rate, "renewals/s"),
        )


def _one_transaction_each(world: World, count: int) -> None:
    """Runs the naive loop: read a subscription, charge, write its payment in one transaction.

    A payment's transaction has 5 writes.
    """
    for number in range(count):
        mine, bill_to = engine.copies(world.ports, number)
        (read,) = world.store.subscriptions([(mine.merchant, mine.customer, mine.id)])
        assert read is not None
        drawn = invoicing.following(
            read,
            bill_to.bill_to,
            order_id=world.ports.new_id("order"),
            download_key=world.ports.new_id("key"),
            now=world.now,
            minimum_minor=1,
            taxes=BEFORE_TAX,
        )
        _, change, *rest = charge_steps.settle_paid(read, drawn, Succeeded("ch_1"), world.now, 0)
        world.store.commit(Insert(drawn.paid(world.now, "ch_1")), change, *rest)


@contextmanager
def _local() -> Iterator[tuple[str | None, str]]:
    if folder := emulators.dynamodb_local():
        with emulators.running_dynamodb_local(folder) as endpoint:
            yield endpoint, "DynamoDB Local"
    elif program := emulators.ministack():
        with emulators.running_ministack(program) as endpoint:
            yield endpoint, "ministack (DynamoDB Local is not here)"
    else:
        yield None, "neither it nor ministack is here"


def _local_world(endpoint: str, count: int) -> World:
    table = f"core-{uuid4().hex}"
    dynamo_tables.named(dynamo_tables.Core, table, region=REGION, host=endpoint).create_table(
        wait=False
    )
    calls: Calls = dynamo_calls.connect(os.urandom, region=REGION, endpoint=endpoint)
    world = engine.world_of(0)
    world.store = store.on_dynamodb(table, calls)
    world.ports = replace(world.ports, store=world.store, each=wiring.one_by_one)
    world.store.commit(Insert(world.merchant))
    pairs = [engine.copies(world.ports, number) for number in range(count)]
    world.store.commit_each([tuple(map(Insert, pair)) for pair in pairs])
    return world
