"""Data that is erased with its merchant although no order names it (A-6, M-8)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.cancel.regions.rules import Duty
from billing.declarations.declarations import Declared, Kind
from billing.declarations.flows import receive
from billing.declarations.flows.receive import Sender
from billing.kernel.walks import Seen
from billing.privacy.flows import erase_merchant
from tests.migration.moving_shop import MovingShop
from tests.privacy.test_erasing import Shop, personal


def declare(shop: Shop, kind: Kind, contact: str, customer: str | None = None) -> None:
    duty = Duty.WITHDRAWAL if kind is Kind.WITHDRAWAL else Duty.CANCELLATION
    receive.receive(
        shop.ports,
        shop.seller(),
        duty,
        Declared(kind, "Ann Example", contact, "Prints"),
        Sender("192.0.2.1", "US", "en", customer=customer),
        key="attempt-declared",
        now=shop.now,
    )
    shop.now += timedelta(minutes=1)
    shop.tick()


@pytest.mark.spec("A-6", "X-10")
def test_what_strangers_declared_goes_with_the_merchant() -> None:
    shop = Shop()
    declare(shop, Kind.ORDINARY, "stranger@example.com")
    shop.retained_out()
    shop.advance(days=2)
    assert shop.store.declarations("annsart", limit=9) == []
    assert personal(shop.everything()) == []


@pytest.mark.spec("A-6", "M-6")
def test_who_was_moved_here_and_given_back_is_erased_with_the_merchant() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    shop.begin_undo(imported)
    shop.advance(hours=1)
    world = shop.world
    moved = world.store.customer_by_email("acme", held.email)
    assert moved is not None and not world.store.history("acme", moved).orders
    assert erase_merchant.unsold(world.ports, world.merchant, lambda: True) is Seen.FINISHED
    history = world.store.history("acme", moved)
    assert history.customer is not None and history.customer.is_erased
    assert not history.methods
