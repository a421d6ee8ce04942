"""Customers who ask, and people who decide: by the portal, through support, as an agent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from billing.customers.flows import customer_view
from billing.helpdesk.flows import decision, open_ticket
from billing.helpdesk.flows.open_ticket import Request
from billing.helpdesk.tickets import Ownership, Ticket, TicketType
from billing.kernel.catalog import Cancellation
from billing.kernel.orders import OrderKind
from billing.kernel.values import replace
from billing.portal.flows import portal
from tests.world import MONTHLY, World

DELAYED = replace(MONTHLY, cancellation=Cancellation.DELAYED)


ANN = "ann@example.com"


DUE = datetime.fromisoformat("2026-02-28T15:00:00+00:00")


def set_up(world: World, **settings: Any) -> None:
    world.change_merchant(settings=replace(world.merchant.settings, **settings))


def buy(world: World, terms: Any = DELAYED, **fields: Any) -> str:
    """The Order ID of a first payment."""
    world.buy(world.product(terms, refund_days=30), **fields)
    return world.orders()[0].id


def ask_to_cancel(world: World, comment: str | None = None) -> Ticket:
    """By the signed-in portal."""
    account = customer_view.account(world.ports, world.merchant, customer(world), now=world.now)
    subscription = world.subscription().id
    portal.cancel_purchase(
        world.ports,
        account,
        account.history.subscription(subscription),
        now=world.now,
        reason=None,
        comment=comment,
    )
    return newest(world)


def ask_for_refund(world: World, order: str) -> Ticket:
    account = customer_view.account(world.ports, world.merchant, customer(world), now=world.now)
    payment = portal.payment(world.ports, account, order)
    portal.refund_payment(world.ports, account, payment, now=world.now)
    return newest(world)


def ask_support(
    world: World, order: str, wish: TicketType | None = TicketType.CANCEL, **fields: Any
) -> Ticket:
    """By the merchant's own people, in the customer's name."""
    asked = Request(
        **{
            "department": "billing",
            "email": ANN,
            "subject": "Please",
            "text": "I want this.",
            "key": world.ports.new_id("key"),
            "order": order,
            "wish": wish,
            **fields,
        }
    )
    return open_ticket.open_one(
        world.ports,
        world.merchant,
        asked,
        customer=None,
        ownership=Ownership.MERCHANT,
        now=world.now,
    )


def newest(world: World) -> Ticket:
    return world.store.tickets_of("acme", customer(world), limit=1).data[0]


def approve(world: World, found: Ticket, **fields: Any) -> Ticket:
    return decision.approve(
        world.ports, "acme", found.id, **{"by": "agent", "now": world.now, **fields}
    )


def decline(world: World, found: Ticket, words: str = "No, sorry.") -> Ticket:
    return decision.decline(world.ports, world.merchant, found.id, words, by="agent", now=world.now)


def customer(world: World) -> str:
    found = world.store.customer_by_email("acme", ANN)
    assert found is not None
    return found


def kinds(world: World) -> list[OrderKind]:
    return [order.kind for order in world.orders()]
