"""Buying with PayPal over HTTP: away to its page and back, once (C-1, C-2, C-4, W-2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from billing.kernel.catalog import Initial
from billing.kernel.periods import Span, Unit
from billing.kernel.values import replace
from functions.checkout import app
from tests import paypal as on_loopback
from tests.coupons.couponing import coupon
from tests.render.html import Element, read
from tests.scenarios.test_paypal_life import PayPalWorld
from tests.web.calls import Answer, Client
from tests.world import MONTHLY

FORM = {
    "email": "ann@example.com",
    "name": "Ann Example",
    "line1": "1 Main Street",
    "city": "Springfield",
    "country": "US",
    "attempt_key": "attempt-of-ann",
}


@pytest.fixture
def world() -> Iterator[PayPalWorld]:
    with on_loopback.loopback(lambda: made.now) as paypal:
        made = PayPalWorld(paypal)
        yield made


@pytest.fixture
def client(world: PayPalWorld) -> Client:
    return Client(app.build(world.ports))


@pytest.fixture
def place(world: PayPalWorld) -> str:
    return f"/checkout/{world.product(gateways=('paypal',)).default_price_point}"


def away(client: Client, place: str, **fields: str) -> str:
    """The address that a filled-in form leads to."""
    page = client.browse("POST", place, {**FORM, **fields})
    assert page.status == 200, page.body[-500:]
    (link,) = [a for a in links(read(page.body)) if "approve" in a]
    return link


def links(page: Element) -> list[str]:
    return [a.attributes.get("href", "") for a in page.all("a")]


def back(client: Client, url: str) -> Answer:
    parts = urlsplit(url)
    answer = client.browse("GET", f"{parts.path}?{parts.query}")
    return back(client, answer.headers["location"]) if answer.status == 303 else answer


@pytest.mark.spec("C-1", "C-2", "W-2")
def test_the_page_leads_to_paypal_and_back_to_one_purchase(
    world: PayPalWorld, client: Client, place: str
) -> None:
    assert "You agree on PayPal's own page" in read(client.browse("GET", place).body).text
    there = away(client, place)
    assert away(client, place) == there, "the same page for the same attempt"
    returned = world.paypal.buyer(there)
    assert "approval_token_id=" in returned
    for _ in range(2):
        done = read(back(client, returned).body).text
        assert "Ann Example" in done and "Next payment" in done
    assert world.money() == [("succeeded", 0)]


@pytest.mark.spec("C-4", "W-2")
def test_a_buyer_who_turns_back_or_makes_a_token_up_has_bought_nothing(
    world: PayPalWorld, client: Client, place: str
) -> None:
    away(client, place)
    returns = f"{place}/return?attempt=attempt-of-ann&approval_token_id="
    for token in ("", "pm_card_visa", "8KK8451T", "A" * 999):
        answer = client.browse("GET", returns + token)
        assert answer.status == 422, token
        assert "attempt-of-ann" in str(answer.body), "the form as it was filled in"
    stranger = client.browse("GET", f"{place}/return?attempt=unknown&approval_token_id=8KK8451T")
    assert stranger.status == 303 and stranger.headers["location"] == place
    assert world.money() == []


@pytest.mark.spec("C-4", "R-6", "W-2")
@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "broken"])
def test_a_paypal_that_fails_on_the_way_back_charges_once_in_the_end(
    world: PayPalWorld, client: Client, place: str, fault: str
) -> None:
    returned = world.paypal.buyer(away(client, place))
    for posts in range(1, 4):
        world.paypal.fail(fault, 2 * posts, method="POST")
        back(client, returned)
        world.paypal.faults.clear()
    world.now += timedelta(minutes=2)
    assert "Next payment" in read(back(client, returned).body).text
    assert world.money() == [("succeeded", 0)]


@pytest.mark.spec("P-11", "W-2")
def test_a_free_start_keeps_the_agreement_and_charges_nothing(
    world: PayPalWorld, client: Client
) -> None:
    trial = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    place = f"/checkout/{world.product(trial, gateways=('paypal',)).default_price_point}"
    back(client, world.paypal.buyer(away(client, place)))
    assert world.money() == []
    world.advance(days=15)
    assert world.money() == [("succeeded", 0)]


@pytest.mark.spec("P-17", "C-1", "W-2")
def test_of_two_gateways_the_buyer_chooses_and_the_first_is_the_default(
    world: PayPalWorld, client: Client
) -> None:
    place = f"/checkout/{world.product(gateways=('sandbox', 'paypal')).default_price_point}"
    first = read(client.browse("GET", place).body)
    assert "Pay with PayPal instead" in first.text
    assert "?gateway=paypal" in links(first)
    second = read(client.browse("GET", f"{place}?gateway=paypal").body)
    assert "Pay with a test card instead" in second.text
    (chosen,) = [i for i in second.all("input") if i.attributes.get("name") == "gateway"]
    assert chosen.attributes["value"] == "paypal"
    assert client.browse("GET", f"{place}?gateway=stripe").status == 404

    card = {**FORM, "payment_method": "pm_card_visa", "gateway": "sandbox"}
    assert client.browse("POST", place, card).status == 303
    bob = {"email": "bob@example.com", "attempt_key": "attempt-of-bob", "gateway": "paypal"}
    back(client, world.paypal.buyer(away(client, place, **bob)))
    assert world.subscription("bob@example.com").gateway == "paypal"
    assert world.subscription().gateway == "sandbox"
    other = {**card, "attempt_key": "attempt-3", "gateway": "stripe"}
    assert client.browse("POST", place, other).status == 404


@pytest.mark.spec("C-8", "C-12", "W-2")
def test_who_has_used_their_coupon_up_can_go_on_without_it(
    world: PayPalWorld, client: Client, place: str
) -> None:
    """The method that they approved was saved for the refused attempt: no other can have it."""
    coupon(world, max_uses_per_customer=1)
    back(client, world.paypal.buyer(away(client, place, coupon="SPRING")))
    again: dict[str, str] = {"attempt_key": "another", "confirm_repeat": "true"}
    refused = back(client, world.paypal.buyer(away(client, place, coupon="SPRING", **again)))
    assert refused.status == 409 and "coupon" in refused.body
    shown = {
        field.attributes["name"]: field.attributes.get("value", "")
        for field in read(refused.body).all("input")
        if field.attributes.get("type") == "hidden"
    }
    bare = away(client, place, **(again | shown))
    assert "Next payment" in read(back(client, world.paypal.buyer(bare)).body).text
    assert world.money() == [("succeeded", 0)] * 2
