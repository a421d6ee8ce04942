"""Prices that rise, and whose notice is mailed later than it was written (X-12, P-18)."""

from __future__ import annotations

import pytest

from billing.kernel.money import Currency, Money
from billing.outbox.flows import suppressions
from billing.outbox.suppressions import Returned, StopReason
from billing.plans.flows import announce_price
from tests.outbox.late import untold
from tests.world import World

NOTICE = "price of Course changes"


def amounts(world: World) -> list[int]:
    return [int(charge["amount"]["amount"]) for charge in world.charges()]


def announced(minor: int) -> World:
    """Returns a world whose renewal of February 28 comes with another price, told on February 7."""
    world = World()
    world.buy()
    world.advance(minutes=5)
    price = Money(minor, Currency.USD)
    announce_price.announce(world.ports, world.subscription(), price, world.now, now=world.now)
    return world


def words(world: World) -> list[str]:
    return [
        mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        for mail in world.mailer.sent
        if NOTICE in mail["Subject"]
    ]


@pytest.mark.spec("X-12", "P-18")
@pytest.mark.parametrize(("minor", "paid"), [(3999, 2999), (1999, 1999)])
def test_a_rise_whose_notice_was_mailed_too_late_waits_for_the_renewal_after(
    minor: int, paid: int
) -> None:
    world = announced(minor)
    with untold():
        world.advance(days=24)
    world.advance(minutes=5)
    (text,) = words(world)
    assert ("From March 31, 2026" in text) == (minor > 2999)
    world.advance(days=40)
    assert amounts(world) == [2999, paid, minor]
    assert len(words(world)) == 1


@pytest.mark.spec("X-12", "P-18")
def test_a_rise_rests_whose_notice_is_late_and_goes_to_an_address_that_takes_no_mail() -> None:
    world = announced(3999)
    with untold():
        world.advance(days=24)
    stop = Returned("acme", "ann@example.com", StopReason.BOUNCED, world.now, None)
    suppressions.record(world.ports, [stop])
    world.advance(minutes=5)
    assert world.subscription().price_change.told_at is None  # type: ignore[union-attr]
    world.advance(days=70)
    assert amounts(world) == [2999] * 4
    assert words(world) == []


@pytest.mark.spec("X-12", "P-18", "W-5")
@pytest.mark.parametrize(("minor", "paid"), [(3999, 2999), (1999, 1999)])
def test_no_price_rises_that_nobody_could_be_told_of_while_nothing_was_sent(
    minor: int, paid: int
) -> None:
    world = announced(minor)
    world.change_merchant(armed=False)
    world.advance(days=32)
    assert words(world) == []
    world.change_merchant(armed=True)
    world.advance(days=1)
    assert amounts(world) == [2999, paid]
    world.advance(days=30)
    assert amounts(world) == [2999, paid, minor]
    assert len(words(world)) == (1 if minor > 2999 else 0)


@pytest.mark.spec("X-12", "W-5")
def test_armed_again_in_its_window_a_rise_is_told_within_a_day() -> None:
    world = announced(3999)
    world.change_merchant(armed=False)
    world.advance(days=10)
    assert world.subscription().price_change.told_at is None  # type: ignore[union-attr]
    world.change_merchant(armed=True)
    world.advance(days=1)
    assert len(words(world)) == 1
    world.advance(days=21)
    assert amounts(world) == [2999, 3999]
