"""The demo, sold through Stripe on the loopback; products that name the sandbox stay with it."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.local_stack.laptop import Laptop

pytestmark = pytest.mark.slow


def charges(laptop: Laptop) -> list[Any]:
    return [
        (each["gateway"], each["status"], each["amount"]["amount"])
        for each in laptop.get("/_dev/charges")["data"]
    ]


@pytest.mark.spec("W-1", "W-3")
def test_each_product_is_charged_at_its_own_gateway(laptop: Laptop) -> None:
    product = laptop.post(
        "/v1/products",
        {
            "name": "Field Notes",
            "public_listing": False,
            "refund_days": 30,
            "gateways": ["sandbox"],
            "price_points": [{"type": "one_time", "price": {"amount": 1900, "currency": "USD"}}],
        },
    )
    assert laptop.buy(product["price_points"][0]["id"], "ann@example.com")[0] == 201
    assert laptop.buy("demo.library-1", "ann@example.com", attempt_key="two")[0] == 201
    assert laptop.buy("demo.library-1", "bob@example.com", **FAILS)[0] == 402
    assert charges(laptop) == [
        ("stripe", "declined", 2999),
        ("stripe", "succeeded", 2999),
        ("sandbox", "succeeded", 1900),
    ]
    laptop.kill()
    laptop.start()
    assert len(charges(laptop)) == 3
    laptop.post("/_dev/clock", {"advance": "P32D"})
    assert charges(laptop)[0] == ("stripe", "succeeded", 2999)
    assert len(charges(laptop)) == 4


FAILS = {"payment_method": "pm_card_chargeCustomerFail"}


@pytest.mark.spec("R-6")
@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "unavailable"])
def test_whatever_fails_at_stripe_each_period_is_charged_once(laptop: Laptop, kind: str) -> None:
    for n in range(3):
        assert laptop.buy("demo.library-1", f"buyer{n}@example.com")[0] == 201
    laptop.post("/_dev/faults", {"gateway": kind, "next": 7})
    laptop.post("/_dev/clock", {"advance": "P32D"})
    assert charges(laptop) == [("stripe", "succeeded", 2999)] * 6
    assert len(laptop.all("/v1/orders?kind=rebill")) == 3


@pytest.mark.spec("W-1")
def test_every_event_of_a_month_is_taken(laptop: Laptop) -> None:
    assert laptop.buy("demo.library-1", "ann@example.com")[0] == 201
    laptop.post("/_dev/stripe/webhooks", {"times": 2, "reverse": True})
    laptop.post("/_dev/clock", {"advance": "P32D"})
    undelivered = stripe(laptop, "/v1/events?delivery_success=false&type=payment_intent.succeeded")
    assert undelivered["data"] == []
    assert len(stripe(laptop, "/v1/events?type=payment_intent.succeeded")["data"]) == 2


def stripe(laptop: Laptop, path: str) -> Any:
    """Ask the loopback itself, as the demo merchant might."""
    known = json.loads((laptop.data / "stripe.json").read_text())
    request = Request(
        f"http://127.0.0.1:{known['port']}{path}",
        headers={"Authorization": f"Bearer {known['secret_key']}"},
    )
    deadline = time.monotonic() + 10
    while True:
        with urlopen(request, timeout=10) as answer:
            found = json.loads(answer.read())
        if time.monotonic() > deadline or "delivery_success" not in path or not found["data"]:
            return found
        time.sleep(0.2)
