"""A customer's declarations are in their copy, and go when they are erased (M-8)."""

from __future__ import annotations

import pytest

from billing.declarations.declarations import DeclarationState
from billing.privacy.flows import erase
from billing.privacy.flows.export import export
from tests.declarations.hall import Hall


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
