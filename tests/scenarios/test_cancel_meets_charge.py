"""A request to end meets a charge under way, and events come between: one order of events (X-6)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from billing.aws.sqs_queue import leases_of
from billing.cancel.flows.cancel import Result
from billing.gateway_events.flows import webhook
from billing.kernel.catalog import Initial
from billing.kernel.gateways import SANDBOX, AccountRef
from billing.kernel.invoices import InvoiceState
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Span, Unit
from billing.kernel.subscription import State, When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.plans.flows import change_plan
from billing.plans.flows.change_plan import When as PlanWhen
from billing.rebill.flows import charge
from tests.world import MONTHLY, START, World

ACME = AccountRef("acme", SANDBOX, SANDBOX)
TRIAL = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
GOLD = replace(MONTHLY, price=Money(4999, Currency.USD))
UNPAID = ["pm_card_chargeCustomerFail", "pm_card_authenticationRequired"]

pytestmark = pytest.mark.spec("X-6")


@pytest.fixture
def world() -> World:
    return World(limits=False)


@contextmanager
def unheard(world: World) -> Iterator[None]:
    """The gateway's answers to confirmations are lost."""
    real = world.sandbox.confirm

    def lost(*args: Any, **kwargs: Any) -> Any:
        world.sandbox.faults.arm("timeout_after", 1)
        return real(*args, **kwargs)

    world.sandbox.confirm = lost  # type: ignore[method-assign]
    yield
    world.sandbox.confirm = real  # type: ignore[method-assign]
    assert world.history().invoices[-1].state is InvoiceState.CONFIRMING


def renewing_unheard(world: World) -> None:
    world.now = world.subscription().due_at or world.now
    world.sweep()
    with unheard(world):
        world.work()


def ask_to_end(world: World, when: When) -> None:
    """Asked for, while the gateway cannot be reached to withdraw the payment."""
    world.now += timedelta(seconds=1)
    world.sandbox.faults.arm("unavailable", 1)
    assert world.cancel(when).result is Result.CHARGE_UNDER_WAY


def deliver_everything(world: World) -> None:
    for event in world.sandbox.events_since(START - timedelta(days=1)):
        webhook.take(world.ports, world.merchant, ACME, event, now=world.now)


def succeeded(world: World) -> list[int]:
    return [c["amount"]["amount"] for c in world.charges() if c["status"] == "succeeded"]


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize("card", UNPAID)
def test_an_event_about_an_unpaid_attempt_does_not_put_off_the_end(
    world: World, card: str, when: When
) -> None:
    world.buy(world.product(TRIAL), payment_method=card)
    renewing_unheard(world)
    ask_to_end(world, when)
    deliver_everything(world)
    world.advance(minutes=5)
    assert world.subscription().state is State.CANCELLED
    invoice = world.history().invoices[-1]
    assert invoice.state is InvoiceState.VOID
    world.sandbox.authenticate(str(invoice.gateway_ref), succeeded=True)
    world.advance(days=60)
    assert succeeded(world) == []


@pytest.mark.parametrize("card", UNPAID)
def test_nor_does_it_where_a_change_of_plan_was_being_paid(world: World, card: str) -> None:
    product = world.product(MONTHLY, GOLD)
    world.buy(product)
    before, method = world.subscription(), replace(world.history().methods[0], id=f"{card}:saved")
    world.store.commit(Insert(method), Change(before, replace(before, payment_method=method.id)))
    world.now += timedelta(days=3)
    gold = product.price_points[1]
    with unheard(world):
        change_plan.change(
            world.ports,
            world.subscription(),
            gold,
            PlanWhen.NOW,
            now=world.now,
        )
    ask_to_end(world, When.NOW)
    deliver_everything(world)
    world.advance(minutes=5)
    assert world.subscription().state is State.CANCELLED
    world.advance(days=60)
    assert succeeded(world) == [2999]


@pytest.mark.spec("X-2")
def test_now_overrides_a_request_for_the_periods_end_that_waits_for_a_charge(world: World) -> None:
    world.buy()
    renewing_unheard(world)
    ask_to_end(world, When.PERIOD_END)
    ask_to_end(world, When.NOW)
    ask_to_end(world, When.PERIOD_END)  # And not the other way round.
    world.advance(minutes=5)
    assert world.subscription().state is State.CANCELLED
    assert succeeded(world) == [2999, 2999], "the charge came first"


@pytest.mark.spec("R-1", "W-1")
def test_a_worker_that_reads_across_a_settle_leaves_what_is_settled(world: World) -> None:
    world.buy()
    renewing_unheard(world)
    world.now = world.subscription().due_at or world.now
    world.sweep()
    (body,) = world.queue.bodies
    real = world.store.invoices

    def settled_meanwhile(keys: Any) -> Any:
        deliver_everything(world)
        return real(keys)

    world.store.invoices = settled_meanwhile  # type: ignore[method-assign]
    assert charge.charge(world.ports, leases_of(body), now=world.now)["stale"] == 1
    assert world.history().invoices[-1].state is InvoiceState.PAID
    assert succeeded(world) == [2999, 2999]
