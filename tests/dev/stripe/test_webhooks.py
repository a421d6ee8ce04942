"""Events arrive signed; on demand late, twice, out of order or not at all. Disputes with them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import stripe
from stripe import StripeClient

from dev.stripe.server import Loopback
from dev.stripe.service import Account
from tests.dev.stripe.conftest import KEY, Clock
from tests.dev.stripe.published import faults

SECRETS = ("whsec_new", "whsec_old")


class Endpoint:
    """Where the events go: what arrived, and what is answered."""

    def __init__(self) -> None:
        self.status = 200
        self.arrived: list[tuple[bytes, str]] = []

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload, _ in self.arrived]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


@pytest.fixture
def endpoint(loopback: Loopback) -> Iterator[Endpoint]:
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = self.rfile.read(int(self.headers["content-length"]))
            endpoint.arrived.append((payload, self.headers["Stripe-Signature"]))
            self.send_response(endpoint.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/webhooks/stripe/demo"
    loopback.open_account(Account("acct_1", KEY, url, SECRETS))
    yield endpoint
    server.shutdown()
    thread.join()
    server.server_close()


def paid_with(client: StripeClient, card: str = "pm_card_visa") -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {
            "amount": 2999,
            "currency": "usd",
            "payment_method": card,
            "confirm": True,
            "off_session": True,
            "expand": ["latest_charge"],
        },
        {"idempotency_key": f"pay-{card}"},
    )


def test_an_event_is_signed_over_its_raw_bytes_by_each_secret(
    loopback: Loopback, client: StripeClient, endpoint: Endpoint, clock: Clock
) -> None:
    intent = paid_with(client)
    assert loopback.webhooks.deliver() == 1
    payload, header = endpoint.arrived[0]
    signed_at = int(clock().timestamp())
    assert header.startswith(f"t={signed_at},v1=")
    for secret in SECRETS:
        stripe.WebhookSignature.verify_header(payload.decode(), header, secret, tolerance=None)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(
            payload.decode() + " ", header, SECRETS[0], tolerance=None
        )
    event = endpoint.events[0]
    assert event["type"] == "payment_intent.succeeded"
    assert event["data"]["object"]["id"] == intent.id
    assert event["request"]["idempotency_key"] == "pay-pm_card_visa"
    listed = client.v1.events.retrieve(event["id"])
    assert listed.pending_webhooks == 0
    assert faults(listed.to_dict()) == []
    assert loopback.webhooks.deliver() == 0


def test_what_is_not_taken_is_sent_again_for_three_days(
    loopback: Loopback, client: StripeClient, endpoint: Endpoint, clock: Clock
) -> None:
    endpoint.status = 404
    paid_with(client)
    loopback.webhooks.deliver()
    assert [e.type for e in client.v1.events.list({"delivery_success": False})] == [
        "payment_intent.succeeded"
    ]
    started = clock()
    while (at := loopback.webhooks.retry_at()) is not None:
        clock.now = at
        loopback.webhooks.deliver()
    assert 2 <= (clock() - started).days < 4
    assert len(endpoint.arrived) == 11
    assert len(client.v1.events.list({"delivery_success": False}).data) == 1
    endpoint.status = 200
    paid_with(client, "pm_card_mastercard")
    loopback.webhooks.deliver()
    assert len(client.v1.events.list({"delivery_success": False}).data) == 1


def test_late_twice_out_of_order_and_lost_on_demand(
    loopback: Loopback, client: StripeClient, endpoint: Endpoint
) -> None:
    manner = loopback.webhooks.manner
    manner.hold = True
    intent = paid_with(client)
    client.v1.refunds.create({"payment_intent": intent.id})
    loopback.webhooks.deliver()
    assert endpoint.types == []
    manner.hold, manner.times, manner.reverse = False, 2, True
    loopback.webhooks.deliver()
    order = ["charge.refunded", "refund.created", "payment_intent.succeeded"]
    assert endpoint.types == order * 2
    assert len({event["id"] for event in endpoint.events}) == 3
    manner.times, manner.lose = 1, 1
    paid_with(client, "pm_card_mastercard")
    loopback.webhooks.deliver()
    assert loopback.webhooks.retry_at() is None
    assert len(endpoint.arrived) == 6
    assert len(client.v1.events.list({"delivery_success": False}).data) == 1


def test_declines_and_challenges_are_sent(
    loopback: Loopback, client: StripeClient, endpoint: Endpoint
) -> None:
    with pytest.raises(stripe.CardError):
        paid_with(client, "pm_card_chargeCustomerFail")
    intent = client.v1.payment_intents.create(
        {
            "amount": 2999,
            "currency": "usd",
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": "https://shop.example/",
        }
    )
    client.v1.payment_intents.cancel(intent.id)
    loopback.webhooks.deliver()
    assert endpoint.types == [
        "payment_intent.payment_failed",
        "payment_intent.requires_action",
        "payment_intent.canceled",
    ]


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_a_dispute_from_its_opening_to_the_verdict(
    loopback: Loopback, client: StripeClient, endpoint: Endpoint, clock: Clock, outcome: str
) -> None:
    intent = paid_with(client, "pm_card_createDispute")
    loopback.webhooks.deliver()
    clock.move(seconds=2)
    loopback.webhooks.deliver()
    dispute = client.v1.disputes.list({"payment_intent": intent.id}).data[0]
    assert (dispute.status, dispute.reason, dispute.amount) == (
        "needs_response",
        "fraudulent",
        2999,
    )
    assert faults(dispute.to_dict()) == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_disputed"
    if outcome == "won":
        client.v1.disputes.update(
            dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}}
        )
        clock.move(seconds=2)
    else:
        client.v1.disputes.close(dispute.id)
    loopback.webhooks.deliver()
    closed = client.v1.disputes.retrieve(dispute.id)
    assert closed.status == outcome
    assert faults(closed.to_dict()) == []
    assert endpoint.types[1:3] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert endpoint.types[-1] == "charge.dispute.closed"
    assert ("charge.dispute.funds_reinstated" in endpoint.types) == (outcome == "won")
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.close(dispute.id)


def test_a_dispute_by_hand(loopback: Loopback, client: StripeClient) -> None:
    intent = paid_with(client)
    dispute = loopback.open_dispute(intent.id, reason="product_not_received")
    charge = client.v1.charges.retrieve(intent.latest_charge.id)  # type: ignore[union-attr]
    assert charge.disputed
    loopback.decide_dispute(dispute, "won")
    assert client.v1.disputes.retrieve(dispute).status == "won"


def test_a_refund_may_fail_after_all(
    loopback: Loopback, client: StripeClient, endpoint: Endpoint, clock: Clock
) -> None:
    intent = paid_with(client, "pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    clock.move(seconds=2)
    loopback.webhooks.deliver()
    failed = client.v1.refunds.retrieve(refund.id)
    assert failed.status == "failed"
    assert faults(failed.to_dict()) == []
    assert "refund.failed" in endpoint.types
    again = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert again.latest_charge.amount_refunded == 0  # type: ignore[union-attr]
    slow = paid_with(client, "pm_card_pendingRefund")
    pending = client.v1.refunds.create({"payment_intent": slow.id})
    assert pending.status == "pending"
    clock.move(seconds=2)
    loopback.webhooks.deliver()
    assert client.v1.refunds.retrieve(pending.id).status == "succeeded"


def test_a_network_renews_a_card(
    loopback: Loopback, client: StripeClient, endpoint: Endpoint
) -> None:
    customer = client.v1.customers.create({}).id
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    loopback.renew_card(method.id, last4="1111", month=3, year=2031)
    loopback.webhooks.deliver()
    assert endpoint.types == ["payment_method.automatically_updated"]
    event = endpoint.events[0]
    assert event["data"]["previous_attributes"]["card"]["last4"] == "4242"
    renewed = client.v1.payment_methods.retrieve(method.id)
    assert renewed.card is not None
    assert (renewed.card.last4, renewed.card.exp_year) == ("1111", 2031)


def test_events_are_listed_by_type_and_the_books_show_the_money(
    loopback: Loopback, client: StripeClient
) -> None:
    intent = paid_with(client)
    with pytest.raises(stripe.CardError):
        paid_with(client, "pm_card_chargeDeclined")
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 999})
    found = client.v1.events.list({"types": ["payment_intent.succeeded", "charge.refunded"]})
    assert [e.type for e in found] == ["charge.refunded", "payment_intent.succeeded"]
    for event in client.v1.events.list({"limit": 100}):
        assert faults(event.to_dict()) == []
        assert faults(event.data.object.to_dict()) == []  # type: ignore[attr-defined]
    declined, succeeded = loopback.charges()
    assert (declined["status"], declined["gateway"]) == ("declined", "stripe")
    assert succeeded | {"id": "", "at": ""} == {
        "id": "",
        "gateway": "stripe",
        "invoice": None,
        "amount": {"amount": 2999, "currency": "USD"},
        "refunded": 999,
        "status": "succeeded",
        "at": "",
    }
