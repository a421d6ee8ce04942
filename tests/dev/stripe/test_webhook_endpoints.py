"""The loopback's accounts and webhook endpoints are Stripe's, and as strict."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.dev.stripe.published import faults

NEW: Any = {"url": "https://pay.example.com/hook", "enabled_events": ["charge.refunded"]}


def test_an_account_has_the_published_shape(client: stripe.StripeClient) -> None:
    assert faults(client.v1.accounts.retrieve_current().to_dict()) == []


def test_an_endpoint_has_the_published_shape_and_shows_its_secret_once(
    client: stripe.StripeClient,
) -> None:
    made = client.v1.webhook_endpoints.create(NEW)
    assert str(made.secret).startswith("whsec_")
    assert faults(made.to_dict()) == []
    found = client.v1.webhook_endpoints.retrieve(made.id)
    assert faults(found.to_dict()) == [] and "secret" not in found.to_dict()
    (listed,) = client.v1.webhook_endpoints.list().data
    assert listed.id == made.id and "secret" not in listed.to_dict()
    off = client.v1.webhook_endpoints.update(made.id, {"disabled": True})
    assert off.status == "disabled"
    assert client.v1.webhook_endpoints.delete(made.id).deleted
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.webhook_endpoints.retrieve(made.id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "pay.example.com"},
        {"url": ""},
        {"enabled_events": []},
        {"enabled_events": ["charge"]},
        {"api_version": "2020-08-27"},
        {"secret": "whsec_mine"},
    ],
)
def test_a_wrong_endpoint_is_refused(client: stripe.StripeClient, wrong: dict[str, Any]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.webhook_endpoints.create({**NEW, **wrong})
    assert client.v1.webhook_endpoints.list().data == []


def test_an_account_has_sixteen_endpoints_at_most(client: stripe.StripeClient) -> None:
    for _ in range(16):
        client.v1.webhook_endpoints.create(NEW)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.webhook_endpoints.create(NEW)
