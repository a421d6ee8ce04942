"""Whole flows fix the number and kind of their store calls: a regression is red, not slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pynamodb.signals import post_dynamodb_send

from billing.adapters.sqs_queue import leases_of
from billing.flows import portal, rebill
from billing.transactions import Insert
from tests.adapters.conftest import Backend
from tests.world import World


@pytest.fixture
def calls() -> Iterator[Counter[str]]:
    """Counts of operations, by PynamoDB's signal."""
    counted: Counter[str] = Counter()

    def count(_: Any, operation_name: str, **others: Any) -> None:
        counted[operation_name] += 1

    with post_dynamodb_send.connected_to(count):
        yield counted


@pytest.fixture
def world(dynamodb: Backend) -> World:
    """The world of the scenarios, its store in DynamoDB."""
    made = World(shards=1)
    made.store = dynamodb.store
    made.ports = replace(made.ports, store=made.store)
    made.store.commit(Insert(made.merchant))
    return made


def test_a_checkout(world: World, calls: Counter[str]) -> None:
    product = world.product()
    calls.clear()
    world.buy(product)
    # Eleven consistent reads: who sells what to whom, the attempt, and before each step that may
    # move money whether the merchant or the operator has stopped.
    assert calls == {
        "GetItem": 11,
        "Query": 1,
        "PutItem": 1,
        "UpdateItem": 2,
        "TransactWriteItems": 2,
    }


def test_a_batch_of_renewals_costs_calls_by_the_step_and_not_by_the_subscription(
    world: World, calls: Counter[str]
) -> None:
    product = world.product()
    for n in range(8):
        world.buy(product, email=f"ann{n}@example.com")
    world.work()
    world.now = world.now.replace(month=3, day=1)
    calls.clear()
    assert world.sweep()["enqueued"] == 8
    assert calls == {"Query": 3, "TransactWriteItems": 1}
    calls.clear()
    (body,) = world.queue.bodies
    assert rebill.charge(world.ports, leases_of(body), now=world.now)["paid"] == 8
    # Read: subscriptions, bill-tos, twice the merchant and the operator's switch; write: steps 1,
    # 2, 3 and 5.
    assert calls == {"BatchGetItem": 2, "GetItem": 4, "TransactWriteItems": 4}


def test_a_portal_page_is_one_query(world: World, calls: Counter[str]) -> None:
    bought = world.buy()
    world.advance(days=93)
    calls.clear()
    shown = portal.account(world.ports, world.merchant, bought.invoice.customer, now=world.now)
    assert len(shown.history.orders) == 4
    assert calls == {"Query": 1}
