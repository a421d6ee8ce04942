"""Payments at Stripe's HTTP edge: requests, and the outcome of each answer (W-1, R-6)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import stripe

from billing.gateways import event_signature
from billing.gateways.stripe import client as stripe_client
from billing.gateways.stripe.declines import NEVER_AGAIN, declined
from billing.kernel.errors import Conflict, Forged, NotFound, RateLimited, Unavailable, Unreachable
from billing.kernel.gateways import (
    ActionRequired,
    Canceled,
    ChargeOrder,
    Declined,
    RefundFailed,
    RefundSucceeded,
    Succeeded,
    Unconfirmed,
)
from billing.kernel.money import Currency, Money
from tests.gateways.stripe.edge import ACCOUNT, Edge, Vault, card_error, failure, intent, opened

ORDER = ChargeOrder(
    "sub_1.0001", Money(2999, Currency.USD), ACCOUNT.account, "Course", "cus_1:pm_1"
)


UNEXPECTED = failure(400, "invalid_request_error", "payment_intent_unexpected_state")


def confirm(edge: Edge, *, off_session: bool = True, key: str = "a:1") -> object:
    url = None if off_session else "https://pay.example.com/return"
    return opened(edge).confirm(
        "pi_1", "cus_1:pm_1", key=key, off_session=off_session, return_url=url
    )


@pytest.mark.spec("R-1", "R-6")
def test_an_invoice_has_one_payment_intent_under_its_own_key() -> None:
    edge = Edge(intent("requires_payment_method"))
    assert opened(edge).prepare(ORDER, key="sub_1.0001") == "pi_1"
    (sent,) = edge.sent
    assert sent.call == "post /v1/payment_intents"
    assert sent.headers["Idempotency-Key"] == "sub_1.0001"
    assert sent.headers["Stripe-Version"] == stripe_client.API_VERSION
    assert sent.params == {
        "amount": "2999",
        "currency": "usd",
        "customer": "cus_1",
        "allowed_payment_method_types[0]": "card",
        "description": "Course",
        "metadata[invoice]": "sub_1.0001",
        "metadata[merchant]": "acme",
    }


@pytest.mark.spec("R-6")
@pytest.mark.parametrize("off_session", [True, False])
def test_an_attempt_is_written_on_the_payment_before_it_is_confirmed(off_session: bool) -> None:
    edge = Edge(intent("requires_confirmation"), intent("succeeded"))
    assert confirm(edge, off_session=off_session) == Succeeded("ch_1")
    begun, confirmed = edge.sent
    assert edge.calls == ["post /v1/payment_intents/pi_1", "post /v1/payment_intents/pi_1/confirm"]
    assert begun.params["metadata[attempt]"] == "a:1"
    assert begun.params["payment_method"] == confirmed.params["payment_method"] == "pm_1"
    keys = {sent.headers["Idempotency-Key"] for sent in edge.sent}
    assert len(keys) == 2 and all(key.startswith("a:1:") for key in keys)
    if off_session:
        assert begun.params["setup_future_usage"] == ""
        assert confirmed.params == {"payment_method": "pm_1", "off_session": "true"}
    else:
        assert confirmed.params["return_url"] == "https://pay.example.com/return"
        assert confirmed.params["setup_future_usage"] == "off_session"


@pytest.mark.spec("R-6")
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (failure(429, "invalid_request_error", "rate_limit"), RateLimited),
        (failure(429, "invalid_request_error", "lock_timeout"), RateLimited),
        (failure(409, "idempotency_error", "idempotency_key_in_use"), Unreachable),
        (failure(500, "api_error"), Unreachable),
        (failure(503, "api_error"), Unreachable),
        (failure(400, "idempotency_error"), Conflict),
        (failure(403, "invalid_request_error"), Unavailable),
        (failure(404, "invalid_request_error", "resource_missing"), NotFound),
        (stripe.APIConnectionError("timed out", should_retry=True), Unreachable),
        (stripe.APIConnectionError("no such host"), Unreachable),
    ],
)
def test_what_says_nothing_of_the_charge_is_unknown_and_what_says_no_is_not_an_outage(
    answer: object, error: type[Exception]
) -> None:
    edge = Edge(answer, answer)  # type: ignore[arg-type]
    with pytest.raises(error) as raised:
        confirm(edge)
    assert type(raised.value) is error
    assert len({sent.headers["Idempotency-Key"] for sent in edge.sent}) == 1, "retried as it was"


@pytest.mark.spec("R-4", "W-1")
@pytest.mark.parametrize(
    ("decline_code", "expected"),
    [
        ("generic_decline", Declined("card_declined")),
        ("insufficient_funds", Declined("insufficient_funds")),
        ("expired_card", Declined("expired_card", retryable=False)),
        ("stolen_card", Declined("stolen_card", retryable=False)),
        ("not_known_yet", Declined("not_known_yet")),
    ],
)
def test_a_decline_is_a_value(decline_code: str, expected: Declined) -> None:
    error = card_error(decline_code)
    after = intent("requires_payment_method", last_payment_error=error[1]["error"])
    edge = Edge(intent("requires_confirmation"), error, after)
    assert confirm(edge) == expected
    assert opened(Edge(after)).lookup("pi_1", attempt_key="a:1") == expected
    assert opened(Edge(after)).lookup("pi_1", attempt_key="a:2") == Unconfirmed()


@pytest.mark.spec("R-4")
def test_what_the_network_forbids_is_not_tried_again() -> None:
    assert declined("card_declined", "do_not_honor", None).retryable
    assert not declined("card_declined", "do_not_honor", "do_not_try_again").retryable
    assert declined("card_declined", "insufficient_funds", "try_again_later").retryable
    assert declined(None, None, None) == Declined("card_declined")
    assert not any(
        declined("card_declined", code, "try_again_later").retryable for code in NEVER_AGAIN
    )


@pytest.mark.spec("R-6")
def test_an_old_decline_sent_again_is_not_what_the_payment_came_to() -> None:
    edge = Edge(intent("requires_confirmation"), card_error("do_not_honor"), intent("succeeded"))
    assert confirm(edge) == Succeeded("ch_1")
    newer = intent("requires_confirmation", metadata={"attempt": "a:2"})
    edge = Edge(intent("requires_confirmation"), card_error("do_not_honor"), newer)
    assert confirm(edge) == Declined("do_not_honor")


@pytest.mark.spec("R-4", "C-4")
def test_a_bank_that_wants_its_customer_is_no_decline_off_session() -> None:
    error = failure(
        402, "card_error", "authentication_required", decline_code="authentication_required"
    )
    after = intent("requires_payment_method", last_payment_error=error[1]["error"])
    assert confirm(Edge(intent("requires_confirmation"), error, after)) == ActionRequired(None)
    assert opened(Edge(after)).lookup("pi_1", attempt_key="a:1") == ActionRequired(None)
    present = intent(
        "requires_payment_method",
        last_payment_error={"code": "payment_intent_authentication_failure"},
        metadata={"attempt": "a:1", "session": "on_session"},
    )
    failed = opened(Edge(present)).lookup("pi_1", attempt_key="a:1")
    assert failed == Declined("authentication_required"), "asked, and not passed"


@pytest.mark.spec("C-4")
def test_3_d_secure_has_its_address() -> None:
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/3ds"}}
    asked = intent("requires_action", next_action=action)
    edge = Edge(intent("requires_confirmation"), asked)
    assert confirm(edge, off_session=False) == ActionRequired("https://hooks.stripe.com/3ds")
    other = intent("requires_action", next_action={"type": "use_stripe_sdk"})
    assert opened(Edge(other)).lookup("pi_1", attempt_key="a:1") == ActionRequired(None)
    assert opened(Edge(asked)).lookup("pi_1", attempt_key="a:2") == Unconfirmed()


@pytest.mark.spec("R-6")
@pytest.mark.parametrize("status", ["processing", "requires_capture"])
@pytest.mark.parametrize("key", ["a:1", "a:2"])
def test_what_the_bank_is_still_at_is_not_known_yet(status: str, key: str) -> None:
    with pytest.raises(Unreachable):
        opened(Edge(intent(status))).lookup("pi_1", attempt_key=key)


@pytest.mark.spec("R-6", "X-6")
def test_a_payment_at_its_end_is_read_instead_of_argued_with() -> None:
    assert confirm(Edge(UNEXPECTED, intent("succeeded"))) == Succeeded("ch_1")
    assert confirm(Edge(UNEXPECTED, intent("canceled"))) == Canceled()
    assert opened(Edge(UNEXPECTED, intent("succeeded"))).cancel("pi_1") == Succeeded("ch_1")
    assert opened(Edge(UNEXPECTED, intent("canceled"))).cancel("pi_1") == Canceled()
    with pytest.raises(Unreachable):
        opened(Edge(UNEXPECTED, intent("processing"))).cancel("pi_1")
    with pytest.raises(Unavailable):
        opened(Edge(UNEXPECTED, intent("requires_action"))).cancel("pi_1")


@pytest.mark.spec("B-9", "B-10")
def test_a_card_of_another_customer_there_withdraws_the_payment_and_a_lost_one_is_declined() -> (
    None
):
    wrong = failure(400, "invalid_request_error")
    mine, theirs = (
        (200, {"id": "pm_1", "customer": "cus_1"}),
        (200, {"id": "pm_1", "customer": None}),
    )
    elsewhere = intent("requires_payment_method", customer="cus_2", metadata={})
    edge = Edge(intent("requires_confirmation"), wrong, elsewhere, mine, intent("canceled"))
    assert confirm(edge) == Canceled()
    assert edge.calls[-1] == "post /v1/payment_intents/pi_1/cancel"
    fresh = intent("requires_payment_method", metadata={})
    gone = failure(404, "invalid_request_error", "resource_missing")
    for answer in (theirs, gone):
        missing = confirm(Edge(wrong, fresh, answer))
        assert missing == Declined("payment_method_missing", retryable=False)
    with pytest.raises(Unavailable, match="refuses the request"):
        confirm(Edge(wrong, fresh, mine))


@pytest.mark.spec("B-7")
def test_a_refund_is_found_again_by_our_key() -> None:
    amount = {"amount": 100, "currency": "usd"}
    key = {"metadata": {"refund": "r1"}}
    made = {"id": "re_1", "object": "refund", "status": "pending", **amount, **key}
    failed = {
        **made,
        "id": "re_2",
        "status": "failed",
        "failure_reason": "expired_or_canceled_card",
    }
    failed["metadata"] = {"refund": "r2"}
    edge = Edge((200, made))
    given = opened(edge).refund("pi_1", Money(100, Currency.USD), key="r1")
    assert given == RefundSucceeded("re_1")
    assert edge.sent[0].headers["Idempotency-Key"] == "r1"
    listed = (
        200,
        {"object": "list", "url": "/v1/refunds", "has_more": False, "data": [failed, made]},
    )
    assert opened(Edge(listed)).find_refund("pi_1", key="r1") == RefundSucceeded("re_1")
    refusal = opened(Edge(listed)).find_refund("pi_1", key="r2")
    assert refusal == RefundFailed("expired_or_canceled_card")
    assert opened(Edge(listed)).find_refund("pi_1", key="r3") is None
    over = failure(400, "invalid_request_error", "charge_already_refunded")
    again = opened(Edge(over)).refund("pi_1", Money(100, Currency.USD), key="r9")
    assert again == RefundFailed("charge_already_refunded")


@pytest.mark.spec("W-4")
def test_chargebacks_are_read_from_their_list_and_inquiries_are_none() -> None:
    def dispute(number: int, status: str) -> dict[str, object]:
        amounts = {"amount": 2999, "currency": "usd", "created": 1_700_000_000 - number}
        return {"id": f"dp_{number}", "object": "dispute", "status": status, **amounts}

    states = ["needs_response", "under_review", "won", "lost"]
    none = ["warning_needs_response", "warning_closed", "prevented", "not_known_yet"]
    data = [dispute(n, status) for n, status in enumerate([*states, *none])]
    listed = (200, {"object": "list", "url": "/v1/disputes", "has_more": False, "data": data})
    edge = Edge(listed)
    found = opened(edge).disputes("pi_1")
    assert edge.sent[0].params["payment_intent"] == "pi_1"
    assert [(d.id, d.standing.value) for d in found] == [
        ("dp_3", "lost"),
        ("dp_2", "won"),
        ("dp_1", "open"),
        ("dp_0", "open"),
    ]
    assert found[0].amount == Money(2999, Currency.USD)


@pytest.mark.spec("W-1")
def test_a_webhook_of_any_valid_secret_is_taken_and_no_other() -> None:
    now = datetime(2026, 1, 31, 15, tzinfo=UTC)
    about = {"id": "pi_1", "object": "payment_intent"}
    event = {
        "id": "evt_1",
        "type": "payment_intent.succeeded",
        "created": 1,
        "data": {"object": about},
    }
    vault = Vault({"secret_key": "sk_test_1", "webhook_secrets": ["whsec_old", "whsec_new"]})
    gateway = opened(Edge(), vault)
    for body in (event, {**event, "account": "acct_1"}):
        raw = json.dumps(body).encode()
        header = {"stripe-signature": event_signature.sign(raw, ["whsec_new"], now)}
        assert gateway.parse_event(raw, header, now=now).reference == "pi_1"
    raw = json.dumps({**event, "account": "acct_2"}).encode()
    for secret in ("whsec_new", "whsec_other"):
        header = {"stripe-signature": event_signature.sign(raw, [secret], now)}
        with pytest.raises(Forged):
            gateway.parse_event(raw, header, now=now)
