"""Everything that is kept of a customer, for who asks what that is (M-8)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from billing.flows import cards, ticket
from billing.flows.ticket import Request
from billing.gateways import SANDBOX, AccountRef
from billing.tickets import Author, Ownership
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-8")


@pytest.fixture
def shop() -> Shop:
    return Shop()


def lived(shop: Shop) -> str:
    """A customer who bought, was declined once, added a card, removed one, and wrote; their id."""
    world = shop.world
    product = world.product()
    world.buy(product)
    form = world.submission(
        payment_method="pm_card_chargeCustomerFail",
        attempt_key="declined",
        confirm_repeat=True,
        name="Ann Otherwise",
    )
    world.submit(product.default_price_point, form)
    customer = world.subscription().customer
    (first,) = world.history().methods
    ref = AccountRef("acme", SANDBOX, SANDBOX)
    cards.add(
        world.ports,
        "acme",
        customer,
        account=ref,
        token="pm_card_mastercard",
        attempt_key="card",
        now=world.now,
    )
    second = next(m for m in world.history().methods if m.id != first.id)
    cards.use(world.ports, "acme", customer, second.id, now=world.now)
    cards.remove(world.ports, "acme", customer, first.id, now=world.now)
    asked = Request("billing", "ann@example.com", "A question", "Where is it?", key="ask")
    made = ticket.open_one(
        world.ports,
        world.merchant,
        asked,
        customer=customer,
        ownership=Ownership.PORTAL,
        now=world.now,
    )
    ticket.reply(
        world.ports, "acme", made.id, "A note.", author=Author.AGENT, key="r", now=world.now
    )
    return customer


def test_it_holds_all_that_erasing_would_take_away_and_opens_nothing(shop: Shop) -> None:
    customer = lived(shop)
    answer = shop.api.get(f"/v1/customers/{customer}/export")
    assert answer.status == 200
    told: dict[str, Any] = answer.json
    assert (told["id"], told["email"]) == (customer, "ann@example.com")
    assert len(told["subscriptions"]) == 1
    assert {order["kind"] for order in told["orders"]} == {"sale", "failed"}
    assert [m["brand"] for m in told["payment_methods"]] == ["mastercard"]
    assert [m["brand"] for m in told["removed_payment_methods"]] == ["visa"]
    assert {billed["of"] for billed in told["billed"]} == {
        told["subscriptions"][0]["id"],
        told["invoices"][0]["id"],
    }
    (consent,) = told["consents"]
    assert (consent["ip"], consent["purchase"]) == ("192.0.2.1", told["subscriptions"][0]["id"])
    (attempt,) = told["attempts"]
    assert (attempt["name"], attempt["state"]) == ("Ann Otherwise", "declined")
    (thread,) = told["tickets"]
    assert [said["text"] for said in thread["messages"]] == ["Where is it?", "A note."]
    history = shop.world.history()
    secrets = [invoice.download_key for invoice in history.invoices]
    secrets += [found.access_key for found in shop.world.store.tickets_of("acme", customer)]
    text = json.dumps(told)
    assert secrets and [secret for secret in secrets if secret in text] == []


def test_of_nobody_and_of_another_merchants_there_is_none(shop: Shop) -> None:
    customer = lived(shop)
    assert shop.api.get("/v1/customers/cus_nobody/export").status == 404
    assert shop.other.get(f"/v1/customers/{customer}/export").status == 404
    assert shop.stranger.get(f"/v1/customers/{customer}/export").status == 401
