"""Failures of our own code hold nothing else up, and are parked for a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.aws.sqs_queue import leases_of
from billing.checkout.flows import expire
from billing.kernel.due import DueKind
from billing.kernel.errors import NotFound, Unreachable
from billing.kernel.operation import ProcessingFailure
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.outbox.flows import deliver
from billing.rebill.flows import attention, worker
from tests.world import World


@pytest.fixture
def world() -> World:
    return World()


def paid(world: World) -> int:
    return sum(charge["status"] == "succeeded" for charge in world.charges())


class Broken:
    """A gateway adapter with a bug over one payment."""

    def __init__(self, world: World, invoice: str) -> None:
        self.confirm = world.sandbox.confirm
        self.invoice = invoice

    def __call__(self, reference: str, method: str, **kwargs: Any) -> Any:
        if kwargs["key"].startswith(self.invoice):
            raise KeyError("what the gateway calls it")
        return self.confirm(reference, method, **kwargs)


@pytest.mark.spec("R-1", "R-9")
def test_one_subscription_that_our_code_breaks_on_holds_up_no_other_and_is_parked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = world.product()
    for n in range(3):
        world.buy(product, email=f"c{n}@example.com")
    broken = world.subscription("c1@example.com")
    monkeypatch.setattr(world.sandbox, "confirm", Broken(world, broken.id))
    world.now += timedelta(days=28)
    for times in range(1, 6):
        world.sweep()
        waiting = [lease for body in world.queue.bodies for lease in leases_of(body)]
        world.queue.bodies.clear()
        with pytest.raises(KeyError):
            worker.take(world.ports, waiting, now=world.now)
        (trouble,) = world.store.failures("acme")
        assert (trouble.times, trouble.error) == (times, "KeyError")
        assert len(attention.parked(world.ports, world.merchant, now=world.now)) == (times == 5)
        world.now += timedelta(minutes=16)
    assert paid(world) == 3 + 2
    (matter,) = attention.parked(world.ports, world.merchant, now=world.now)
    assert (matter.subscription.id, matter.reason) == (broken.id, "failed")
    monkeypatch.undo()
    world.advance(hours=3)
    assert paid(world) == 3 + 3
    assert attention.parked(world.ports, world.merchant, now=world.now) == []


@pytest.mark.spec("R-1", "R-9")
def test_a_payment_that_its_gateway_does_not_know_holds_up_no_other_and_is_parked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a restored copy, whose sandbox has other books."""
    product, lookup = world.product(), world.sandbox.lookup
    for n in range(3):
        world.buy(product, email=f"c{n}@example.com")
    unknown = world.subscription("c1@example.com").id
    monkeypatch.setattr(world.sandbox, "confirm", lost(world, unknown))

    def forgotten(reference: str, *, attempt_key: str) -> Any:
        if attempt_key.startswith(unknown):
            raise NotFound("payment_unknown")
        return lookup(reference, attempt_key=attempt_key)

    monkeypatch.setattr(world.sandbox, "lookup", forgotten)
    world.now += timedelta(days=28)
    world.tick()
    for n in (3, 4):
        world.buy(product, email=f"c{n}@example.com")
    world.now += timedelta(days=31)
    for _ in range(5):
        world.sweep()
        waiting = [each for body in world.queue.bodies for each in leases_of(body)]
        world.queue.bodies.clear()
        with pytest.raises(NotFound):
            worker.take(world.ports, waiting, now=world.now)
        world.now += timedelta(minutes=16)
    assert paid(world) == 3 + 2 + 2 + 4
    (matter,) = attention.parked(world.ports, world.merchant, now=world.now)
    assert matter.subscription.id == unknown


def lost(world: World, subscription: str) -> Any:
    """Confirmations of one subscription are never heard of."""
    confirm = world.sandbox.confirm

    def confirmed(reference: str, method: str, **kwargs: Any) -> Any:
        if kwargs["key"].startswith(subscription):
            raise Unreachable("lost")
        return confirm(reference, method, **kwargs)

    return confirmed


@pytest.mark.spec("W-6", "R-1")
def test_an_attempt_whose_account_is_gone_holds_up_no_other(
    world: World,
) -> None:
    product = world.product()
    for n in range(2):
        waits = {"payment_method": "pm_card_authenticationRequired", "email": f"c{n}@example.com"}
        world.submit(product.default_price_point, world.submission(**waits))
        world.now += timedelta(seconds=1)
    world.now += timedelta(hours=2)
    found = [
        due
        for shard in range(world.ports.operation.shards)
        for due in world.store.due(DueKind.CHECKOUT, shard, world.now, 9)
    ]
    assert len(found) == 2
    first = world.store.checkout(*found[0].owner)
    assert first is not None
    elsewhere = replace(first.invoice, gateway="stripe", gateway_account="acct_gone")
    world.store.commit(Change(first, replace(first, invoice=elsewhere)))
    tally = expire.expire_abandoned(world.ports, found, now=world.now)
    assert tally == {"account_gone": 1, "checkout_abandoned": 1}


@pytest.mark.spec("R-8", "R-9")
def test_an_event_that_our_code_breaks_on_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = world.product()
    for n in range(4):
        world.buy(product, email=f"c{n}@example.com")
    send = world.mailer.send

    def broken(message: Any, *, now: Any) -> None:
        if message["To"] == "c0@example.com":
            raise KeyError("what this mail lacks")
        send(message, now=now)

    monkeypatch.setattr(world.mailer, "send", broken)
    with pytest.raises(KeyError):
        deliver.sweep(world.ports, now=world.now + timedelta(minutes=3))
    told = sorted(str(message["To"]) for message in world.mailer.sent)
    assert told == ["c1@example.com", "c2@example.com", "c3@example.com"]
    monkeypatch.undo()
    assert deliver.sweep(world.ports, now=world.now + timedelta(minutes=9)) == {"told": 1}


@pytest.mark.spec("R-9")
def test_what_failed_long_ago_begins_to_count_anew(world: World) -> None:
    before = ProcessingFailure(
        "acme", DueKind.BILL, ("acme", "c", "s"), "E", world.now, world.now, 4
    )
    soon = before.again("E", world.now + timedelta(minutes=20))
    assert (soon.times, soon.is_parked(world.now + timedelta(hours=1))) == (5, True)
    assert not soon.is_parked(world.now + timedelta(hours=3))
    anew = soon.again("F", world.now + timedelta(days=2))
    assert (anew.times, anew.error, anew.first_at) == (1, "F", world.now + timedelta(days=2))


def test_an_outage_of_the_world_is_not_counted_as_our_own_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.buy()
    world.now += timedelta(days=28)
    world.sweep()

    def throttled(*args: Any, **kwargs: Any) -> Any:
        raise Unreachable("throttled")

    monkeypatch.setattr(type(world.store), "bill_tos", throttled)
    (body,) = world.queue.bodies
    with pytest.raises(Unreachable):
        worker.take(world.ports, leases_of(body), now=world.now)
    assert world.store.failures("acme") == []
