"""A subscription, another price for it, and its books afterwards (A-4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.kernel import ledger
from billing.kernel.catalog import PriceTerms, PriceType, Product
from billing.kernel.errors import Refused
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period
from billing.kernel.values import replace
from billing.plans.flows import change_plan
from billing.plans.flows.change_plan import Changed
from billing.plans.plan_change import Quote, When
from tests.world import MONTHLY, World

GOLD = replace(MONTHLY, price=Money(4999, Currency.USD))


YEARLY = PriceTerms(PriceType.RECURRING, Money(19900, Currency.USD), Period.YEARLY)


HALF = datetime(2026, 2, 14, 15, tzinfo=UTC)
"""The middle of the first period, of 28 days."""


def bought(world: World, *terms: PriceTerms, **fields: Any) -> Product:
    """A product of these plans, the first of them bought; the clock at half of its period."""
    product = world.product(*(terms or (MONTHLY, GOLD, YEARLY)))
    world.buy(product, **fields)
    world.advance(to=HALF)
    return product


def ask(world: World, price_point: str, when: When = When.NOW) -> Quote:
    return change_plan.quote(world.ports, world.subscription(), price_point, when, now=world.now)


def change(
    world: World, price_point: str, when: When = When.NOW, token: str | None = None
) -> Changed:
    world.now += timedelta(microseconds=1)  # No two facts of a kind have one instant.
    return change_plan.change(
        world.ports,
        world.subscription(),
        price_point,
        when,
        token=token,
        now=world.now,
    )


def charged(world: World) -> list[tuple[str, int]]:
    return [
        (charge["at"][:10], charge["amount"]["amount"])
        for charge in world.charges()
        if charge["status"] == "succeeded"
    ]


def refused(world: World, price_point: str, when: When = When.NOW) -> str:
    """The code with which both the quote and the change are refused."""
    with pytest.raises(Refused) as quoting:
        ask(world, price_point, when)
    with pytest.raises(Refused) as changing:
        change(world, price_point, when)
    assert quoting.value.code == changing.value.code
    return changing.value.code


def books_balance(world: World) -> bool:
    """Returns whether the ledger is balanced, and holds the gateway's charges."""
    entries = world.history().ledger
    balance = ledger.trial_balance(entries)
    taken = sum(amount for _, amount in charged(world))
    received = balance.get(("assets:gateway:sandbox:sandbox", Currency.USD), 0)
    return sum(balance.values()) == 0 and received == taken
