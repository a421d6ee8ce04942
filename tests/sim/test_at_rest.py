"""A table by itself: whole lives pass, and whatever is taken out of one is noticed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from billing.kernel.catalog import Cycle, PriceTerms, PriceType
from billing.kernel.invoices import Invoice, InvoiceCounter
from billing.kernel.issued_documents import IssuedDocument
from billing.kernel.ledger import LedgerEntry
from billing.kernel.money import Currency, Money
from billing.kernel.orders import Order, OrderKind
from billing.kernel.periods import Period
from billing.kernel.subscription import Source, Subscription
from billing.refunds.flows import refund
from sim import at_rest
from tests.world import World


@pytest.fixture(scope="module")
def entities() -> list[Any]:
    """A year of three customers: one pays, one was refunded, one's card fails."""
    world = World()
    world.buy()
    ninety_nine = Money(9900, Currency.USD)
    terms = PriceTerms(
        PriceType.RECURRING_INSTALLMENT, ninety_nine, Period.MONTHLY, 3, Cycle.YEARLY
    )
    world.buy(world.product(terms), email="bob@example.com")
    world.buy(email="eve@example.com", payment_method="pm_card_chargeCustomerFail")
    world.advance(days=40)
    paid = world.orders("bob@example.com")[-1]
    refund.request(
        world.ports,
        refund.payment(world.ports, "acme", paid.id),
        amount_minor=500,
        source=Source.MERCHANT,
        now=world.now,
    )
    world.advance(days=60)
    items: Any = world.store._items
    return [entity for part in items._partitions.values() for entity in part.values()]


def test_whole_lives_stand(entities: list[Any]) -> None:
    assert at_rest.check(entities) == []


@pytest.mark.parametrize("kind", [Order, Invoice, LedgerEntry, Subscription])
def test_what_is_missing_is_noticed(entities: list[Any], kind: type) -> None:
    last = [entity for entity in entities if type(entity) is kind][-1]
    if kind is Order:
        last = next(e for e in entities if isinstance(e, Order) and e.kind is OrderKind.REBILL)
    assert at_rest.check([entity for entity in entities if entity is not last])


def changed(entities: list[Any], kind: type, **fields: Any) -> list[Any]:
    place = next(n for n, entity in enumerate(entities) if type(entity) is kind)
    return [*entities[:place], replace(entities[place], **fields), *entities[place + 1 :]]


@pytest.mark.parametrize(
    ("kind", "fields", "number"),
    [
        (InvoiceCounter, {"last": 8}, "18"),
        (IssuedDocument, {"number": "TEST-000009"}, "18"),
        (Subscription, {"due_at": None}, "21"),
        (Subscription, {"open_invoice": "sub_x.0009"}, "8"),
        (Subscription, {"dispute": "lost"}, "14"),
        (LedgerEntry, {"postings": ()}, "2"),
    ],
)
def test_what_was_changed_is_noticed(
    entities: list[Any], kind: type, fields: dict[str, Any], number: str
) -> None:
    wrong = at_rest.check(changed(entities, kind, **fields))
    assert number in {violation.number for violation in wrong}
