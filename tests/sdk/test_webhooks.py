"""Webhooks are verified as Perennial signs them, and as the standard's own library does."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from billing.webhooks import signing
from billing.webhooks.endpoints import WebhookEndpoint
from perennial_client import WebhookError, sign, verify

NOW = datetime(2026, 1, 31, 15, 0, tzinfo=UTC)
BODY = b'{"id":"evt_1","type":"customer.access_changed","data":{"object":{"object":"access"}}}'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def headers_of(body: bytes = BODY, now: datetime = NOW) -> dict[str, str]:
    return sign(body, "evt_1", SECRET, now=now.timestamp())


@pytest.mark.spec("M-5", "M-12")
def test_what_perennial_signs_is_verified_also_while_a_secret_is_rotated() -> None:
    endpoint = WebhookEndpoint(
        "acme", "whe_1", "https://a.example/", ("*",), NOW, 0, secrets=2, rotated_at=NOW
    )
    sent = signing.headers(b"master", endpoint, "evt_1", BODY, NOW, stamped_at=NOW)
    for number in (1, 2):
        secret = signing.secret(b"master", endpoint, number)
        assert verify(BODY, sent, secret, now=NOW.timestamp())["id"] == "evt_1"
    with pytest.raises(WebhookError, match="another's"):
        verify(BODY, sent, signing.secret(b"master", endpoint, 3), now=NOW.timestamp())


@pytest.mark.spec("M-5")
def test_what_this_signs_is_verified_by_the_standards_own_library() -> None:
    now = datetime.now(UTC)
    shown = Webhook(SECRET).verify(BODY.decode(), headers_of(now=now))
    assert shown == json.loads(BODY)
    theirs = Webhook(SECRET).sign("evt_1", NOW, BODY.decode())
    assert headers_of()["webhook-signature"] == theirs


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"webhook-id": "evt_2"}, "another's"),
        ({"webhook-timestamp": "1769871601"}, "another's"),
        ({"webhook-timestamp": "1769870000"}, "too far"),
        ({"webhook-timestamp": "1769872000"}, "too far"),
        ({"webhook-timestamp": "now"}, "not a number"),
        ({"webhook-timestamp": "9" * 5000}, "not a number"),
        ({"webhook-timestamp": "-1"}, "not a number"),
        ({"webhook-timestamp": "\N{SUPERSCRIPT TWO}"}, "not a number"),
        ({"webhook-signature": ""}, "another's"),
        ({"webhook-signature": "v1,"}, "another's"),
        ({"webhook-signature": "v1,\N{SNOWMAN} v2,abc v1a,abc"}, "another's"),
        ({"webhook-id": None}, "without the header webhook-id"),
        ({"webhook-signature": None}, "without the header webhook-signature"),
    ],
)
def test_anything_else_is_refused(change: dict[str, str | None], why: str) -> None:
    headers = {n: v for n, v in {**headers_of(), **change}.items() if v is not None}
    with pytest.raises(WebhookError, match=why):
        verify(BODY, headers, SECRET, now=NOW.timestamp())


def test_another_body_and_a_body_that_is_no_event_are_refused() -> None:
    with pytest.raises(WebhookError, match="another's"):
        verify(BODY + b" ", headers_of(), SECRET, now=NOW.timestamp())
    for body, why in ((b"hello", "not JSON"), (b"\xff\xfe", "not JSON"), (b"[1]", "not an event")):
        with pytest.raises(WebhookError, match=why):
            verify(body, headers_of(body), SECRET, now=NOW.timestamp())


@pytest.mark.parametrize("secret", ["", "whsec_", "sk_live", "whsec_%%%"])
def test_a_secret_that_is_none_is_refused_before_anything_is_compared(secret: str) -> None:
    with pytest.raises(WebhookError, match="the secret is"):
        verify(BODY, headers_of(), secret, now=NOW.timestamp())


def test_names_of_headers_are_read_in_any_case() -> None:
    shouted = {name.upper(): value for name, value in headers_of().items()}
    assert verify(BODY, shouted, SECRET, now=NOW.timestamp())["id"] == "evt_1"
