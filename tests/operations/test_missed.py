"""Charges that no sweep took are found, and an operator is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.kernel.errors import Unreachable
from billing.kernel.subscription import State
from billing.operations.web import operator
from billing.rebill.flows import attention, missed
from billing.rebill.flows.missed import Why
from tests.world import World, meanwhile


@pytest.fixture
def world() -> World:
    return World()


def operate(world: World, do: str, **fields: Any) -> dict[str, Any]:
    return meanwhile(lambda: operator.answer(world.ports, {"do": do, **fields}))


def paid(world: World) -> int:
    return sum(charge["status"] == "succeeded" for charge in world.charges())


def late(world: World) -> list[tuple[Why, str | None]]:
    return [(m.why, m.hold) for m in missed.find(world.ports, now=world.now)]


@pytest.mark.spec("R-9")
def test_the_detector_finds_what_nobody_took_and_never_asks_the_sweep(world: World) -> None:
    world.buy()
    world.now += timedelta(days=28, minutes=59)
    assert late(world) == []
    world.now += timedelta(minutes=2)
    assert late(world) == [(Why.UNANSWERED, None)]
    world.tick()
    assert late(world) == []


@pytest.mark.spec("R-9")
@pytest.mark.parametrize("hold", ["stopped", "disarmed", "billing_paused"])
def test_the_detector_says_what_holds_a_charge_though_each_sweep_leases_it_anew(
    world: World, hold: str
) -> None:
    world.buy()
    if hold == "billing_paused":
        operate(world, "pause", reason="a drill")
    else:
        world.change_merchant(**({"stopped": True} if hold == "stopped" else {"armed": False}))
    world.advance(days=28, hours=2)
    assert late(world) == [(Why.HELD, hold)]
    (matter,) = attention.overdue(world.ports, world.merchant, now=world.now)
    assert matter.reason == hold


@pytest.mark.spec("R-6", "R-9")
def test_the_detector_finds_a_charge_that_no_gateway_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.buy()

    def silent(*args: Any, **kwargs: Any) -> Any:
        raise Unreachable("no answer")

    for call in ("confirm", "lookup"):
        monkeypatch.setattr(world.sandbox, call, silent)
    world.advance(days=28, minutes=30)
    assert late(world) == []
    world.advance(hours=2)
    assert late(world) == [(Why.UNDER_WAY, None)]
    monkeypatch.undo()
    world.advance(hours=1)
    assert late(world) == []
    assert paid(world) == 2


@pytest.mark.spec("R-9")
def test_what_is_asked_for_too_late_or_already_over_is_not_missed(world: World) -> None:
    world.buy()
    world.cancel()
    world.advance(days=60)
    assert world.subscription().state is State.CANCELLED
    assert late(world) == []
