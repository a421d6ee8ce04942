"""Whole flows fix the number and kind of their store calls: a regression is red, not slow."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from billing.aws.sqs_queue import leases_of
from billing.catalog.flows import directory
from billing.console.flows import transactions
from billing.console.flows.transactions import Filter
from billing.customers.flows import customer_view
from billing.gateway_events.flows import webhook
from billing.kernel.errors import Unreachable
from billing.kernel.gateways import SANDBOX, AccountRef, GatewayEvent
from billing.kernel.subscription import State, When
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.outbox.flows import deliver
from billing.rebill.flows import charge
from tests.storage.conftest import Backend
from tests.world import World


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
    # Read: what is sold, the attempt, whose email it is, and twice whether the seller or the
    # operator has stopped: before the attempt begins, and before money may move.
    assert calls == {
        "GetItem": 3,
        "BatchGetItem": 2,
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
    assert charge.charge(world.ports, leases_of(body), now=world.now)["paid"] == 8
    # Read: subscriptions, bill-tos, the merchant and the operator's switch, and both together once
    # more before money moves; write: steps 1 to 3 at once, and step 5.
    assert calls == {"BatchGetItem": 3, "GetItem": 2, "TransactWriteItems": 2}


def test_the_directory_reads_each_kind_at_once(world: World, calls: Counter[str]) -> None:
    for n in range(120):
        world.product(name=f"Course {n}", public_listing=True)
    calls.clear()
    assert len(directory.listings(world.ports, now=world.now).data) == 120
    # The index; products and price points, a hundred at a time; the merchants and the switch.
    assert calls == {"Query": 1, "BatchGetItem": 5}


def test_a_portal_page_costs_the_same_however_much_was_paid(
    world: World, calls: Counter[str]
) -> None:
    bought = world.buy()
    world.advance(days=93)
    calls.clear()
    shown = customer_view.account(
        world.ports, world.merchant, bought.invoice.customer, now=world.now
    )
    # Read: cards, subscriptions; the customer with what is open.
    assert calls == {"Query": 2, "BatchGetItem": 1}
    calls.clear()
    page = customer_view.payments(world.ports, shown, cursor=None, now=world.now)
    assert len(page.purchases[0].entries) == 4
    # Read: fifty orders, and their invoices; products where customers may ask for money back.
    assert calls == {"Query": 1, "BatchGetItem": 1}


def test_a_sweep_with_nothing_due_asks_each_shard_once(world: World, calls: Counter[str]) -> None:
    world.buy()
    calls.clear()
    assert world.sweep()["due"] == 0
    assert calls == {"Query": 3}


@pytest.fixture
def events(world: World) -> list[GatewayEvent]:
    """Returns the gateway's events of a renewal that was charged, and whose worker then died."""
    world.buy()
    world.now += timedelta(days=28)
    world.sweep()
    confirm = world.sandbox.confirm

    def unheard(*args: Any, **named: Any) -> Any:
        confirm(*args, **named)
        raise Unreachable("nobody hears it")

    world.sandbox.confirm = unheard  # type: ignore[method-assign]
    assert world.work()["unknown"] == 1
    world.sandbox.confirm = confirm  # type: ignore[method-assign]
    return list(world.sandbox.events_since(world.now))


def test_a_webhook_that_settles_and_the_same_again(
    world: World, events: list[GatewayEvent], calls: Counter[str]
) -> None:
    account = AccountRef("acme", SANDBOX, SANDBOX)
    (event,) = events
    calls.clear()
    assert webhook.take(world.ports, world.merchant, account, event, now=world.now) == {"paid": 1}
    # Read: the pointer, the invoice and the subscription; write: step 5.
    assert calls == {"GetItem": 3, "TransactWriteItems": 1}
    calls.clear()
    assert webhook.take(world.ports, world.merchant, account, event, now=world.now) == {
        "repeated": 1
    }
    assert calls == {"GetItem": 1}  # its id stands on the pointer


def test_a_cancellation(world: World, calls: Counter[str]) -> None:
    world.buy()
    calls.clear()
    assert world.cancel(When.NOW).subscription.state is State.CANCELLED
    # Of which the test itself asks whose email it is, and for the history.
    assert calls == {"GetItem": 1, "Query": 1, "BatchGetItem": 1, "TransactWriteItems": 1}


def test_a_page_of_orders_is_a_query_of_the_index_and_one_read_of_many(
    world: World, calls: Counter[str]
) -> None:
    for number in range(3):
        world.buy(email=f"ann{number}@example.com")
    calls.clear()
    found = transactions.page(
        world.ports, world.merchant, Filter(), limit=3, cursor=None, now=world.now
    )
    assert len(found.data) == 3
    assert calls == {"Query": 1, "BatchGetItem": 1}


def test_a_receipt_and_the_mail_of_a_cancellation(world: World, calls: Counter[str]) -> None:
    world.buy()
    world.work()
    world.now += timedelta(days=28)
    world.sweep()
    (body,) = world.queue.bodies
    charge.charge(world.ports, leases_of(body), now=world.now)
    later = world.now + timedelta(minutes=3)
    calls.clear()
    assert deliver.sweep(world.ports, now=later) == {"told": 1}
    # Read: the merchant, the invoice, its counter, the customer, the subscription, the card, the
    # document as it was issued, and whether the address takes mail; write: the claim, the number
    # with the document, and that it is told.
    assert calls == {"GetItem": 8, "Query": 1, "TransactWriteItems": 2, "UpdateItem": 1}
    world.cancel(When.NOW)
    calls.clear()
    assert deliver.sweep(world.ports, now=later) == {"told": 1}
    # Read: the merchant, the subscription, the customer, where its buyer lives, and whether the
    # address takes mail.
    assert calls == {
        "GetItem": 4,
        "BatchGetItem": 1,
        "Query": 1,
        "TransactWriteItems": 1,
        "UpdateItem": 1,
    }
