"""3-D Secure and the hosted checkout, as a buyer's browser meets them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stripe
from stripe import StripeClient

from dev.stripe.server import Loopback
from tests.dev.stripe.browser import ask, submit
from tests.dev.stripe.conftest import Clock
from tests.dev.stripe.published import faults

BACK = "https://shop.example/back?order=7"
ASKS = "pm_card_authenticationRequired"


def waiting(client: StripeClient, card: str = ASKS) -> tuple[str, str]:
    """An intent that waits for its buyer, and the bank's page."""
    intent = client.v1.payment_intents.create(
        {
            "amount": 2999,
            "currency": "usd",
            "payment_method": card,
            "confirm": True,
            "return_url": BACK,
        }
    )
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    url = intent.next_action.redirect_to_url.url
    assert url is not None
    return intent.id, url


def test_the_buyer_completes_and_comes_back_with_the_intent(client: StripeClient) -> None:
    intent, url = waiting(client)
    assert "$29.99" in ask("GET", url)[1]
    status, location = submit(url, result="complete")
    assert status == 303
    assert location.startswith("https://shop.example/back?order=7&")
    query = parse_qs(urlsplit(location).query)
    assert (query["payment_intent"], query["redirect_status"]) == ([intent], ["succeeded"])
    assert client.v1.payment_intents.retrieve(intent).status == "succeeded"
    submit(url)
    ask("POST", url, "result=complete")
    ask("POST", url, "result=fail")
    assert len(client.v1.charges.list({"payment_intent": intent}).data) == 1
    assert client.v1.payment_intents.retrieve(intent).status == "succeeded"


def test_the_buyer_fails_and_no_charge_was_tried(client: StripeClient) -> None:
    intent, url = waiting(client)
    _, location = submit(url, result="fail")
    assert parse_qs(urlsplit(location).query)["redirect_status"] == ["failed"]
    standing = client.v1.payment_intents.retrieve(intent)
    assert standing.status == "requires_payment_method"
    assert standing.last_payment_error is not None
    assert standing.last_payment_error.code == "payment_intent_authentication_failure"
    assert client.v1.charges.list({"payment_intent": intent}).data == []
    assert faults(standing.to_dict()) == []


def test_a_bank_may_decline_after_all(client: StripeClient) -> None:
    card = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"
    intent, url = waiting(client, card)
    submit(url, result="complete")
    standing = client.v1.payment_intents.retrieve(intent)
    assert standing.last_payment_error is not None
    assert standing.last_payment_error.decline_code == "insufficient_funds"


def test_the_page_is_for_whoever_has_its_secret(client: StripeClient) -> None:
    intent, url = waiting(client)
    assert ask("POST", url.partition("?")[0], "result=complete&secret=x")[0] == 404
    assert ask("GET", url.replace(intent, "pi_none"))[0] == 404
    client.v1.payment_intents.cancel(intent)
    assert ask("POST", url, "result=complete")[0] in (200, 303)
    assert client.v1.payment_intents.retrieve(intent).status == "canceled"


@pytest.mark.parametrize(
    ("card", "asked"),
    [
        ("pm_card_visa", False),
        (ASKS, True),
        ("pm_card_authenticationRequiredOnSetup", True),
        ("pm_card_authenticationRequiredSetupForOffSession", False),
        ("pm_card_threeDSecure2Required", True),
    ],
)
def test_a_card_is_set_up_for_later(client: StripeClient, card: str, asked: bool) -> None:
    customer = client.v1.customers.create({"email": "ann@example.com"}).id
    setup = client.v1.setup_intents.create(
        {
            "customer": customer,
            "payment_method": card,
            "confirm": True,
            "usage": "off_session",
            "return_url": BACK,
        }
    )
    assert faults(setup.to_dict()) == []
    assert setup.status == ("requires_action" if asked else "succeeded")
    if asked:
        assert setup.next_action is not None
        assert setup.next_action.redirect_to_url is not None
        assert setup.next_action.redirect_to_url.url is not None
        _, location = submit(setup.next_action.redirect_to_url.url, result="complete")
        assert parse_qs(urlsplit(location).query)["setup_intent"] == [setup.id]
    done = client.v1.setup_intents.retrieve(setup.id)
    assert done.status == "succeeded"
    kept = client.v1.customers.payment_methods.list(customer)
    assert [m.id for m in kept] == [done.payment_method]
    order: Any = {"amount": 2999, "currency": "usd", "customer": customer, "confirm": True}
    order |= {"payment_method": done.payment_method, "off_session": True}
    if card in (ASKS, "pm_card_threeDSecure2Required"):
        with pytest.raises(stripe.CardError) as again:
            client.v1.payment_intents.create(order)
        assert again.value.code == "authentication_required"
    else:
        assert client.v1.payment_intents.create(order).status == "succeeded"


def test_a_card_is_not_set_up_against_its_bank(client: StripeClient) -> None:
    with pytest.raises(stripe.CardError) as declined:
        client.v1.setup_intents.create(
            {
                "payment_method": "pm_card_chargeDeclinedExpiredCard",
                "confirm": True,
                "return_url": BACK,
            }
        )
    assert declined.value.error is not None
    assert declined.value.error.setup_intent is not None
    standing = client.v1.setup_intents.retrieve(declined.value.error.setup_intent.id)
    assert standing.status == "requires_payment_method"
    assert faults(standing.to_dict()) == []
    setup = client.v1.setup_intents.create(
        {"payment_method": ASKS, "confirm": True, "return_url": BACK}
    )
    assert setup.next_action is not None
    assert setup.next_action.redirect_to_url is not None
    submit(str(setup.next_action.redirect_to_url.url), result="fail")
    failed = client.v1.setup_intents.retrieve(setup.id)
    assert failed.last_setup_error is not None
    assert failed.last_setup_error.code == "setup_intent_authentication_failure"
    assert faults(failed.to_dict()) == []


def session_of(client: StripeClient, mode: str, **more: Any) -> stripe.checkout.Session:
    form: Any = {
        "mode": mode,
        "success_url": "https://shop.example/done?s={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.example/cancel",
        **more,
    }
    if mode == "payment":
        price = {"currency": "usd", "unit_amount": 1500, "product_data": {"name": "Course"}}
        form["line_items"] = [{"price_data": price, "quantity": 2}]
    made = client.v1.checkout.sessions.create(form)
    assert made.url is not None
    assert faults(made.to_dict()) == []
    return made


def test_the_hosted_page_takes_a_payment_after_a_decline(client: StripeClient) -> None:
    customer = client.v1.customers.create({"email": "ann@example.com"}).id
    data = {"setup_future_usage": "off_session", "metadata": {"invoice": "sub_1.0001"}}
    session = session_of(client, "payment", customer=customer, payment_intent_data=data)
    assert "https://shop.example/cancel" in ask("GET", str(session.url))[1]
    status, shown = submit(str(session.url), card="pm_card_chargeDeclined")
    assert status == 200
    assert "Your card was declined." in shown
    status, location = submit(str(session.url), card="pm_card_visa")
    assert (status, location) == (303, f"https://shop.example/done?s={session.id}")
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (done.status, done.payment_status, done.amount_total) == ("complete", "paid", 3000)
    paid = done.payment_intent
    assert isinstance(paid, stripe.PaymentIntent)
    assert (paid.status, paid.metadata.to_dict()) == ("succeeded", {"invoice": "sub_1.0001"})
    kept = client.v1.payment_methods.list({"customer": customer})
    assert [m.id for m in kept] == [paid.payment_method]
    assert faults(done.to_dict()) == []
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.expire(session.id)


def test_the_hosted_page_saves_a_card_after_3_d_secure(client: StripeClient) -> None:
    customer = client.v1.customers.create({}).id
    session = session_of(client, "setup", customer=customer, currency="usd")
    _, bank = submit(str(session.url), card=ASKS)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    _, location = submit(bank, result="complete")
    assert location == f"https://shop.example/done?s={session.id}"
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    assert done.status == "complete"
    assert isinstance(done.setup_intent, stripe.SetupIntent)
    assert done.setup_intent.status == "succeeded"
    assert len(client.v1.payment_methods.list({"customer": customer}).data) == 1


def test_an_expired_session_can_never_pay(
    loopback: Loopback, client: StripeClient, clock: Clock
) -> None:
    session = session_of(client, "payment")
    _, bank = submit(str(session.url), card=ASKS, email="ann@example.com")
    waits = client.v1.checkout.sessions.retrieve(session.id).payment_intent
    with pytest.raises(stripe.InvalidRequestError, match="Expire"):
        client.v1.payment_intents.cancel(str(waits))
    assert client.v1.checkout.sessions.expire(session.id).status == "expired"
    assert client.v1.payment_intents.retrieve(str(waits)).status == "canceled"
    ask("POST", bank, "result=complete")
    ask("POST", str(session.url), "card=pm_card_visa")
    assert client.v1.charges.list().data == []
    left_alone = session_of(client, "setup")
    clock.move(hours=25)
    loopback.webhooks.deliver()
    gone = client.v1.checkout.sessions.retrieve(left_alone.id)
    assert gone.status == "expired"
    assert faults(gone.to_dict()) == []
