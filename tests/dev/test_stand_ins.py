"""Stand-ins refuse what the real service refuses (docs/stand-ins.md lists what stays kinder)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.kernel.merchants import Merchant
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.storage.addresses import Key
from billing.storage.memory.ephemeral import MemoryEphemeral
from billing.storage.memory.items import MemoryItems
from dev import sqs
from dev.exchange import from_result
from dev.paypal.server import Asked, Loopback
from tests.render.samples import MERCHANT
from tests.world import World

NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [{"Id": str(n), "MessageBody": "x"} for n in range(11)],
        [{"Id": "0", "MessageBody": "x"}] * 2,
        [{"Id": "a b", "MessageBody": "x"}],
        [{"Id": "0", "MessageBody": ""}],
        [{"Id": "0", "MessageBody": "\x00"}],
        [{"Id": str(n), "MessageBody": "é" * 70_000} for n in range(2)],
        [{"Id": "0", "MessageBody": "x", "DelaySeconds": 901}],
    ],
    ids=["none", "eleven", "one id twice", "id", "empty", "character", "too large", "delay"],
)
def test_the_queue_takes_no_batch_that_sqs_refuses(entries: list[dict[str, Any]]) -> None:
    taken: list[str] = []
    with pytest.raises(sqs.InvalidBatch):
        sqs.Sqs(taken.append).send_message_batch(QueueUrl="https://queue", Entries=entries)
    assert taken == []


def test_the_queue_of_tests_carries_messages_as_the_adapter_cuts_them() -> None:
    from billing.aws.sqs_queue import LEASES_PER_MESSAGE
    from billing.kernel.due import DueKind
    from billing.kernel.storage import Due

    world = World()
    world.queue.send(
        [
            Due(DueKind.BILL, NOW, ("acme", "cus_1", f"sub_{n}"))
            for n in range(LEASES_PER_MESSAGE + 1)
        ]
    )
    assert len(world.queue.bodies) == 2
    assert world.queue.waiting() == LEASES_PER_MESSAGE + 1


def test_the_table_takes_no_key_that_dynamodb_refuses() -> None:
    with pytest.raises(ValueError, match="DynamoDB"):
        World().store.commit(Insert(replace(MERCHANT, id="é" * 1024)))  # bytes count
    for key in (Key[Merchant]("", "MERCHANT"), Key[Merchant]("M#acme", "")):
        with pytest.raises(ValueError, match="DynamoDB"):
            MemoryItems().get(key)


def test_an_ephemeral_row_is_no_larger_than_an_item() -> None:
    rows = MemoryEphemeral()
    until = NOW + timedelta(hours=1)
    rows.put("form", "a", "x" * 399_000, expires_at=until, now=NOW)
    for size, key in ((401_000, "b"), (1, "k" * 2048)):
        with pytest.raises(ValueError, match="DynamoDB"):
            rows.put("form", key, "x" * size, expires_at=until, now=NOW)
        with pytest.raises(ValueError, match="DynamoDB"):
            rows.replace("form", key, "x" * size, expires_at=until)


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": 200, "body": "x" * (6 * 2**20)},
        {"statusCode": 303, "headers": {"location": "/" + "x" * 10_240}},
    ],
    ids=["body", "headers"],
)
def test_an_answer_that_lambda_or_the_gateway_cannot_carry_is_none(result: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="large"):
        from_result(result)


ORDER: dict[str, Any] = {
    "intent": "CAPTURE",
    "purchase_units": [{"amount": {"currency_code": "USD", "value": "29.99"}}],
}


def asked(paypal: Loopback, path: str, body: dict[str, Any], key: str | None) -> tuple[int, str]:
    """Returns status and issue of a request to PayPal's API."""
    token = paypal._sign_in(
        Asked(
            "POST",
            "",
            {},
            {"authorization": "Basic bG9vcGJhY2stY2xpZW50Omxvb3BiYWNrLXNlY3JldA=="},
            b"grant_type=client_credentials",
            {},
        )
    ).body
    assert token is not None
    headers = {"authorization": f"Bearer {token['access_token']}"}
    if key is not None:
        headers["paypal-request-id"] = key
    answer = paypal.respond(Asked("POST", path, {}, headers, json.dumps(body).encode(), body))
    assert answer is not None and answer.body is not None
    details = answer.body.get("details") or [{}]
    return answer.status, str(details[0].get("issue", ""))


@pytest.fixture
def paypal() -> Any:
    with Loopback(lambda: NOW) as made:
        yield made


@pytest.mark.spec("W-2")
@pytest.mark.parametrize(
    ("unit", "key", "issue"),
    [
        ({}, "k" * 109, "INVALID_STRING_LENGTH"),
        ({"invoice_id": "i" * 128}, "k", "INVALID_STRING_LENGTH"),
        ({"custom_id": "c" * 128}, "k", "INVALID_STRING_LENGTH"),
        ({"description": "d" * 128}, "k", "INVALID_STRING_LENGTH"),
        ({"soft_descriptor": "s" * 23}, "k", "INVALID_STRING_LENGTH"),
        ({"invoice_id": ""}, "k", "INVALID_STRING_LENGTH"),
        ({"amount": {"currency_code": "USD", "value": "29.999"}}, "k", "DECIMAL_PRECISION"),
    ],
)
def test_paypal_takes_no_order_with_a_text_that_is_too_long(
    paypal: Loopback, unit: dict[str, Any], key: str, issue: str
) -> None:
    body = {**ORDER, "purchase_units": [{**ORDER["purchase_units"][0], **unit}]}
    assert asked(paypal, "/v2/checkout/orders", body, key)[1] == issue
    assert not paypal.books.orders


@pytest.mark.spec("W-2", "R-6")
def test_paypal_moves_no_money_without_a_request_id(paypal: Loopback) -> None:
    asked(paypal, "/v2/checkout/orders", ORDER, "k")
    (order,) = paypal.books.orders
    source = {"payment_source": {"paypal": {"vault_id": "x"}}}
    path = f"/v2/checkout/orders/{order}/capture"
    assert asked(paypal, path, source, None) == (400, "PAYPAL_REQUEST_ID_REQUIRED")
