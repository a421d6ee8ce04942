"""Charges to come are shown with their taxes, in forecasts, mails, portal and tickets (C-7)."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from billing.customers.flows import customer_view
from billing.helpdesk.flows import decision
from billing.kernel.money import Money
from billing.kernel.outbox_events import EventKind
from billing.kernel.periods import Anchor
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.rebill.flows import forecast
from billing.tax.flows import upcoming
from billing.tax.rates import DatedRate
from tests.helpdesk.tickets.asking import ask_support
from tests.plans.changing import HALF, bought, change
from tests.tax.taxing import BERLIN, LOS_ANGELES, collecting, usd
from tests.world import MONTHLY, World

GOLD = replace(MONTHLY, price=usd(5998))


class Counting:
    """A store that counts the calls of each question."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.calls = Counter[str]()

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self._store, name)


def forecast_by_day(world: World, days: int) -> dict[date, tuple[int, int]]:
    until = world.now + timedelta(days=days)
    found = forecast.forecast(world.ports, world.merchant, until=until, now=world.now)
    return {day.date: (day.amount.amount_minor, day.charges) for day in found.days}


def charged_by_day(world: World, known: int) -> dict[date, tuple[int, int]]:
    amounts, counts = Counter[date](), Counter[date]()
    zone = world.merchant.settings.time_zone
    for order in world.orders()[known:]:
        day = Anchor.at(order.at, zone).wall.date()
        amounts[day] += order.amount.amount_minor
        counts[day] += 1
    return {day: (amounts[day], counts[day]) for day in amounts}


def dearer_from(world: World, day: date) -> None:
    (state,) = (p for p in world.store.tax_table("acme", 1, 9) if p.postal_code is None)
    world.store.commit(Change(state, state.with_rate(DatedRate("California", 70_000, day))))


@pytest.mark.spec("C-7", "R-10")
def test_a_forecast_is_what_is_charged_also_where_a_rate_rises_meanwhile() -> None:
    world = collecting(World())
    world.buy(world.product(MONTHLY), address=LOS_ANGELES)
    world.buy(world.product(MONTHLY), address=BERLIN, email="bert@example.com")
    dearer_from(world, (world.now + timedelta(days=45)).date())
    expected = forecast_by_day(world, 100)
    assert sorted({minor for minor, _ in expected.values()}) == [3253 + 3569, 3283 + 3569]
    known = [len(world.orders(who)) for who in ("ann@example.com", "bert@example.com")]
    world.advance(days=100)
    made = Counter[date]()
    for who, before in zip(("ann@example.com", "bert@example.com"), known, strict=True):
        for order in world.orders(who)[before:]:
            day = Anchor.at(order.at, world.merchant.settings.time_zone).wall.date()
            made[day] += order.amount.amount_minor
    assert {day: minor for day, (minor, _) in expected.items()} == made


@pytest.mark.spec("C-7", "R-10", "A-4")
def test_a_forecast_takes_credit_off_with_its_taxes() -> None:
    world = collecting(World())
    product = bought(world, GOLD, MONTHLY, address=BERLIN)
    change(world, product.price_points[1])
    assert world.subscription().credit_minor == 1499
    expected, known = forecast_by_day(world, 60), len(world.orders())
    world.advance(days=60)
    assert expected == charged_by_day(world, known)
    assert min(expected.values()) == (1500 + 285, 1)


@pytest.mark.spec("C-7", "R-8", "B-6")
def test_mail_portal_and_ticket_show_the_next_charge_with_its_taxes() -> None:
    world = collecting(World())
    world.buy(world.product(MONTHLY), address=LOS_ANGELES)
    dearer_from(world, HALF.date())
    world.work()
    (receipt,) = [m for m in world.mailer.sent if m["To"] == "ann@example.com"]
    body = receipt.get_body(("plain",))
    assert body is not None and "$32.83" in body.get_content()
    subscription = world.subscription()
    account = customer_view.account(
        world.ports, world.merchant, subscription.customer, now=world.now
    )
    assert account.purchases[0].next_amount == usd(3283)
    ticket = ask_support(world, world.orders()[0].id)
    amount = decision.next_amount(world.ports, world.merchant, ticket, now=world.now)
    assert amount == usd(3283)


@pytest.mark.spec("C-7", "A-4")
def test_a_late_mail_shows_the_charge_as_its_event_saw_it_with_taxes() -> None:
    world = collecting(World())
    world.buy(world.product(MONTHLY), address=BERLIN)
    subscription = world.subscription()
    stored = [e for n in range(4) for e in world.store.undelivered(n, world.now, 100)]
    (event,) = [e for e in stored if e.kind is EventKind.PURCHASED]
    assert event.was is not None
    was = replace(event.was, credit_minor=1000)
    shown = upcoming.as_it_was(world.ports, world.merchant, subscription, was, now=world.now)
    assert shown == usd(1999 + 380)
    over = replace(was, next_charge_at=None)
    assert (
        upcoming.as_it_was(world.ports, world.merchant, subscription, over, now=world.now) is None
    )


@pytest.mark.spec("C-7", "C-10")
def test_an_address_that_lacks_the_state_is_shown_the_charge_without_tax() -> None:
    world = World()
    world.buy(world.product(MONTHLY), address=replace(LOS_ANGELES, state=None))
    collecting(world)
    subscription = world.subscription()
    shown = upcoming.next_charge(world.ports, world.merchant, subscription, now=world.now)
    assert shown == Money(2999, shown.currency)


@pytest.mark.spec("C-7", "B-4")
def test_a_page_of_payments_reads_the_taxes_of_what_is_to_come_once() -> None:
    world = collecting(World())
    world.buy(world.product(MONTHLY), address=LOS_ANGELES)
    counted = Counting(world.store)
    ports = replace(world.ports, store=counted)
    customer = world.subscription().customer
    account = customer_view.account(ports, world.merchant, customer, now=world.now)
    shown = customer_view.payments(ports, account, cursor=None, now=world.now)
    assert shown.purchases[0].next_amount == usd(3253)
    assert counted.calls["tax_setup"] == 1 and counted.calls["bill_tos"] == 1
