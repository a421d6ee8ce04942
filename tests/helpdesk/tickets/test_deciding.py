"""Approvals, carried out once: by two agents, after a kill, against a charge (H-3, B-7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.helpdesk import decisions
from billing.helpdesk.flows import decision, ticket
from billing.helpdesk.tickets import TicketState, TicketType
from billing.kernel.errors import Refused
from billing.kernel.invoices import InvoiceState
from billing.kernel.orders import OrderKind
from billing.kernel.subscription import Source, State
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.refunds.flows import refund
from tests.helpdesk.tickets.asking import (
    DUE,
    approve,
    ask_for_refund,
    ask_to_cancel,
    buy,
    decline,
    kinds,
    newest,
)
from tests.world import MONTHLY, World


@pytest.mark.spec("H-3", "B-7")
def test_a_refund_approved_twice_is_made_once(world: World) -> None:
    order = buy(world)
    found = ask_for_refund(world, order)
    first, second = approve(world, found), approve(world, found)
    assert first.carried_out_at == second.carried_out_at == world.now
    assert [c["refunded"] for c in world.charges()] == [2999]
    assert kinds(world).count(OrderKind.REFUND) == 1
    world.work()
    assert world.subjects().count("[TEST] Your refund for Course was approved") == 1
    with pytest.raises(Refused, match="already_approved"):
        decline(world, found)


@pytest.mark.spec("H-3")
@pytest.mark.parametrize("wish", list(TicketType))
def test_two_agents_who_approve_at_once_do_it_once(world: World, wish: TicketType) -> None:
    order = buy(world)
    found = ask_to_cancel(world) if wish is TicketType.CANCEL else ask_for_refund(world, order)
    commit, others = world.store.commit, []

    def in_between(*writes: Any) -> None:
        if not others:
            others.append("came first")
            approve(world, found, by="the other")
        commit(*writes)

    world.store.commit = in_between  # type: ignore[method-assign]
    mine = approve(world, found, by="me")
    assert mine.decided_by == "the other"
    assert len(world.charges()) == 1
    if wish is TicketType.REFUND:
        assert [c["refunded"] for c in world.charges()] == [2999]
        assert kinds(world).count(OrderKind.REFUND) == 1
    else:
        assert kinds(world).count(OrderKind.CANCEL_REQUEST) == 1


@pytest.mark.spec("H-3", "B-7")
def test_an_agent_and_the_api_refund_it_once(world: World) -> None:
    order = buy(world)
    found = ask_for_refund(world, order)
    refund.request(
        world.ports,
        refund.payment(world.ports, "acme", order),
        amount_minor=None,
        source=Source.MERCHANT,
        now=world.now,
    )
    assert approve(world, found).carried_out_at == world.now
    assert [c["refunded"] for c in world.charges()] == [2999]
    assert kinds(world).count(OrderKind.REFUND) == 1


@pytest.mark.spec("H-3", "R-6")
@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "unavailable"])
def test_a_refund_whose_answer_was_lost_is_finished_by_the_alarm(world: World, fault: str) -> None:
    order = buy(world)
    found = ask_for_refund(world, order)
    world.sandbox.faults.arm(fault, 2)
    decided = approve(world, found)
    assert decided.is_under_way
    world.advance(hours=1)
    assert newest(world).carried_out_at is not None
    assert [c["refunded"] for c in world.charges()] == [2999]
    assert kinds(world).count(OrderKind.REFUND) == 1


@pytest.mark.spec("H-3")
def test_killed_between_decision_and_refund_it_is_finished_by_asking_again(world: World) -> None:
    order = buy(world)
    found = ask_for_refund(world, order)
    commit, count = world.store.commit, []

    class Killed(BaseException):
        pass

    def dies(*writes: Any) -> None:
        commit(*writes)
        count.append(1)
        if len(count) == 1:
            raise Killed

    world.store.commit = dies  # type: ignore[method-assign]
    with pytest.raises(Killed):
        approve(world, found)
    assert newest(world).is_under_way and world.charges()[0]["refunded"] == 0
    assert approve(world, found, by="another").carried_out_at == world.now
    assert [c["refunded"] for c in world.charges()] == [2999]
    assert newest(world).decided_by == "agent"


@pytest.mark.spec("H-3")
def test_killed_between_decision_and_refund_it_is_finished_by_the_tickets_alarm(
    world: World,
) -> None:
    order = buy(world)
    found = ask_for_refund(world, order)
    decided = decisions.approve(found, TicketType.REFUND, order, world.now, "agent")
    leased = replace(decided, due_at=world.now + timedelta(minutes=15))
    world.store.commit(Change(found, leased, expecting=decisions.DECIDED_ON))
    world.advance(minutes=14)
    assert world.charges()[0]["refunded"] == 0
    world.advance(minutes=2)
    assert world.charges()[0]["refunded"] == 2999
    assert newest(world).carried_out_at is not None
    world.advance(days=1)
    assert kinds(world).count(OrderKind.REFUND) == 1


@pytest.mark.spec("H-4", "X-6")
def test_undecided_while_a_charge_is_under_way_it_ends_after_what_the_gateway_says(
    world: World,
) -> None:
    buy(world)
    world.advance(to=DUE - timedelta(days=6, hours=23))
    found = ask_to_cancel(world)
    # Whoever holds the subscription's charges can still meet one that was begun before.
    held = world.subscription()
    world.store.commit(Change(held, replace(held, held_for=None)))
    world.advance(to=DUE - timedelta(minutes=1))
    confirm = world.sandbox.confirm

    def loses_its_answer(*args: Any, **kwargs: Any) -> Any:
        world.sandbox.faults.arm("timeout_after", 1)
        return confirm(*args, **kwargs)

    world.sandbox.confirm = loses_its_answer  # type: ignore[method-assign]
    world.now = DUE
    world.tick()
    world.sandbox.confirm = confirm  # type: ignore[method-assign]
    assert world.history().invoices[-1].state is InvoiceState.CONFIRMING
    world.now = found.requested_at + timedelta(days=7)
    tally = decision.sweep(world.ports, now=world.now)
    assert tally["cancelled"] == 1
    world.advance(days=60)
    assert len(world.charges()) == 2
    assert world.subscription().state is State.CANCELLED


@pytest.mark.spec("B-7", "H-3")
def test_a_refund_may_end_the_subscription_too(world: World) -> None:
    order = buy(world, MONTHLY)
    approve(world, ask_for_refund(world, order), cancels=True)
    assert world.subscription().state is State.CANCELLED


@pytest.mark.spec("B-7", "H-3", "W-4")
def test_what_cannot_be_refunded_stays_open_with_a_note(world: World) -> None:
    order = buy(world)
    found = ask_for_refund(world, order)

    subscription = world.subscription()
    world.store.commit(Change(subscription, replace(subscription, dispute="open")))
    with pytest.raises(Refused) as refused:
        approve(world, found)
    assert refused.value.code == "disputed"
    assert newest(world).state is TicketState.OPEN
    (said,) = ticket.thread(world.ports, "acme", found.id).messages
    assert said.internal and "The bank is looking into a payment" in said.text
    disputed = world.subscription()
    world.store.commit(Change(disputed, replace(disputed, dispute="won")))
    assert approve(world, found).carried_out_at == world.now
    assert world.charges()[0]["refunded"] == 2999
