"""The search finds invoices by number and tickets by their short number (M-4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.console.flows import numbers
from tests.console.agent import Agent
from tests.web.shop import Shop
from tests.world import World

SOLD = 90


@pytest.fixture(scope="module")
def shop() -> Shop:
    """Ninety purchases over two years, unevenly, with failures between them."""
    shop = Shop(World(limits=False))
    product = shop.world.product()
    for n in range(SOLD):
        shop.world.buy(product, email=f"n{n}@example.com")
        if n % 3 == 0:
            declined = "pm_card_chargeDeclined"
            shop.world.buy(product, email=f"x{n}@example.com", payment_method=declined)
        shop.world.tick()
        shop.world.now += timedelta(days=30 if n % 40 == 0 else 0, seconds=n % 7)
    return shop


@pytest.mark.spec("M-4")
def test_every_invoice_is_found_by_its_number(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    merchant = shop.world.store.merchant("acme")
    assert merchant is not None
    looks: list[int] = []
    kept = type(shop.world.store).orders

    def counted(*args: object, **named: object) -> object:
        looks.append(1)
        return kept(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(type(shop.world.store), "orders", counted)
    for n in range(1, SOLD + 1, 7):
        looks.clear()
        text = f"TEST-{n:06d}"
        found = numbers.invoice(shop.world.ports, merchant, text, now=shop.world.now)
        assert found is not None and found.customer is not None and found.invoice is not None
        invoice = shop.world.store.invoice("acme", found.customer, found.invoice)
        assert invoice is not None and invoice.number == text
        assert len(looks) <= numbers.LOOKS_MOST
    for text in ("TEST-900000", "TEST-000000", "000001", "INV-000001", "CN-000001", "TEST-1"):
        assert numbers.invoice(shop.world.ports, merchant, text, now=shop.world.now) is None


@pytest.mark.spec("M-4", "H-6")
def test_the_search_leads_to_an_invoices_order_and_to_a_ticket(shop: Shop) -> None:
    agent = Agent.of(shop)
    answer = agent.client.browse("GET", "/console/search?q=test-000007")
    assert answer.status == 303
    assert "TEST-000007" in agent.look(answer.headers["location"]).text
    opened = agent.send(
        "/console/tickets/new",
        department="billing",
        email="n1@example.com",
        subject="Lost",
        text="My invoice",
        attempt="attempt_0000001",
    )
    at = opened.headers["location"]
    ticket = shop.world.store.ticket("acme", at.rpartition("/")[2])
    assert ticket is not None
    for typed in (ticket.number, ticket.number.replace("-", ""), f"%23{ticket.number}"):
        found = agent.client.browse("GET", f"/console/search?q={typed}")
        assert (found.status, found.headers.get("location")) == (303, at), typed
    agent.send(f"{at}/reply", text="Here", act="close", attempt="attempt_0000002")
    found = agent.client.browse("GET", f"/console/search?q={ticket.number}")
    assert found.headers.get("location") == at, "a closed one is found too"
    rival = Agent.of(shop, "rival")
    for typed in (ticket.number, "TEST-000007"):
        assert rival.client.browse("GET", f"/console/search?q={typed}").status == 200
