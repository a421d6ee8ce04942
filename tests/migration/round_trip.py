"""Two shops for a round trip: one with all kinds of subscriptions, one that is empty."""

from __future__ import annotations

import csv
import io
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from billing.cancel.flows import pause
from billing.coupons.coupons import Duration
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.sandbox.ledger import MemoryLedger
from billing.kernel.catalog import Cancellation, Cycle, Initial, PriceTerms, PriceType, TaxBehavior
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.subscription import Source, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.migration.flows import uploads
from billing.plans.flows import announce_price, change_plan, freeze
from billing.plans.plan_change import When
from billing.storage.memory.objects import MemoryObjects
from tests.coupons.couponing import coupon
from tests.migration.files import done, sent
from tests.tax.taxing import BERLIN, BUDAPEST, LOS_ANGELES, collecting
from tests.web.shop import Shop
from tests.world import World

MONTHLY = PriceTerms(PriceType.RECURRING, Money(2999, Currency.USD), Period.MONTHLY)
EURO = replace(MONTHLY, price=Money(1999, Currency.EUR), tax=TaxBehavior.INCLUSIVE)
PARTS = PriceTerms(PriceType.INSTALLMENT, Money(5000, Currency.USD), Period.MONTHLY, installments=4)
GOLD = replace(MONTHLY, price=Money(4999, Currency.USD))

TERMS: dict[str, PriceTerms] = {
    "monthly": MONTHLY,
    "yearly": replace(MONTHLY, price=Money(19900, Currency.USD), period=Period.YEARLY),
    "weekly": replace(MONTHLY, price=Money(901, Currency.USD), period=Period.WEEKLY),
    "fortnight": replace(MONTHLY, price=Money(1703, Currency.USD), period=Period.EVERY_2_WEEKS),
    "quarterly": replace(EURO, period=Period.QUARTERLY),
    "half-yearly": replace(MONTHLY, price=Money(7777, Currency.USD), period=Period.EVERY_6_MONTHS),
    "every-2-months": replace(EURO, period=Period.EVERY_2_MONTHS),
    "parts": PARTS,
    "sets": PriceTerms(
        PriceType.RECURRING_INSTALLMENT,
        Money(3333, Currency.USD),
        Period.MONTHLY,
        installments=3,
        cycle=Cycle.YEARLY,
    ),
    "trial": replace(
        MONTHLY, price=Money(1500, Currency.USD), initial=Initial(0, Span(60, Unit.DAY))
    ),
    "initial": replace(
        MONTHLY, price=Money(1234, Currency.USD), initial=Initial(100, Span(30, Unit.DAY))
    ),
    "delayed": replace(MONTHLY, price=Money(1100, Currency.USD), cancellation=Cancellation.DELAYED),
    "inclusive": EURO,
    "once": PriceTerms(
        PriceType.ONE_TIME, Money(6000, Currency.USD), initial=Initial(100, Span(90, Unit.DAY))
    ),
}
"""The terms of the catalog of both shops, by the name of their product."""

BUYERS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in TERMS},
    "taxed": ("monthly", {"address": LOS_ANGELES}),
    "vat": ("inclusive", {"address": BERLIN}),
    "business": ("monthly", {"address": BUDAPEST, "tax_id": "HU12345676"}),
    "house": ("monthly", {"address": LOS_ANGELES}),
    "coupon-5": ("monthly", {"coupon": "FIVE", "address": LOS_ANGELES}),
    "coupon-ever": ("inclusive", {"coupon": "EVER", "address": BERLIN}),
    "coupon-amount": ("monthly", {"coupon": "OFF"}),
    **{name: ("monthly", {}) for name in ("paused", "paused-until", "to-gold")},
    **{name: ("monthly", {}) for name in ("frozen", "freezing", "announced", "held")},
    "leaving": ("delayed", {}),
    "credited": ("yearly", {}),
    "paused-moved": ("monthly", {}),
    "paused-trial": ("trial", {}),
    "moved": ("monthly", {}),
    "parts-skipped": ("parts", {}),
}
"""The customers by the name of their email: what they bought, and how."""


def catalog(shop: Shop) -> Shop:
    """Puts the same on sale in a shop, for a merchant who collects tax, with the same coupons."""
    collecting(shop.world)
    for name, terms in TERMS.items():
        if name == "monthly":
            shop.world.product(terms, GOLD, grants=(name,))
        else:
            shop.world.product(terms, grants=(name,))
    coupon(shop.world, "FIVE", duration=Duration.REPEATING, charges=5)
    coupon(shop.world, "EVER", duration=Duration.FOREVER)
    coupon(shop.world, "OFF", duration=Duration.FOREVER, amount_off=Money(250, Currency.USD))
    return shop


def email_of(name: str) -> str:
    return f"{name}@example.com"


def in_business() -> Shop:
    """A shop some weeks after its customers bought, and did with it what customers do."""
    shop = catalog(Shop())
    world = shop.world
    product_of = {each.grants[0]: each for each in world.store.catalog("acme")[0]}
    for name, (bought, fields) in BUYERS.items():
        world.buy(product_of[bought], email=email_of(name), name=f"Buyer {name}", **fields)
        world.advance(hours=7, minutes=13, seconds=29)
    _confirm(world, email_of("business"))
    _move_house(world, email_of("house"))
    _go_through(shop, product_of["monthly"].price_points[1])
    return shop


def _go_through(shop: Shop, gold: str) -> None:
    world = shop.world

    def of(name: str) -> Subscription:
        return world.subscription(email_of(name))

    freeze.freeze(world.ports, world.merchant, of("frozen"), now=world.now)
    pause.pause(world.ports, of("moved"), now=world.now)
    pause.pause(world.ports, of("paused-moved"), now=world.now)
    world.advance(days=38)
    for name in ("moved", "paused-moved"):  # a payment at once, and a new anchor
        pause.resume(world.ports, of(name), now=world.now)
        world.advance(minutes=2)
    for name in ("paused", "paused-moved", "paused-trial"):
        pause.pause(world.ports, of(name), now=world.now)
    until = world.now + timedelta(days=75)
    pause.pause(world.ports, of("paused-until"), now=world.now, until=until, by=Source.CUSTOMER)
    freeze.freeze(world.ports, world.merchant, of("freezing"), now=world.now)
    change_plan.change(world.ports, of("to-gold"), gold, When.NEXT_REBILL, now=world.now)
    world.cancel(email=email_of("leaving"))
    dear = Money(3999, Currency.USD)
    announce_price.announce(world.ports, of("announced"), dear, world.now, now=world.now)
    _change(world, of("held"), held_for="tkt_1", held_since=world.now)
    late = of("parts-skipped")  # the merchant decided not to charge a payment that was missed
    _change(world, late, **_fields(replace(late, waiting_since=world.now).skipped(world.now)))
    credited = of("credited").with_credit(12_345)
    _change(world, of("credited"), credit_minor=credited.credit_minor, funds=credited.funds)


def _fields(found: Subscription) -> dict[str, Any]:
    return {"period": found.period, "due_at": found.due_at, "funds": found.funds}


def _change(world: World, found: Subscription, **fields: Any) -> None:
    world.store.commit(Change(found, replace(found, **fields)))


def _move_house(world: World, email: str) -> None:
    """Gives a customer another address than the one that their invoices name."""
    found = world.history(email).customer
    assert found is not None
    world.store.commit(Change(found, replace(found, address=BERLIN)))


def resume(shop: Shop) -> None:
    """Lets customers go on whose pause has no end of its own."""
    for name in ("paused", "paused-moved", "paused-trial"):
        found = shop.world.subscription(email_of(name))
        pause.resume(shop.world.ports, found, now=shop.world.now)


def _confirm(world: World, email: str) -> None:
    """Lets a tax id be confirmed, as VIES or an agent does."""
    found = world.subscription(email)
    (before,) = world.store.bill_tos([("acme", found.customer, found.id)])
    assert before is not None
    after = replace(before.bill_to, tax_id_confirmed=True, tax_id_reference="WAPIAAAAX1")
    world.store.commit(Change(before, replace(before, bill_to=after)))


def exported(shop: Shop) -> list[dict[str, str]]:
    """The rows of a shop's own export of its subscriptions."""
    asked = shop.api.post("/v1/exports", {"what": "subscriptions"})
    shop.world.tick()
    url = shop.api.get(f"/v1/exports/{asked.json['id']}").json["url"]
    assert isinstance(shop.world.objects, MemoryObjects)
    text = shop.world.objects.open(url).content.decode()
    return list(csv.DictReader(io.StringIO(text)))


def empty(of: Shop) -> Shop:
    """A shop at the same gateway as another one, at the same time, with its catalog alone."""
    shop = catalog(Shop(World()))
    shop.world.now = of.world.now
    ledger, held = MemoryLedger(), of.world.sandbox._ledger
    assert isinstance(held, MemoryLedger)
    ledger._rows = deepcopy(held._rows)
    shop.world.sandbox = SandboxGateway(ledger, lambda: shop.world.now, draw=lambda: "secret" * 8)
    return shop


def imported(shop: Shop, text: str, ids: list[str]) -> str:
    """Imports a file, whose subscriptions were all ended where they come from; returns its id."""
    found = sent(shop, text)
    ended = "external_id,status\n" + "".join(f"{each},cancelled\n" for each in ids)
    upload = uploads.keep(shop.world.ports, "acme", ended.encode())
    moved = shop.api.post(f"/v1/imports/{found['id']}/cut-over", {"ended": upload})
    assert moved.status == 202, moved.json
    done(shop, found["id"])
    return str(found["id"])


def charges(shop: Shop, since: datetime) -> list[tuple[Any, ...]]:
    """All charges of a shop from an instant on: when, whose, how much, and on which card."""
    found = []
    for name in BUYERS:
        customer = shop.world.store.customer_by_email("acme", email_of(name))
        if customer is None:
            continue
        history = shop.world.store.history("acme", customer)
        invoices = {each.id: each for each in history.invoices}
        for order in history.orders:
            if order.at >= since and order.kind.value == "rebill":
                card = invoices[order.invoice or ""].payment_method
                found.append((order.at, name, order.amount, card))
    return sorted(found, key=str)
