"""An operator stops charges, one merchant or all, and lets them go again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.gateway_events.flows import buyer_return
from billing.kernel.catalog import Initial
from billing.kernel.errors import Conflict, Refused
from billing.kernel.invoices import InvoiceState
from billing.kernel.periods import Span, Unit
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.operations.web import operator
from billing.rebill.flows import missed
from tests.world import MONTHLY, World, meanwhile


@pytest.fixture
def world() -> World:
    return World()


def operate(world: World, do: str, **fields: Any) -> dict[str, Any]:
    return meanwhile(lambda: operator.answer(world.ports, {"do": do, **fields}))


def paid(world: World) -> int:
    return sum(charge["status"] == "succeeded" for charge in world.charges())


@pytest.mark.spec("R-3")
def test_the_switch_stops_every_charge_without_a_deployment_and_what_was_missed_is_caught_up(
    world: World,
) -> None:
    world.buy()
    assert operate(world, "pause", reason="wrong tax table")["billing_paused"] is True
    tally = world.advance(days=30)
    assert paid(world) == 1
    assert tally["held_billing_paused"] > 0
    assert operate(world, "standing") == {
        "billing_paused": True,
        "paused_at_deploy": False,
        "reason": "wrong tax table",
    }
    assert operate(world, "resume", reason="mended")["billing_paused"] is False
    world.advance(hours=1)
    assert paid(world) == 2


@pytest.mark.spec("R-3")
def test_the_switch_turned_while_a_worker_is_at_work_is_heeded_at_the_point_of_no_return(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.buy()
    world.now += timedelta(days=28)
    prepare = world.sandbox.prepare

    def prepared_meanwhile(*args: Any, **kwargs: Any) -> Any:
        operate(world, "pause", reason="now")
        return prepare(*args, **kwargs)

    monkeypatch.setattr(world.sandbox, "prepare", prepared_meanwhile)
    world.sweep()
    assert world.work()["held_billing_paused"] == 1
    assert paid(world) == 1


@pytest.mark.spec("R-3", "W-5")
def test_nor_does_a_buyer_at_their_bank_charge_what_may_not_be_charged_now(world: World) -> None:
    trial = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    world.buy(world.product(trial), payment_method="pm_card_authenticationRequired")
    world.advance(days=15)
    waiting = world.history().invoices[-1]
    assert waiting.state is InvoiceState.ACTION_REQUIRED

    def code() -> str | None:
        try:
            buyer_return.with_buyer(
                world.ports, waiting, return_url="https://x.example", now=world.now
            )
        except Refused as refused:
            return refused.code
        return None

    operate(world, "pause", reason="wrong tax table")
    assert code() == "billing_paused"
    operate(world, "resume", reason="mended")
    world.change_merchant(armed=False)
    assert code() == "disarmed"
    world.change_merchant(armed=True)
    before = world.subscription()
    world.store.commit(Change(before, replace(before, dispute="open")))
    assert code() == "disputed"
    disputed = world.subscription()
    world.store.commit(Change(disputed, before))
    assert code() is None
    assert paid(world) == 0


@pytest.mark.spec("R-3")
def test_while_it_is_paused_a_first_purchase_is_refused(world: World) -> None:
    product = world.product()
    operate(world, "pause", reason="a drill")
    with pytest.raises(Refused, match="sales_stopped"):
        world.buy(product)
    operate(world, "resume", reason="over")
    world.buy(product)
    assert paid(world) == 1


def test_what_the_deployment_pauses_no_switch_lets_go() -> None:
    world = World(billing_paused=True)
    assert operate(world, "resume", reason="let it go")["billing_paused"] is False
    assert operate(world, "standing")["billing_paused"] is True


@pytest.mark.spec("R-3")
def test_one_merchant_is_stopped_and_let_go(world: World) -> None:
    world.buy()
    assert operate(world, "stop", merchant="acme") == {"merchant": "acme", "stopped": True}
    assert operate(world, "stop", merchant="acme")["stopped"] is True
    assert world.advance(days=30)["held_stopped"] > 0
    assert paid(world) == 1
    operate(world, "start", merchant="acme")
    world.advance(hours=1)
    assert paid(world) == 2


@pytest.mark.spec("R-3", "R-9")
def test_what_a_stop_holds_is_looked_at_once_an_hour_and_listed_all_the_while(
    world: World,
) -> None:
    world.buy()
    operate(world, "stop", merchant="acme")
    due_at = world.subscription().due_at
    assert due_at is not None
    world.advance(to=due_at + timedelta(minutes=1))
    assert world.advance(days=1)["held_stopped"] == 24
    for _ in range(7):
        world.advance(minutes=10)
        assert [found.hold for found in missed.find(world.ports, now=world.now)] == ["stopped"]


def test_a_switch_that_two_operators_turn_at_once_is_turned_by_one(world: World) -> None:
    operate(world, "pause", reason="one")
    before = world.store.billing_switch()
    assert before is not None
    operate(world, "resume", reason="two")
    with pytest.raises(Conflict):
        world.store.commit(Change(before, replace(before, reason="three", paused=False)))
