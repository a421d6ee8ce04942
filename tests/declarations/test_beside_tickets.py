"""Declarations and a customer's own ticket that wait at once hold a charge, each in turn (H-4)."""

from __future__ import annotations

import pytest

from billing.cancel.flows import release_hold
from billing.declarations.flows import decide, look
from billing.helpdesk.flows import decision, open_ticket
from billing.helpdesk.flows.open_ticket import Request
from billing.helpdesk.tickets import Ownership, Ticket, TicketType
from billing.kernel.errors import Conflict
from billing.kernel.writes import Change
from tests.declarations.hall import BERLIN, DELAYED, Hall

pytestmark = pytest.mark.spec("H-4", "X-10")


@pytest.fixture
def hall() -> Hall:
    """A customer whose next payment is in a few days."""
    made = Hall()
    made.buy()
    made.world.advance(days=26)
    return made


def declare(hall: Hall) -> None:
    hall.declare(contract="my contract")
    hall.tick()


def ask_to_cancel(hall: Hall) -> Ticket:
    """Opens the customer's own ticket to cancel, from the portal."""
    world, bought = hall.world, hall.subscription
    asked = Request(
        "billing",
        "ann@example.com",
        "Cancel",
        "Please cancel.",
        key="ask",
        wish=TicketType.CANCEL,
        subscription=bought.id,
    )
    return open_ticket.open_one(
        world.ports,
        world.merchant,
        asked,
        customer=bought.customer,
        ownership=Ownership.PORTAL,
        now=world.now,
    )


def turn_down(hall: Hall, asked: Ticket) -> None:
    world = hall.world
    decision.decline(world.ports, world.merchant, asked.id, "No.", by="agent", now=world.now)


def test_a_no_leaves_held_what_a_ticket_asks_to_cancel(hall: Hall) -> None:
    declare(hall)
    asked = ask_to_cancel(hall)
    hall.answer("no")
    held = hall.subscription
    assert (held.held_for, held.held_since) == (asked.id, asked.requested_at)
    hall.world.advance(days=4)
    assert len(hall.world.charges()) == 1
    turn_down(hall, asked)
    hall.tick()
    assert len(hall.world.charges()) == 2 and not hall.subscription.held


@pytest.mark.parametrize("ticket_first", [True, False])
def test_a_ticket_that_is_turned_down_leaves_held_what_is_declared(
    hall: Hall, ticket_first: bool
) -> None:
    asked = ask_to_cancel(hall) if ticket_first else None
    declare(hall)
    turn_down(hall, asked or ask_to_cancel(hall))
    assert hall.subscription.held_for == hall.declaration.id
    hall.world.advance(days=4)
    assert len(hall.world.charges()) == 1
    hall.answer("no")
    hall.tick()
    assert len(hall.world.charges()) == 2 and not hall.subscription.held


def test_a_no_after_a_ticket_is_for_whichever_declaration_holds_by_then(hall: Hall) -> None:
    for _ in range(3):
        declare(hall)
    turn_down(hall, ask_to_cancel(hall))
    assert hall.subscription.held_for in {each.id for each in hall.declarations()}
    hall.answer("no")
    assert not hall.subscription.held


def test_a_declaration_that_is_turned_down_hands_all_that_it_held_to_another(hall: Hall) -> None:
    world = hall.world
    world.buy(world.product(DELAYED, name="Choir"), address=BERLIN)
    declare(hall)
    declare(hall)
    newest, older = hall.declarations()
    assert [each.held_for for each in world.history().subscriptions] == [newest.id] * 2
    decide.decline(world.ports, world.merchant, newest, by="agent", now=world.now)
    assert [each.held_for for each in world.history().subscriptions] == [older.id] * 2


def test_who_lets_go_meets_who_asks_or_is_decided_in_the_same_moment(hall: Hall) -> None:
    declare(hall)
    world, declared = hall.world, hall.declaration
    let_go = look.released(world.ports, world.merchant, declared, world.now)
    asked = ask_to_cancel(hall)
    with pytest.raises(Conflict):
        world.store.commit(*let_go)
    # The ticket hands on to a declaration that a "no" is read for, and back to one decided since.
    seller, held = world.merchant, hall.subscription
    handed = release_hold.release(world.ports, (held,), asked.id, seller, world.now)
    of_no = look.released(world.ports, seller, declared, world.now, denied=True)
    world.store.commit(*handed)
    with pytest.raises(Conflict):
        world.store.commit(Change(declared, declared.denied(world.now)), *of_no)
    handed = look.released(world.ports, seller, declared, world.now, denied=True)
    turn_down(hall, asked)
    with pytest.raises(Conflict):
        world.store.commit(*handed)
