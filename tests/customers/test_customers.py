"""Changing a customer through the API (M-1)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.outbox.flows import suppressions
from billing.outbox.suppressions import Returned, StopReason
from tests.web.shop import Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_email_name_and_address_change_and_purchases_keep_their_own(shop: Shop) -> None:
    bought = shop.world.buy()
    address = f"/v1/customers/{bought.customer}"
    where = {"line1": "2 Side Street", "city": "Utica", "country": "US"}
    changed = shop.api.call(
        "PATCH", address, {"email": "Ann.New@example.com", "name": "Ann New", "address": where}
    )
    assert (changed.status, changed.json["email"]) == (200, "ann.new@example.com")
    assert shop.api.get("/v1/customers", email="ann.new@example.com").json["data"]
    assert shop.api.get("/v1/customers", email="ann@example.com").json["data"] == []
    (invoice,) = shop.world.history("ann.new@example.com").invoices
    assert invoice.bill_to.email == "ann@example.com"
    again = shop.api.call("PATCH", address, {"email": "ann@example.com"})
    assert again.json["name"] == "Ann New"
    assert shop.api.call("PATCH", address, {}).json == again.json


def test_an_email_belongs_to_one_customer(shop: Shop) -> None:
    product = shop.world.product()
    shop.world.buy(product)
    other = shop.world.buy(product, email="bob@example.com")
    taken = shop.api.call("PATCH", f"/v1/customers/{other.customer}", {"email": "ann@example.com"})
    assert (taken.status, taken.json["code"]) == (409, "email_taken")
    assert shop.api.get(f"/v1/customers/{other.customer}").json["email"] == "bob@example.com"


@pytest.mark.parametrize(
    "body",
    [{"email": "no"}, {"name": ""}, {"address": {"city": "Utica"}}, {"id": "x"}, {"name": 7}],
)
def test_a_malformed_change_changes_nothing(shop: Shop, body: dict[str, object]) -> None:
    bought = shop.world.buy()
    address = f"/v1/customers/{bought.customer}"
    before = shop.api.get(address).json
    assert shop.api.call("PATCH", address, body).status == 422
    assert shop.api.get(address).json == before


@pytest.mark.spec("M-8")
def test_a_customer_is_erased_once_nothing_runs_and_only_by_their_own_merchant(shop: Shop) -> None:
    bought = shop.world.buy()
    address = f"/v1/customers/{bought.customer}"
    running = shop.api.post(f"{address}/erase")
    assert (running.status, running.json["code"]) == (409, "still_live")
    shop.api.post(f"/v1/subscriptions/{bought.purchase}/cancel", {"when": "now"})
    assert shop.other.post(f"{address}/erase").status == 404
    assert shop.stranger.post(f"{address}/erase").status == 401
    assert shop.api.get(address).json["email"] == "ann@example.com"
    shop.world.sandbox.faults.arm("unavailable", 1)
    assert shop.api.post(f"{address}/erase").status == 503
    for _ in range(2):
        erased = shop.api.post(f"{address}/erase")
        assert (erased.status, erased.json["email"], erased.json["name"]) == (200, *["erased"] * 2)
    assert shop.api.get(address).json["orders"]
    assert shop.api.get("/v1/customers", email="ann@example.com").json["data"] == []
    shop.world.now += timedelta(minutes=5)
    assert shop.world.buy(email="ann@example.com").customer != bought.customer


@pytest.mark.spec("R-8")
def test_mail_that_came_back_shows_and_the_merchant_lifts_it(shop: Shop) -> None:
    bought = shop.world.buy()
    address = f"/v1/customers/{bought.customer}"
    assert shop.api.get(address).json["mail_stopped"] is None
    at = shop.world.now
    told = Returned("acme", "ann@example.com", StopReason.BOUNCED, at, "General")
    suppressions.record(shop.world.ports, [told])
    shown = shop.api.get(address).json["mail_stopped"]
    assert (shown["reason"], shown["code"]) == ("bounced", "General")
    lifted = shop.api.post(f"{address}/resume-mail", {})
    assert (lifted.status, lifted.json["mail_stopped"]) == (200, None)
    assert shop.api.post(f"{address}/resume-mail", {}).status == 200
    assert shop.api.post("/v1/customers/cus_nobody/resume-mail", {}).status == 404
