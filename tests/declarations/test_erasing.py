"""A customer's declarations are in their copy, and go when they are erased (M-8)."""

from __future__ import annotations

import pytest

from billing.declarations.declarations import DeclarationState, Kind
from billing.kernel.errors import Refused
from billing.privacy.flows import erase
from billing.privacy.flows.export import export
from tests.declarations.hall import Hall
from tests.privacy.test_erasing import FAN, Shop, personal
from tests.privacy.test_erasing_merchants import declare


@pytest.mark.spec("M-8", "X-10")
def test_a_customers_declarations_are_exported_and_erased() -> None:
    hall = Hall()
    bought = hall.buy()
    hall.declare(contract=bought.invoice.order_id, kind="extraordinary", reason="It is broken.")
    hall.tick()
    assert hall.declaration.state is DeclarationState.CARRIED_OUT
    copy = export(hall.world.ports, "acme", bought.customer, now=hall.world.now)
    assert copy.declarations == [hall.declaration]
    hall.world.advance(days=1)
    erase.one(hall.world.ports, "acme", bought.customer, now=hall.world.now)
    assert hall.declarations() == []
    assert hall.world.store.declarations_of("acme", bought.customer, 5) == []


@pytest.mark.spec("A-6", "X-10")
def test_a_declaration_that_nobody_decided_keeps_no_account_from_being_erased() -> None:
    shop = Shop()
    declare(shop, Kind.WITHDRAWAL, FAN, shop.customer)
    (found,) = shop.store.declarations("annsart", limit=9)
    assert found.is_verified and found.state is DeclarationState.AGENT
    shop.retained_out()
    shop.advance(days=2)
    held = shop.store.account("annsart")
    assert held is not None and held.erased_at is not None
    assert personal(shop.everything()) == []


@pytest.mark.spec("M-8", "X-10")
def test_who_asks_is_not_half_erased_while_a_proved_declaration_waits_for_a_person() -> None:
    shop = Shop()
    declare(shop, Kind.WITHDRAWAL, FAN, shop.customer)
    shop.cancel_fan()
    with pytest.raises(Refused) as refused:
        erase.one(shop.ports, "annsart", shop.customer, now=shop.now)
    assert refused.value.code == "still_live"
    assert shop.gateway.forgotten == []
