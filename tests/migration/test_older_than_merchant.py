"""Subscriptions that began before their merchant came are in every list of theirs (M-6, W-6)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.accounts.flows import gateway_accounts
from billing.figures.flows import rebuild
from billing.kernel.flows import subscription_list, whole_lists
from billing.kernel.gateways import SANDBOX
from billing.kernel.list_rows import SubscriptionFilter
from billing.kernel.merchants import GatewayAccount
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Anchor
from billing.plans.flows import announce_price, usage
from tests.migration.moving_shop import MovingShop

pytestmark = pytest.mark.spec("M-6")


@pytest.fixture
def shop() -> MovingShop:
    """A shop of a merchant who came today, with what they sold elsewhere two and nine years ago."""
    shop = MovingShop()
    for years in (2, 9):
        shop.subscribe(anchor=shop.world.now - timedelta(days=365 * years + 10))
    shop.move(shop.imported())
    moved = shop.world.store.merchant("acme")
    assert moved is not None
    shop.world.merchant = moved
    return shop


def test_lists_exports_and_limits_of_plans_have_it(shop: MovingShop) -> None:
    ports, seller, now = shop.world.ports, shop.world.merchant, shop.world.now
    ids = {shop.world.subscription(held.email).id for held in shop.source.held.values()}
    assert len(ids) == 2
    sold = whole_lists.subscriptions(ports, seller, after="", now=now)
    assert {found.id for found, _ in sold} == ids
    page = subscription_list.page(
        ports, seller, SubscriptionFilter(), limit=10, cursor=None, now=now
    )
    assert {found.id for found in page.data} == ids
    assert usage.of(ports, seller, now)["subscriptions"] == 2


@pytest.mark.spec("M-10")
def test_figures_that_begin_later_count_it_from_its_merchants_first_day(shop: MovingShop) -> None:
    world = shop.world
    world.advance(days=3)
    rebuild.begin(world.ports, "acme", now=world.now)
    world.advance(minutes=5)
    days = (world.merchant.created_at - timedelta(days=9999)).date(), world.now.date()
    moved = world.store.movements("acme", *days, limit=10, test=True)
    first = Anchor.at(world.merchant.created_at, "UTC").wall.date()
    assert [each.day for each in moved] == [first] * 2


@pytest.mark.spec("W-6")
def test_the_gateway_account_that_charges_it_is_in_use(shop: MovingShop) -> None:
    account = GatewayAccount(SANDBOX, SANDBOX)
    shop.world.change_merchant(gateway_accounts=(account,))
    (holding,) = gateway_accounts.list_accounts(
        shop.world.ports, shop.world.merchant, now=shop.world.now
    )
    assert (holding.live_subscriptions, holding.is_free) == (2, False)


@pytest.mark.spec("X-12")
def test_a_price_for_all_is_announced_to_it(shop: MovingShop) -> None:
    world, point = shop.world, shop.product.default_price_point
    price = Money(3999, Currency.USD)
    announce_price.announce_to_all(world.ports, "acme", point, price, world.now, world.now)
    world.advance(minutes=5)
    for held in shop.source.held.values():
        assert world.subscription(held.email).price_change is not None
