"""Cards that their banks renew."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from billing.gateway_events.flows import webhook
from billing.kernel.catalog import PriceTerms
from billing.kernel.customers import PaymentMethod
from billing.kernel.gateways import SANDBOX, AccountRef, GatewayEvent
from tests.world import MONTHLY, World

ACME = AccountRef("acme", SANDBOX, SANDBOX)


def card(world: World, **fields: Any) -> PaymentMethod:
    """The one card of a customer."""
    (found,) = world.history(**fields).methods
    return found


def buy(world: World, terms: PriceTerms = MONTHLY, **fields: Any) -> PaymentMethod:
    world.buy(world.product(terms), **fields)
    return card(world)


def renew(world: World, method: PaymentMethod, last4: str = "1881", date: str = "2039-03") -> None:
    """The bank sends its customer another card."""
    world.now += timedelta(minutes=1)
    world.sandbox.renew_card(method.id, last4=last4, expires_on=date)


def card_events(world: World) -> list[GatewayEvent]:
    """Returns the gateway's events about cards, oldest first."""
    everything = world.sandbox.events_since(world.now.replace(year=2000))
    return [event for event in everything if event.type.startswith("payment_method")]


def take(world: World, event: GatewayEvent, account: AccountRef = ACME) -> str:
    (outcome,) = webhook.take(world.ports, world.merchant, account, event, now=world.now)
    return outcome


def taken(world: World) -> str:
    """Takes the newest event about a card; returns what it brings about."""
    return take(world, card_events(world)[-1])
