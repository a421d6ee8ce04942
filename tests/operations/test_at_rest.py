"""A table by itself: whole lives pass, and whatever is taken out of one is noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from billing.gateway_events.flows import webhook
from billing.kernel.catalog import Cycle, PriceTerms, PriceType
from billing.kernel.gateways import SANDBOX, AccountRef
from billing.kernel.invoices import Invoice, InvoiceCounter
from billing.kernel.issued_documents import IssuedDocument
from billing.kernel.ledger import LedgerEntry
from billing.kernel.money import Currency, Money
from billing.kernel.orders import Order, OrderKind
from billing.kernel.periods import Period
from billing.kernel.subscription import Source, Subscription, When
from billing.kernel.values import replace
from billing.operations import at_rest
from billing.privacy.flows import erase
from billing.rebill.flows import overdue
from billing.refunds.flows import refund, sync_refunds
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
    return everything_in(world)


def test_whole_lives_stand(entities: list[Any]) -> None:
    assert at_rest.check(entities) == []


def everything_in(world: World) -> list[Any]:
    items: Any = world.store._items
    return [entity for part in items._partitions.values() for entity in part.values()]


def skipped(world: World) -> None:
    """The merchant leaves out a payment that waited for them, and later ones are paid."""
    world.buy()
    world.change_merchant(stopped=True)
    world.advance(days=40)
    world.change_merchant(stopped=False)
    world.advance(hours=2)
    overdue.skip(world.ports, world.subscription(), now=world.now)
    world.advance(days=62)


def sent_back(world: World) -> None:
    """A bank sends a refund back."""
    invoice = world.buy().invoice
    made = refund.request(
        world.ports,
        refund.payment(world.ports, "acme", invoice.order_id),
        amount_minor=500,
        source=Source.MERCHANT,
        now=world.now,
    )
    assert invoice.gateway_ref is not None
    world.work()
    (made,) = world.history().refunds
    assert made.gateway_refund is not None
    world.sandbox.send_back(invoice.gateway_ref, made.gateway_refund)
    (paid,) = world.history().invoices
    sync_refunds.update(world.ports, world.history(), paid, now=world.now)


def erased_twice(world: World) -> None:
    """Two customers have gone, and nothing of either is kept but their invoices."""
    for email in ("ann@example.com", "bob@example.com"):
        world.buy(email=email)
        customer = world.history(email).customer
        assert customer is not None
        world.cancel(When.NOW, email)
        world.advance(minutes=20)
        erase.one(world.ports, "acme", customer.id, now=world.now)


def paid_too_late(world: World) -> None:
    """Money came for an attempt that was given up, and went back."""
    form = world.submission(payment_method="pm_card_authenticationRequired")
    waiting = world.submit(world.product().default_price_point, form)
    world.advance(hours=2)
    assert waiting.invoice.gateway_ref is not None
    ledger = world.sandbox._ledger
    row, revision = ledger.read(waiting.invoice.gateway_ref) or ({}, 0)
    ledger.write(waiting.invoice.gateway_ref, {**row, "state": "unconfirmed"}, revision=revision)
    world.sandbox.confirm(
        waiting.invoice.gateway_ref, "pm_card_visa:1", key="k", off_session=True, return_url=None
    )
    (*_, event) = world.sandbox.events_since(world.now.replace(year=2000))
    account = AccountRef("acme", SANDBOX, SANDBOX)
    webhook.take(world.ports, world.merchant, account, event, now=world.now)
    world.advance(minutes=5)
    assert [charge["status"] for charge in world.charges()] == ["refunded"]


@pytest.mark.spec("R-2", "B-7", "M-8", "W-1")
@pytest.mark.parametrize("life", [skipped, sent_back, erased_twice, paid_too_late])
def test_a_life_that_went_another_way_is_sound(life: Callable[[World], None]) -> None:
    world = World()
    life(world)
    assert at_rest.check(everything_in(world)) == []


@pytest.mark.spec("R-2")
def test_a_payment_that_is_missing_is_not_taken_for_a_skipped_one() -> None:
    world = World()
    skipped(world)
    (lost, *_) = [i for i in world.history().invoices if i.period == 2]
    named = {lost.id, f"{lost.id}:paid"}
    left = [e for e in everything_in(world) if not named & {getattr(e, "id", None)}]
    left = [e for e in left if not (isinstance(e, Order) and e.invoice == lost.id)]
    left = [e for e in left if not isinstance(e, InvoiceCounter | IssuedDocument)]
    assert "6" in {broken.number for broken in at_rest.check(left)}


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
