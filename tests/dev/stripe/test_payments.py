"""The SDK buys, is declined and refunds at the loopback; every object could be Stripe's."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
from stripe import StripeClient

from tests.dev.stripe.published import faults


def test_an_off_session_payment_from_saving_the_card_to_the_refund(client: StripeClient) -> None:
    customer = bought_by(client)
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    assert method.customer == customer
    assert [m.id for m in client.v1.payment_methods.list({"customer": customer})] == [method.id]
    intent = prepared(client, customer)
    assert intent.status == "requires_payment_method"
    paid = client.v1.payment_intents.confirm(
        intent.id, {"payment_method": method.id, "off_session": True, "expand": ["latest_charge"]}
    )
    assert (paid.status, paid.amount_received) == ("succeeded", 2999)
    charge = paid.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert (charge.status, charge.payment_intent, charge.refunded) == ("succeeded", paid.id, False)
    part = client.v1.refunds.create({"payment_intent": paid.id, "amount": 1000})
    rest = client.v1.refunds.create({"charge": charge.id})
    assert (part.status, part.amount, rest.amount) == ("succeeded", 1000, 1999)
    again = client.v1.charges.retrieve(charge.id)
    assert (again.refunded, again.amount_refunded) == (True, 2999)
    found = client.v1.refunds.list({"payment_intent": paid.id})
    assert [r.id for r in found] == [rest.id, part.id]
    line = client.v1.charges.retrieve(charge.id, {"expand": ["balance_transaction"]})
    for thing in (method, intent, paid, charge, part, again, line):
        assert faults(thing.to_dict()) == []
    assert isinstance(line.balance_transaction, stripe.BalanceTransaction)
    assert faults(line.balance_transaction.to_dict()) == []


DECLINES = [
    ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ("pm_card_chargeDeclinedFraudulent", "card_declined", "fraudulent"),
    ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
]


@pytest.mark.parametrize(("card", "code", "decline_code"), DECLINES)
def test_a_decline_is_an_error_that_carries_its_intent(
    client: StripeClient, card: str, code: str, decline_code: str
) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 2999, "currency": "usd", "payment_method": card, **NO_REDIRECTS}
    )
    assert intent.status == "requires_confirmation"
    with pytest.raises(stripe.CardError) as declined:
        client.v1.payment_intents.confirm(intent.id)
    error = declined.value
    assert (error.http_status, error.code) == (402, code)
    assert error.error is not None
    assert error.error.decline_code == decline_code
    within = error.error.payment_intent
    assert within is not None
    assert (within.id, within.status) == (intent.id, "requires_payment_method")
    standing = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert standing.last_payment_error is not None
    assert standing.last_payment_error.decline_code == decline_code
    assert standing.payment_method is None
    charge = standing.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, code)
    assert faults(standing.to_dict()) == []
    assert faults(charge.to_dict()) == []


@pytest.mark.parametrize("card", [card for card, _, _ in DECLINES[:8]])
def test_a_card_that_its_bank_declines_is_not_saved(client: StripeClient, card: str) -> None:
    customer = bought_by(client)
    with pytest.raises(stripe.CardError):
        client.v1.payment_methods.attach(card, {"customer": customer})
    assert client.v1.payment_methods.list({"customer": customer}).data == []


def test_an_update_clears_what_the_last_attempt_left(client: StripeClient) -> None:
    intent = prepared(client, None, allowed_payment_method_types=["card"])
    with pytest.raises(stripe.CardError):
        confirm(client, intent.id, "pm_card_chargeDeclined")
    begun = client.v1.payment_intents.update(intent.id, {"metadata": {"attempt": "2"}})
    assert (begun.status, begun.last_payment_error) == ("requires_payment_method", None)
    assert faults(begun.to_dict()) == []
    on_session = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert on_session.status == "succeeded"


def test_a_card_may_be_saved_and_decline_later(client: StripeClient) -> None:
    customer = bought_by(client)
    method = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    intent = prepared(client, customer)
    for _ in range(2):
        with pytest.raises(stripe.CardError, match="declined"):
            confirm(client, intent.id, method.id)
    good = client.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer})
    assert confirm(client, intent.id, good.id).status == "succeeded"
    statuses = [c.status for c in client.v1.charges.list({"payment_intent": intent.id})]
    assert statuses == ["succeeded", "failed", "failed"]


def test_an_intent_succeeds_once(client: StripeClient) -> None:
    intent = paid_by(client, bought_by(client))
    with pytest.raises(stripe.InvalidRequestError) as again:
        confirm(client, intent.id, "pm_card_visa")
    assert again.value.code == "payment_intent_unexpected_state"
    assert again.value.error is not None
    assert again.value.error.payment_intent is not None
    assert again.value.error.payment_intent.status == "succeeded"
    assert len(client.v1.charges.list({"payment_intent": intent.id}).data) == 1
    with pytest.raises(stripe.InvalidRequestError, match="You cannot cancel") as late:
        client.v1.payment_intents.cancel(intent.id)
    assert late.value.code == "payment_intent_unexpected_state"


def test_a_cancelled_intent_can_never_succeed(client: StripeClient) -> None:
    intent = prepared(client, bought_by(client))
    cancelled = client.v1.payment_intents.cancel(
        intent.id, {"cancellation_reason": "requested_by_customer"}
    )
    assert (cancelled.status, cancelled.cancellation_reason) == (
        "canceled",
        "requested_by_customer",
    )
    assert faults(cancelled.to_dict()) == []
    for call in (
        lambda: confirm(client, intent.id, "pm_card_visa"),
        lambda: client.v1.payment_intents.cancel(intent.id),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            call()
        assert refused.value.code == "payment_intent_unexpected_state"


def test_off_session_a_bank_that_wants_its_customer_is_a_decline(client: StripeClient) -> None:
    customer = bought_by(client)
    method = client.v1.payment_methods.attach(
        "pm_card_authenticationRequired", {"customer": customer}
    )
    intent = prepared(client, customer)
    with pytest.raises(stripe.CardError) as asked:
        confirm(client, intent.id, method.id)
    assert asked.value.code == "authentication_required"
    assert asked.value.error is not None
    assert asked.value.error.payment_method is not None
    assert asked.value.error.payment_method.id == method.id
    standing = client.v1.payment_intents.retrieve(intent.id)
    assert standing.status == "requires_payment_method"
    assert faults(standing.to_dict()) == []


def test_on_session_it_asks_for_3_d_secure(client: StripeClient) -> None:
    customer = bought_by(client)
    intent = prepared(client, customer)
    asked = client.v1.payment_intents.confirm(
        intent.id,
        {
            "payment_method": "pm_card_authenticationRequired",
            "return_url": "https://shop.example/back?a=1",
        },
    )
    assert asked.status == "requires_action"
    assert asked.next_action is not None
    assert asked.next_action.redirect_to_url is not None
    assert asked.next_action.redirect_to_url.return_url == "https://shop.example/back?a=1"
    assert asked.latest_charge is None
    assert faults(asked.to_dict()) == []
    assert client.v1.payment_intents.cancel(intent.id).status == "canceled"


def test_a_card_set_up_with_its_first_payment_is_kept(client: StripeClient) -> None:
    customer = bought_by(client)
    intent = prepared(client, customer, setup_future_usage="off_session")
    paid = client.v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", "return_url": "https://shop.example/"}
    )
    assert paid.status == "succeeded"
    kept = client.v1.customers.payment_methods.list(customer)
    assert [m.id for m in kept] == [paid.payment_method]
    next_one = prepared(client, customer)
    assert confirm(client, next_one.id, str(paid.payment_method)).status == "succeeded"


def test_a_payment_method_without_a_customer_is_used_once(client: StripeClient) -> None:
    paid = paid_by(client, None)
    with pytest.raises(stripe.InvalidRequestError, match="previously used"):
        confirm(client, prepared(client, None).id, str(paid.payment_method))


def test_a_detached_card_pays_nothing_any_more(client: StripeClient) -> None:
    customer = bought_by(client)
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    assert client.v1.payment_methods.detach(method.id).customer is None
    assert client.v1.payment_methods.list({"customer": customer}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="detached"):
        confirm(client, prepared(client, customer).id, method.id)


def test_a_card_of_somebody_else_is_refused(client: StripeClient) -> None:
    ann, bob = bought_by(client), bought_by(client)
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": ann})
    for payer in (bob, None):
        with pytest.raises(stripe.InvalidRequestError):
            confirm(client, prepared(client, payer).id, method.id)


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "usd", "amount_too_small"),
        (49, "jpy", "amount_too_small"),
        (0, "usd", "parameter_invalid_integer"),
        (-5, "usd", "parameter_invalid_integer"),
        (100_000_000, "usd", "amount_too_large"),
    ],
)
def test_amounts_have_bounds(client: StripeClient, amount: int, currency: str, code: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create({"amount": amount, "currency": currency})
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("/v1/payment_intents", {"amount": "x", "currency": "usd"}, "parameter_invalid_integer"),
        ("/v1/payment_intents", {"currency": "usd"}, "parameter_missing"),
        (
            "/v1/payment_intents",
            {"amount": 999, "currency": "usd", "colour": "red"},
            "parameter_unknown",
        ),
        ("/v1/customers", {"address": {"planet": "earth"}}, "parameter_unknown"),
        ("/v1/payment_intents/pi_none/confirm", {}, "resource_missing"),
        ("/v1/payment_methods/pm_none/attach", {"customer": "cus_none"}, "resource_missing"),
        ("/v1/refunds", {"payment_intent": "pi_none"}, "resource_missing"),
    ],
)
def test_what_is_wrong_is_named(
    client: StripeClient, path: str, params: dict[str, Any], code: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.raw_request("post", path, **params)
    assert refused.value.code == code


def test_refunds_never_exceed_their_charge(client: StripeClient) -> None:
    paid = paid_by(client, None)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        client.v1.refunds.create({"payment_intent": paid.id, "amount": 3000})
    client.v1.refunds.create({"payment_intent": paid.id})
    with pytest.raises(stripe.InvalidRequestError) as twice:
        client.v1.refunds.create({"payment_intent": paid.id})
    assert twice.value.code == "charge_already_refunded"
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        client.v1.refunds.create({"payment_intent": prepared(client, None).id})


def test_lists_have_pages_and_filters(client: StripeClient, clock: Any) -> None:
    customer = bought_by(client)
    made = []
    for _ in range(5):
        made.append(prepared(client, customer).id)
        clock.move(minutes=1)
    prepared(client, None)
    first = client.v1.payment_intents.list({"customer": customer, "limit": 2})
    assert ([i.id for i in first.data], first.has_more) == (made[:2:-1], True)
    everyone = client.v1.payment_intents.list({"customer": customer, "limit": 2})
    assert [i.id for i in everyone.auto_paging_iter()] == made[::-1]
    before = client.v1.payment_intents.list({"ending_before": made[0], "limit": 1})
    assert [i.id for i in before.data] == [made[1]]
    since = client.v1.payment_intents.retrieve(made[3]).created
    late = client.v1.payment_intents.list({"customer": customer, "created": {"gte": since}})
    assert [i.id for i in late.data] == [made[4], made[3]]
    assert faults(first.to_dict()) == []
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.list({"limit": 101})


def test_an_update_names_the_customer_once(client: StripeClient) -> None:
    ann, bob = bought_by(client), bought_by(client)
    intent = prepared(client, None)
    changed = client.v1.payment_intents.update(
        intent.id, {"customer": ann, "metadata": {"invoice": "sub_1.0001", "n": ""}}
    )
    assert (changed.customer, changed.metadata.to_dict()) == (ann, {"invoice": "sub_1.0001"})
    with pytest.raises(stripe.InvalidRequestError, match="cannot modify `customer`"):
        client.v1.payment_intents.update(intent.id, {"customer": bob})


NO_REDIRECTS: Any = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}


def bought_by(client: StripeClient) -> str:
    customer = client.v1.customers.create({"email": "ann@example.com", "name": "Ann Example"})
    assert faults(customer.to_dict()) == []
    assert client.v1.customers.retrieve(customer.id).email == "ann@example.com"
    return customer.id


def prepared(client: StripeClient, customer: str | None, **more: Any) -> stripe.PaymentIntent:
    order: Any = {"amount": 2999, "currency": "usd", "metadata": {"n": "1"}, **more}
    if customer is not None:
        order["customer"] = customer
    return client.v1.payment_intents.create(order)


def confirm(client: StripeClient, intent: str, method: str) -> stripe.PaymentIntent:
    return client.v1.payment_intents.confirm(
        intent, {"payment_method": method, "off_session": True}
    )


def paid_by(client: StripeClient, customer: str | None) -> stripe.PaymentIntent:
    return confirm(client, prepared(client, customer).id, "pm_card_visa")
