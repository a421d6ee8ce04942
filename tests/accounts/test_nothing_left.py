"""A merchant who is erased leaves nothing but what the law keeps: one of each kind is made."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.cancel.regions.rules import Duty
from billing.coupons.coupons import Coupon, CouponUse, Duration
from billing.declarations.declarations import Declared, Kind
from billing.declarations.flows import receive
from billing.declarations.flows.receive import Sender
from billing.kernel.customers import ERASED
from billing.kernel.subscription import Source
from billing.kernel.values import replace
from billing.kernel.writes import Change, Entity, Insert
from billing.refunds.flows import refund
from billing.storage.memory.items import MemoryItems
from billing.tax.flows import setup
from billing.tax.rates import DatedRate, Place, TaxPlace
from billing.tax.registrations import TaxSetup
from tests.accounts.platform import Platform, leave, opened
from tests.tax.taxing import BERLIN, CALIFORNIA, LOS_ANGELES, OSS
from tests.world import START

KEPT = {
    "Account": "that there was one",
    "Merchant": "named by its invoices",
    "Customer": "without a name",
    "Subscription": "without words",
    "Invoice": "the law keeps it",
    "IssuedDocument": "the law keeps it",
    "Order": "without an email",
    "Refund": "the law keeps it",
    "LedgerEntry": "the law keeps it",
    "InvoiceCounter": "numbers have no gap",
    "TaxDay": "a report is asked for after years",
    "SalesYear": "as the days",
    "Consent": "the countries of a purchase, as long as its invoices",
    "Checkout": "without its form",
    "Entitlement": "what was open to whom, without a name",
    "PaymentPointer": "a late event of the gateway finds its invoice",
    "OutboxEvent": "delivered, and gone by itself",
    "Reminder": "none is due",
    "PlanRow": "of a subscription that is kept",
    "EventHour": "gone by itself",
    "LoggedEvent": "gone by itself",
    "ForecastRollup": "sums of days, of nobody",
    "Job": "the walk that erased it",
    "JobLine": "as its job",
}
"""Kinds of items that an erased merchant may leave, and why."""


def left(world: Platform, merchant: str = "annsart") -> dict[str, list[Entity]]:
    items = world.store._items
    assert isinstance(items, MemoryItems)
    found: dict[str, list[Entity]] = {}
    parts = list(items._partitions.values())
    for entity in (each for part in parts for each in part.values()):
        if merchant in (getattr(entity, "merchant", None), getattr(entity, "id", None)):
            found.setdefault(type(entity).__name__, []).append(entity)
    return found


def lived(world: Platform) -> None:
    """A merchant with taxes, coupons, a trial, a refund, a declined buyer, and two fans."""
    opened(world)
    world.store.commit(
        Insert(TaxSetup("annsart", (OSS, CALIFORNIA), rates=2)),
        *(
            Insert(TaxPlace("annsart", table, "US", "CA", code, (DatedRate("CA", 60_000),)))
            for table in (1, 2, 3)
            for code in (None, "900", "901")
        ),
        Insert(
            Coupon(
                "annsart",
                "SPRING",
                START,
                Duration.FOREVER,
                basis_points=100,
                max_uses_per_customer=9,
            )
        ),
    )
    seller = world.seller()
    world.store.commit(Change(seller, replace(seller, tax_since=START)))
    product = world.sells()
    world.buy(product, email="fan2@example.com", address=BERLIN, coupon="SPRING")
    world.buy(
        product,
        email="stranger@example.com",
        address=LOS_ANGELES,
        coupon="SPRING",
        payment_method="pm_card_chargeCustomerFail",
    )
    world.tick()
    paid = world.store.history("annsart", world.fan(email="fan2@example.com").customer).orders[0]
    refund.request(
        world.ports,
        refund.payment(world.ports, "annsart", paid.id),
        amount_minor=100,
        source=Source.MERCHANT,
        now=world.now,
    )
    world.tick()


@pytest.mark.spec("A-6", "M-8", "C-7", "C-8")
def test_one_of_each_kind_is_erased_or_kept_for_a_reason() -> None:
    world = Platform()
    lived(world)
    before = left(world)
    assert {"TaxSetup", "TaxPlace", "Coupon", "CouponUse", "Consent", "ApiKey"} - set(before) <= {
        "ApiKey"
    }
    leave(world)
    world.advance(days=28 + 92)
    after = left(world)
    assert {name: len(found) for name, found in after.items() if name not in KEPT} == {}
    documents = {"Invoice", "IssuedDocument"}
    text = "\n".join(str(found) for name, found in after.items() if name not in documents)
    for gone in ("fan@example.com", "fan2@example.com", "stranger@example.com", "192.0.2.1"):
        assert gone not in text, gone
    assert ERASED in str(after["Customer"])


@pytest.mark.spec("A-6", "X-10")
def test_what_strangers_declared_goes_with_the_merchant() -> None:
    """A form that named no purchase is nobody's, and has a name and an address all the same."""
    world = Platform()
    lived(world)
    declared = Declared(Kind.ORDINARY, "Somebody Strange", "strange@example.com", "the course")
    for number in range(60):
        world.now += timedelta(minutes=30)
        receive.receive(
            world.ports,
            world.seller(),
            Duty.CANCELLATION,
            declared,
            Sender("192.0.2.9", "DE", "en"),
            key=f"form-{number}",
            now=world.now,
        )
    world.tick()
    assert len(left(world)["Declaration"]) == 60
    leave(world)
    world.advance(days=28 + 92)
    assert "Declaration" not in left(world)


@pytest.mark.spec("A-6", "C-8")
def test_another_merchants_uses_stay() -> None:
    world = Platform()
    lived(world)
    theirs = CouponUse("acme", "SPRING", "somebody", 1)
    world.store.commit(Insert(theirs))
    leave(world)
    world.advance(days=28 + 92)
    assert world.store.coupon_uses("acme", "SPRING", ["somebody"]) == [theirs]


@pytest.mark.spec("A-6", "C-7")
def test_every_table_of_rates_goes_that_was_sent_whole() -> None:
    """Such a table has a number that it drew, and one that was broken off is named by nothing."""
    world = Platform()
    lived(world)
    rows = [(Place("US", "CA"), DatedRate("CA", 70_000))]
    for _ in range(2):
        setup.replace_table(world.ports, world.seller(), rows, now=world.now)
    assert len(left(world)["TaxPlace"]) == 11
    leave(world)
    world.advance(days=28 + 92)
    assert not {"TaxSetup", "TaxPlace"} & set(left(world))
