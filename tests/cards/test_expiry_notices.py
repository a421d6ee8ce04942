"""Notices of cards that expire, once their banks renew them (W-7, X-12)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.cards.flows import cards
from billing.kernel.customers import PaymentMethod
from billing.notices.flows import remind
from billing.outbox.flows import deliver
from tests.cards.renewing import ACME, buy, card, renew, taken
from tests.world import World

pytestmark = pytest.mark.spec("W-7")


@pytest.fixture
def world() -> World:
    return World(limits=False)


# The notice that a card expires


def expiring(world: World) -> PaymentMethod:
    """A card whose last month has begun, and whose customer has had no mail about it."""
    before = buy(world)
    world.sandbox.renew_card(before.id, last4="4242", expires_on="2026-02")
    assert taken(world) == "card_updated"
    world.now = world.now.replace(month=2, day=2)
    return card(world)


def notices(world: World) -> list[str]:
    return [subject for subject in world.subjects() if "expires soon" in subject]


@pytest.mark.spec("R-8")
def test_a_renewed_card_is_not_announced_as_expiring(world: World) -> None:
    renew(world, expiring(world))
    assert taken(world) == "card_updated"
    world.advance(days=40)
    assert notices(world) == []


@pytest.mark.spec("R-8")
@pytest.mark.parametrize("digits", ["4242", "1881"], ids=["only another date", "another number"])
def test_a_notice_that_waits_in_the_outbox_is_not_sent_once_the_card_is_renewed(
    world: World, digits: str
) -> None:
    before = expiring(world)
    assert remind.sweep(world.ports, now=world.now)["told"] == 1
    renew(world, before, digits)
    assert taken(world) == "card_updated"
    assert deliver.sweep(world.ports, now=world.now + timedelta(minutes=3))["told"] >= 1
    assert notices(world) == []
    assert not card(world).expiry_told, "the end of the new one is told of when it comes"


@pytest.mark.spec("R-8")
def test_the_end_of_the_card_that_took_its_place_is_announced_too(world: World) -> None:
    before = expiring(world)
    world.tick()
    assert len(notices(world)) == 1
    renew(world, before, "1881", "2026-05")
    assert taken(world) == "card_updated"
    world.advance(days=120)
    assert len(notices(world)) == 2, "once for each date"


@pytest.mark.spec("R-8", "B-9")
def test_a_notice_of_a_card_that_pays_for_nothing_any_more_is_not_sent(world: World) -> None:
    before = expiring(world)
    assert remind.sweep(world.ports, now=world.now)["told"] == 1
    add = {"account": ACME, "token": "pm_card_mastercard", "attempt_key": "k1"}
    cards.add(world.ports, "acme", before.customer, **add, now=world.now)  # type: ignore[arg-type]
    deliver.sweep(world.ports, now=world.now + timedelta(minutes=3))
    assert notices(world) == []
