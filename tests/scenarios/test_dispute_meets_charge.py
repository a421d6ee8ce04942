"""A dispute that meets a charge: the charge is settled first, or withdrawn (W-4, X-6)."""

from __future__ import annotations

from typing import Any

import pytest

from billing.gateway_events.flows import webhook
from billing.kernel.errors import Refused, Unreachable
from billing.kernel.gateways import About
from billing.kernel.invoices import InvoiceState
from billing.kernel.storage import History
from billing.kernel.subscription import Source, State
from billing.rebill.flows import pay_now
from tests.scenarios.disputes import ACME, LOST, WON, decide, deliver, reference
from tests.world import START, World, meanwhile

pytestmark = pytest.mark.spec("W-4")


@pytest.fixture
def world() -> World:
    return World(limits=False)


@pytest.mark.spec("R-3", "R-6")
def test_a_charge_under_way_when_it_is_disputed_is_settled_and_no_more(world: World) -> None:
    world.buy()
    world.now = world.now.replace(month=2, day=28)
    world.sweep()
    confirm = world.sandbox.confirm

    def unheard(*args: Any, **kwargs: Any) -> Any:
        confirm(*args, **kwargs)
        raise Unreachable("nobody hears it")

    world.sandbox.confirm = unheard  # type: ignore[method-assign]
    world.work()
    world.sandbox.confirm = confirm  # type: ignore[method-assign]
    world.sandbox.open_dispute(reference(world))
    events = world.sandbox.events_since(START)
    (opened,) = (event for event in events if event.about is About.DISPUTE)
    webhook.take(world.ports, world.merchant, ACME, opened, now=world.now)
    assert world.subscription().due_at is not None  # its lease: the attempt is looked up
    world.advance(minutes=20)
    assert (world.subscription().payments_made, world.subscription().dispute) == (2, "open")
    world.advance(days=60)
    assert len(world.charges()) == 2


@pytest.mark.spec("R-3")
def test_a_dispute_that_meets_a_charge_as_it_begins_is_decided_anew(world: World) -> None:
    world.buy()
    world.sandbox.open_dispute(reference(world))
    world.now = world.now.replace(month=2, day=28)
    world.sweep()
    read = world.store.disputed_payment
    charged: list[int] = []

    def charged_meanwhile(merchant: str, customer: str, invoice: str) -> History:
        found = read(merchant, customer, invoice)
        if not charged:
            charged.append(0)  # the work reads it, too
            charged[0] = meanwhile(world.work)["paid"]
        return found

    world.store.disputed_payment = charged_meanwhile  # type: ignore[method-assign]
    assert deliver(world) == ["dispute_opened"]
    assert charged == [1]
    held = world.subscription()
    assert (held.payments_made, held.dispute, held.due_at) == (2, "open", None)


@pytest.mark.spec("X-6")
def test_lost_while_a_charge_is_under_way_it_is_withdrawn_before_it_ends(world: World) -> None:
    world.buy()
    world.now = world.now.replace(month=2, day=28)
    world.sweep()
    confirm = world.sandbox.confirm

    def away(*args: Any, **kwargs: Any) -> Any:
        raise Unreachable("the gateway is away")

    world.sandbox.confirm = away  # type: ignore[method-assign]
    world.work()
    world.sandbox.confirm = confirm  # type: ignore[method-assign]
    payment = reference(world)
    dispute = world.sandbox.open_dispute(payment)
    world.sandbox.close_dispute(payment, dispute, LOST)
    deliver(world)
    assert world.subscription().is_live  # not before the gateway has said what became of it
    world.advance(minutes=20)
    ended = world.subscription()
    assert (ended.state, ended.ended_by, ended.dispute) == (
        State.CANCELLED,
        Source.GATEWAY,
        "lost",
    )
    assert len(world.charges()) == 1


@pytest.mark.spec("R-4")
def test_won_while_past_due_the_old_debt_is_not_caught_up(world: World) -> None:
    world.buy()
    subscription = world.subscription()
    world.now = world.now.replace(month=2, day=28)
    card = world.sandbox.confirm

    def declined(reference: str, method: str, **kwargs: Any) -> Any:
        return card(reference, "pm_card_chargeCustomerFail:1", **kwargs)

    world.sandbox.confirm = declined  # type: ignore[method-assign]
    world.tick()
    world.sandbox.confirm = card  # type: ignore[method-assign]
    assert world.subscription().state is State.PAST_DUE
    payment = str(world.history().invoices[0].gateway_ref)
    dispute = world.sandbox.open_dispute(payment)
    deliver(world)
    world.advance(days=20)
    assert len(world.charges()) == 2
    with pytest.raises(Refused) as refused:
        pay_now.now_due(world.ports, world.subscription(), now=world.now)
    assert refused.value.code == "disputed"
    decide(world, dispute, WON)
    won = world.subscription()
    assert (won.state, won.open_invoice) == (State.ACTIVE, None)
    assert won.due_at is not None and won.due_at.date().isoformat() == "2026-03-31"
    assert world.history().invoices[1].state is InvoiceState.VOID
    assert won.payments_made == subscription.payments_made
    world.advance(to=won.due_at)
    assert [c["status"] for c in world.charges()] == ["succeeded", "declined", "succeeded"]
