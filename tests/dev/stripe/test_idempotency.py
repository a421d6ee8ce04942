"""Idempotency-Key, keys, limits and faults, as documented."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import stripe
from stripe import StripeClient

from dev.stripe.server import Loopback
from dev.stripe.service import Account
from tests.dev.stripe.conftest import Clock, client_of

ORDER: Any = {"amount": 2999, "currency": "usd"}


def with_key(key: str) -> Any:
    return {"idempotency_key": key}


def count(client: StripeClient) -> int:
    return len(client.v1.payment_intents.list({"limit": 100}).data)


def code_of(error: stripe.StripeError) -> object:
    """The SDK does not give each of its errors the code; their answer has it."""
    body: Any = error.json_body
    return body["error"]["code"]


def test_a_key_answers_the_same_for_a_day(client: StripeClient, clock: Clock) -> None:
    first = client.v1.payment_intents.create(ORDER, with_key("k"))
    clock.move(hours=23, minutes=59)
    again = client.v1.payment_intents.create(ORDER, with_key("k"))
    assert again.to_dict() == first.to_dict()
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert count(client) == 1
    clock.move(minutes=2)
    assert client.v1.payment_intents.create(ORDER, with_key("k")).id != first.id


def test_a_key_belongs_to_its_parameters_and_its_endpoint(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create(ORDER, with_key("k"))
    for call in (
        lambda: client.v1.payment_intents.create({**ORDER, "amount": 3000}, with_key("k")),
        lambda: client.v1.payment_intents.cancel(intent.id, {}, with_key("k")),
    ):
        with pytest.raises(stripe.IdempotencyError) as other:
            call()
        assert other.value.http_status == 400
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_a_decline_is_the_keys_answer_too(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create(ORDER)
    attempt: Any = {"payment_method": "pm_card_chargeCustomerFail", "off_session": True}
    for _ in range(3):
        with pytest.raises(stripe.CardError):
            client.v1.payment_intents.confirm(intent.id, attempt, with_key("attempt-1"))
    assert len(client.v1.charges.list({"payment_intent": intent.id}).data) == 1


def test_what_fails_validation_leaves_the_key_free(client: StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create({**ORDER, "amount": 1}, with_key("k"))
    assert client.v1.payment_intents.create(ORDER, with_key("k")).amount == 2999


def test_a_500_stays_a_500(loopback: Loopback, client: StripeClient) -> None:
    loopback.service.faults.arm("internal_error", 1)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as broken:
            client.v1.payment_intents.create(ORDER, with_key("k"))
        assert broken.value.http_status == 500
    assert count(client) == 0


def test_a_key_in_flight_is_refused(loopback: Loopback, client: StripeClient) -> None:
    loopback.service.latency_seconds = 0.4
    outcomes: list[object] = []
    start = threading.Barrier(2)

    def create() -> None:
        start.wait()
        try:
            outcomes.append(client_of(loopback).v1.payment_intents.create(ORDER, with_key("k")).id)
        except stripe.StripeError as error:
            outcomes.append(code_of(error))

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "idempotency_key_in_use" in outcomes
    loopback.service.latency_seconds = 0
    assert count(client) == 1
    assert client.v1.payment_intents.create(ORDER, with_key("k")).id in outcomes


def test_a_time_out_is_unknown_and_quick(loopback: Loopback) -> None:
    patient = stripe.StripeClient(
        "sk_test_loopback", base_addresses={"api": loopback.url}, max_network_retries=2
    )
    for kind, done in (("timeout_before", 0), ("timeout_after", 1), ("unavailable", 1)):
        loopback.service.faults.arm(kind, 1)
        with pytest.raises((stripe.APIConnectionError, stripe.APIError)):
            patient.v1.payment_intents.create(ORDER, with_key(kind))
        assert count(patient) == done
    assert patient.v1.payment_intents.create(ORDER, with_key("timeout_after"))
    assert count(patient) == 1
    assert patient.v1.payment_intents.create(ORDER, with_key("unavailable"))
    assert count(patient) == 2


def test_accounts_see_their_own_only(loopback: Loopback, client: StripeClient) -> None:
    loopback.open_account(Account("acct_2", "sk_test_other"))
    intent = client.v1.payment_intents.create(ORDER, with_key("k"))
    other = client_of(loopback, "sk_test_other")
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        other.v1.payment_intents.retrieve(intent.id)
    assert (unknown.value.http_status, unknown.value.code) == (404, "resource_missing")
    assert count(other) == 0
    assert other.v1.payment_intents.create(ORDER, with_key("k")).id != intent.id


@pytest.mark.parametrize("key", ["sk_test_wrong", "sk_live_loopback"])
def test_an_unknown_key_is_401(loopback: Loopback, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        client_of(loopback, key).v1.payment_intents.list()
    assert refused.value.http_status == 401
    assert refused.value.request_id is not None


def test_rate_limits_are_of_an_endpoint_or_of_all(loopback: Loopback, client: StripeClient) -> None:
    loopback.service.limits.endpoint = 2
    made = [client.v1.payment_intents.create(ORDER).id for _ in range(2)]
    with pytest.raises(stripe.RateLimitError) as limited:
        client.v1.payment_intents.create(ORDER)
    assert limited.value.headers is not None
    assert limited.value.headers["Stripe-Rate-Limited-Reason"] == "endpoint-rate"
    assert code_of(limited.value) == "rate_limit"
    assert client.v1.payment_intents.retrieve(made[0]).id == made[0]
    loopback.service.limits.endpoint = None
    loopback.service.limits.overall = 1
    with pytest.raises(stripe.RateLimitError):
        client.v1.payment_intents.list()
    loopback.service.limits.overall = None
    assert count(client) == 2


def test_another_version_is_refused(loopback: Loopback, client: StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Invalid Stripe API version"):
        client.v1.customers.list({}, {"stripe_version": "2020-08-27"})
    assert client.v1.customers.list().last_response is not None


def test_everything_survives_a_kill(tmp_path: Any, clock: Clock) -> None:
    journal = tmp_path / "stripe.jsonl"
    first = Loopback(clock=clock, journal=journal).start()
    first.open_account(Account("acct_1", "sk_test_loopback"))
    intent = client_of(first).v1.payment_intents.create(ORDER, with_key("k"))
    # A kill in the middle of a write leaves a line without its end.
    with journal.open("ab") as file:
        file.write(b'{"acct_1/pi_half": {"object"')
    with Loopback(clock=clock, journal=journal) as second:
        second.open_account(Account("acct_1", "sk_test_loopback"))
        client = client_of(second)
        assert client.v1.payment_intents.retrieve(intent.id).to_dict() == intent.to_dict()
        assert client.v1.payment_intents.create(ORDER, with_key("k")).id == intent.id
        client.v1.payment_intents.cancel(intent.id)
    clock.move(hours=25)
    with Loopback(clock=clock, journal=journal) as third:
        third.open_account(Account("acct_1", "sk_test_loopback"))
        client = client_of(third)
        assert client.v1.payment_intents.retrieve(intent.id).status == "canceled"
        assert client.v1.payment_intents.create(ORDER, with_key("k")).id != intent.id
    first.stop()


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"metadata": {f"k{n}": "v" for n in range(51)}}, "metadata"),
        ({"receipt_email": "nobody"}, "receipt_email"),
        ({"confirm": True, "payment_method": "pm_card_visa", "return_url": "/back"}, "return_url"),
    ],
)
def test_what_stripe_checks_of_a_parameter_is_checked_here(
    client: StripeClient, more: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create({**ORDER, **more})
    assert refused.value.param == param
    assert count(client) == 0


def test_metadata_never_grows_past_its_limit(client: StripeClient) -> None:
    full: Any = {"metadata": {f"k{n}": "v" for n in range(50)}}
    intent = client.v1.payment_intents.create({**ORDER, **full})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.update(intent.id, {"metadata": {"one": "more"}})
