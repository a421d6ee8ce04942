"""A gateway that takes no more for now: nothing is burnt, and the worker slows down (R-1, W-1)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.aws.sqs_queue import leases_of
from billing.kernel.due import DueKind
from billing.kernel.errors import RateLimited
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateways import Outcome
from billing.kernel.values import replace
from tests.world import MONTHLY, World


class Busy:
    """The sandbox, which refuses calls of one kind unread while `refusing` is true."""

    def __init__(self, gateway: Gateway, call: str) -> None:
        self._gateway, self._call = gateway, call
        self.refusing = False

    def __getattr__(self, name: str) -> object:
        if self.refusing and name == self._call:
            return self._refused
        return getattr(self._gateway, name)

    @staticmethod
    def _refused(*_: object, **__: object) -> Outcome:
        raise RateLimited("429")


def busy_at(world: World, call: str) -> Busy:
    busy = Busy(world.sandbox, call)
    world.ports = replace(world.ports, gateway=lambda account: busy)  # type: ignore[arg-type,return-value]
    return busy


@pytest.mark.spec("R-1", "R-4", "W-1")
@pytest.mark.parametrize("call", ["prepare", "confirm"])
def test_what_a_gateway_refuses_unread_comes_back_with_its_lease_and_burns_no_attempt(
    call: str,
) -> None:
    world = World(gateway_calls_per_second=1, shards=1)
    busy = busy_at(world, call)
    product = world.product(MONTHLY)
    for number in range(12):
        world.buy(product, email=f"{number}@example.com")
    world.advance(days=27)
    world.now += timedelta(days=4)
    world.sweep()
    busy.refusing = True
    tally = world.work()
    assert (tally["rate_limited"], tally["left"], tally["paid"]) == (5, 7, 0)
    busy.refusing = False
    world.advance(hours=1)
    assert len(world.charges()) == 24
    for number in range(12):
        (_, renewal) = world.history(f"{number}@example.com").invoices
        assert renewal.attempt == 1


@pytest.mark.spec("C-2", "C-4")
def test_a_buyer_is_told_to_wait_while_the_gateway_takes_no_more() -> None:
    world = World()
    busy = busy_at(world, "confirm")
    product, form = world.product(MONTHLY), world.submission()
    busy.refusing = True
    assert world.submit(product.default_price_point, form).state == "open"
    busy.refusing = False
    assert world.submit(product.default_price_point, form).state == "paid"
    assert len(world.charges()) == 1


@pytest.mark.spec("B-9")
def test_a_removed_card_is_gone_here_when_its_gateway_cannot_be_told() -> None:
    from billing.cards.flows import cards
    from billing.kernel.gateways import AccountRef

    world = World()
    busy = busy_at(world, "forget")
    world.buy()
    account = AccountRef("acme", "sandbox", "sandbox")
    customer = world.history().customer
    assert customer is not None
    added = {"account": account, "attempt_key": "k", "now": world.now}
    cards.add(world.ports, "acme", customer.id, token="pm_card_mastercard", **added)  # type: ignore[arg-type]
    busy.refusing = True
    cards.remove(world.ports, "acme", customer.id, customer.default_method or "", now=world.now)
    assert [m.last4 for m in world.history().methods] == ["4444"]


@pytest.mark.spec("R-1")
def test_no_more_waits_on_the_queue_than_the_gateway_takes_within_a_lease() -> None:
    world = World(gateway_calls_per_second=1, lease_seconds=20, shards=2)  # ten renewals
    product = world.product(MONTHLY)
    for number in range(25):
        world.buy(product, email=f"{number}@example.com")
    world.now += timedelta(days=28)
    assert world.sweep()["enqueued"] == 10
    world.now += timedelta(minutes=1)  # the leases are over, but the messages wait
    assert world.sweep()["enqueued"] == 0
    assert world.queue.waiting() == 10
    for _ in range(5):
        world.now += timedelta(minutes=1)
        world.sweep()
        assert world.queue.waiting() <= 10
        world.work()
    assert len(world.charges()) == 50


@pytest.mark.spec("R-1")
def test_buyers_who_wait_are_not_kept_behind_a_wall_of_renewals() -> None:
    world = World(gateway_calls_per_second=1, lease_seconds=20, shards=1)
    product = world.product(MONTHLY)
    for number in range(12):
        world.buy(product, email=f"{number}@example.com")
    world.now += timedelta(days=28)
    world.sweep()
    busy = busy_at(world, "confirm")
    busy.refusing = True
    world.submit(product.default_price_point, world.submission("late@example.com"))
    busy.refusing = False
    world.now += timedelta(minutes=3)
    assert world.queue.waiting() == 10
    assert world.sweep()["enqueued"] == 1
    assert {lease.kind for lease in leases_of(world.queue.bodies[-1])} == {DueKind.CHECKOUT}
