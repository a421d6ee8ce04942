"""Stripe at the HTTP edge: answers that a test writes down, requests as the SDK sends them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import stripe

from billing.gateways import bounded_http
from billing.gateways.stripe.gateway import StripeGateway
from billing.kernel.gateways import AccountRef
from billing.kernel.values import Value

ACCOUNT = AccountRef("acme", "stripe", "acct_1_test")


class Sent(Value):
    """A request: its method and path, its parameters, its headers."""

    call: str
    params: dict[str, str]
    headers: Mapping[str, str]


class Edge(stripe.HTTPClient):
    """Answers in the order in which they were written down; an exception is raised instead."""

    name = "edge"

    def __init__(self, *answers: tuple[int, dict[str, Any]] | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.sent: list[Sent] = []

    def request(  # type: ignore[override]
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[str, int, Mapping[str, str]]:
        path, _, query = url.removeprefix("https://api.stripe.com").partition("?")
        params = dict(parse_qsl(post_data or query, keep_blank_values=True))
        self.sent.append(Sent(f"{method} {path}", params, headers or {}))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return json.dumps(body), status, {"request-id": "req_1"}

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0.0

    @property
    def calls(self) -> list[str]:
        return [sent.call for sent in self.sent]


class Impatient(stripe.RequestsClient):
    """Our own HTTP to Stripe, but that a call is tried again without the SDK's half a second."""

    def __init__(self) -> None:
        super().__init__(
            timeout=(bounded_http.CONNECT_SECONDS, bounded_http.READ_SECONDS),
            session=bounded_http.session(),
        )

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0.0


@dataclass
class Vault:
    """An account's secrets, and how often they were read afresh."""

    secrets: dict[str, Any] = field(default_factory=lambda: {"secret_key": "sk_test_1"})
    fresh: dict[str, Any] | None = None
    read_afresh: int = 0

    def __call__(self, fresh: bool) -> Mapping[str, Any]:
        if fresh:
            self.read_afresh += 1
            self.secrets = self.fresh or self.secrets
        return self.secrets


def opened(edge: Edge, vault: Vault | None = None) -> StripeGateway:
    return StripeGateway(ACCOUNT, vault or Vault(), http_client=edge)


def intent(status: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    """A PaymentIntent of the attempt `a:1`, as Stripe answers it."""
    return 200, {
        "id": "pi_1",
        "object": "payment_intent",
        "status": status,
        "customer": "cus_1",
        "latest_charge": "ch_1" if status == "succeeded" else None,
        "last_payment_error": None,
        "next_action": None,
        "metadata": {"attempt": "a:1", "session": "off_session"},
        **fields,
    }


def failure(
    status: int, kind: str, code: str | None = None, **fields: Any
) -> tuple[int, dict[str, Any]]:
    """Returns an error as Stripe answers it, without the fields that it does not set."""
    error = {"type": kind, "message": "words", **({"code": code} if code else {}), **fields}
    return status, {"error": error}


def card_error(decline_code: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    return failure(402, "card_error", "card_declined", decline_code=decline_code, **fields)
