"""Missed notices and proofs in the console (X-12)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.customers import Address
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period
from billing.notices.flows import remind
from tests.console.agent import Agent
from tests.web.shop import Shop

CALIFORNIA = Address("1 Main Street", "Oakland", "US", postal_code="94601", state="CA")
YEARLY = PriceTerms(PriceType.RECURRING, Money(2999, Currency.USD), Period.YEARLY)


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.world.buy(shop.world.product(YEARLY), address=CALIFORNIA)
    return shop


@pytest.mark.spec("X-12", "M-4")
def test_a_missed_notice_is_on_the_attention_page_until_somebody_has_seen_it(shop: Shop) -> None:
    world = shop.world
    world.advance(days=330)
    due_at = world.subscription().next_charge_at
    assert due_at is not None
    world.now = due_at - timedelta(days=10)
    remind.sweep(world.ports, now=world.now)
    agent = Agent.of(shop)
    assert "1 notice wasn't sent in time" in agent.look("/console/attention").text
    assert world.subscription().id in agent.look("/console/notices").text
    (missed,) = world.store.missed_notices("acme", limit=9)
    for _ in range(2):
        assert agent.send(f"/console/notices/{missed.id}/seen").status == 303
    assert agent.send("/console/notices/another/seen").status == 404
    assert "sent in time" not in agent.look("/console/attention").text
    assert "Mark as seen" not in agent.look("/console/notices?before=" + "x" * 500).text


@pytest.mark.spec("X-12", "M-4")
def test_a_subscription_shows_the_notices_that_were_sent_with_their_text(shop: Shop) -> None:
    shop.world.advance(days=345)
    shown = (
        Agent.of(shop).look(f"/console/subscriptions/{shop.world.subscription().id}/notices").text
    )
    assert "Notices sent" in shown and "Upcoming renewal" in shown
    assert "renews on" in shown and "SHA-256" in shown
