"""The oracle of shapes sees what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.dev.stripe.published import faults


@pytest.fixture
def charge(client: stripe.StripeClient) -> dict[str, Any]:
    intent = client.v1.payment_intents.create(
        {
            "amount": 100,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "return_url": "https://shop.example/",
            "expand": ["latest_charge"],
        }
    )
    made = intent.latest_charge
    assert isinstance(made, stripe.Charge)
    return made.to_dict()


def test_every_field_of_the_example_is_needed(charge: dict[str, Any]) -> None:
    assert faults(charge) == []
    for name in charge.keys() - {"object"}:
        assert faults({n: v for n, v in charge.items() if n != name}), name


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "100"},
        {"amount": None},
        {"paid": 1},
        {"source": 7},
        {"fraud_details": {"stripe_report": 5}},
        {"invented": 1},
        {"billing_details": {}},
        {"outcome": {"type": "authorized", "invented": 1}},
        {"refunds": []},
        {"payment_method_details": {"type": 4}},
    ],
)
def test_wrong_types_and_texts_are_seen(charge: dict[str, Any], wrong: dict[str, Any]) -> None:
    assert faults({**charge, **wrong})
