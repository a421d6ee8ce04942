"""PayPal asked with keys that are not stored yet, by its own descriptions (W-2)."""

from __future__ import annotations

import pytest

from billing.gateways.paypal.setup import EVENTS, PayPalSetup
from billing.gateways.spec import SetupHost
from billing.kernel.errors import Invalid, RateLimited, Refused, Unreachable
from billing.kernel.gateway_setup import AccountFound, EndpointState
from dev.paypal.server import Loopback
from tests.gateways.paypal.paying import Clock

URL = "https://pay.example.com/webhooks/paypal/acme"


@pytest.fixture
def setup(paypal: Loopback, clock: Clock) -> PayPalSetup:
    keys = {"client_id": paypal.client_id, "client_secret": paypal.client_secret}
    return PayPalSetup(SetupHost(keys, True, clock, paypal.base_url))


@pytest.mark.spec("W-2", "P-17")
def test_the_account_is_the_payee_of_an_order_that_nobody_can_pay(
    setup: PayPalSetup, paypal: Loopback
) -> None:
    assert setup.find_account() == AccountFound("X5XAHHCG636FA_test")
    (order,) = paypal.books.orders.values()
    assert order["status"] == "CREATED" and "payment_source" not in order
    assert paypal.charges() == []


@pytest.mark.spec("W-2")
def test_a_webhook_is_made_found_and_completed(setup: PayPalSetup, paypal: Loopback) -> None:
    assert setup.endpoint(URL) is EndpointState.MISSING
    made = setup.listen(URL, {}, key="a")
    assert setup.endpoint(URL) is EndpointState.LISTENING
    assert setup.listen(URL, {}, key="b") == made and len(paypal.books.webhooks) == 1
    (webhook,) = paypal.books.webhooks.values()
    assert [each["name"] for each in webhook["event_types"]] == list(EVENTS)
    webhook["event_types"] = webhook["event_types"][:1]
    assert setup.endpoint(URL) is EndpointState.INCOMPLETE
    assert setup.listen(URL, {}, key="c") == made
    assert setup.endpoint(URL) is EndpointState.LISTENING
    assert "secret" not in repr(made)


@pytest.mark.spec("W-2")
def test_an_app_without_room_for_a_webhook_is_refused(setup: PayPalSetup, paypal: Loopback) -> None:
    for number in range(10):
        paypal.books.webhooks[str(number)] = {
            "id": str(number),
            "url": f"https://example.com/{number}",
            "event_types": [{"name": "*"}],
        }
    with pytest.raises(Refused) as refused:
        setup.listen(URL, {}, key="a")
    assert refused.value.reason == "endpoint_refused"


@pytest.mark.spec("W-2", "R-6")
@pytest.mark.parametrize(
    ("fault", "kind"),
    [("timeout_before", Unreachable), ("broken", Unreachable), ("too_many", RateLimited)],
)
def test_no_answer_is_no_verdict_on_the_keys(
    setup: PayPalSetup, paypal: Loopback, fault: str, kind: type[Exception]
) -> None:
    paypal.fail(fault, 5)
    with pytest.raises(kind):
        setup.find_account()


@pytest.mark.spec("W-2")
def test_wrong_keys_and_an_app_without_the_vault_are_told_apart(
    setup: PayPalSetup, paypal: Loopback, clock: Clock
) -> None:
    paypal.scope = ("https://uri.paypal.com/services/payments/payment",)
    with pytest.raises(Refused) as refused:
        setup.find_account()
    assert refused.value.reason == "app_may_not_vault"
    wrong = {"client_id": paypal.client_id, "client_secret": "a-wrong-secret"}
    with pytest.raises(Invalid) as invalid:
        PayPalSetup(SetupHost(wrong, True, clock, paypal.base_url)).find_account()
    assert invalid.value.reason == "app_not_accepted"
    assert "a-wrong-secret" not in str(invalid.value)
