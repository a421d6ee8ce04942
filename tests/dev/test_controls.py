import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stripe import StripeClient

from dev.clock import DevClock
from dev.controls import Controls
from dev.due import DueRow
from dev.exchange import Request, Response
from dev.mailbox import Mailbox
from dev.paypal.server import Loopback as PayPal
from dev.stripe.server import Loopback
from dev.stripe.service import Account
from dev.stripe.webhooks import Manner
from dev.worker import Worker
from tests.dev.stripe.conftest import Clock

NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)


class Nothing:
    def earliest_first(self) -> Sequence[DueRow]:
        return []


class Gateway:
    def __init__(self) -> None:
        self.armed: list[tuple[str, int]] = []
        self.faults = SimpleNamespace(arm=lambda kind, count: self.armed.append((kind, count)))

    def charges(self) -> list[dict[str, Any]]:
        return [{"id": "ch_1", "gateway": "sandbox", "at": "2026-01-31T15:00:00.500000Z"}]


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def stripe() -> Iterator[Loopback]:
    with Loopback(clock=Clock()) as running:
        running.open_account(Account("acct_1", "sk_test_1"))
        yield running


@pytest.fixture
def paypal() -> Iterator[PayPal]:
    with PayPal(Clock()) as running:
        yield running


@pytest.fixture
def controls(tmp_path: Path, gateway: Gateway, stripe: Loopback, paypal: PayPal) -> Controls:
    clock = DevClock(tmp_path / "clock.json", lambda: NOW)
    return Controls(
        clock=clock,
        worker=Worker(clock, lambda function, event: None, [], [], tmp_path / "ticks.json"),
        waiting=Nothing(),
        mailbox=Mailbox(tmp_path / "mail"),
        sandbox=gateway,
        stripe=stripe,
        paypal=paypal,
        console_link=lambda now: "http://127.0.0.1:3000/console?token=x",
    )


def ask(controls: Controls, method: str, path: str, body: bytes = b"") -> Response:
    return controls.answer(Request(method, path, "", "HTTP/1.1", [], body, "127.0.0.1"))


def test_the_clock_moves_and_says_where_it_is(controls: Controls) -> None:
    moved = ask(controls, "POST", "/_dev/clock", b'{"advance": "P31D"}')
    assert json.loads(moved.body) == {
        "from": "2026-01-31T15:00:00.000000Z",
        "now": "2026-03-03T15:00:00.000000Z",
        "ticks": 0,
        "tally": {},
    }
    assert json.loads(ask(controls, "GET", "/_dev/clock").body) == {
        "now": "2026-03-03T15:00:00.000000Z"
    }
    to = ask(controls, "POST", "/_dev/clock", b'{"to": "2026-03-04T00:00:00+01:00"}')
    assert json.loads(to.body)["now"] == "2026-03-03T23:00:00.000000Z"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"[]",
        b"{}",
        b'{"advance": "31D"}',
        b'{"advance": 31}',
        b'{"advance": "P9999Y"}',
        b'{"advance": "P800Y"}',
        b'{"to": "2026-01-31T14:59:59Z"}',
        b'{"to": "2026-02-31T00:00:00Z"}',
        b'{"to": "2026-02-28T00:00:00"}',
        b'{"to": "2026-02-28T00:00:00Z", "advance": "P1D"}',
        b'{"by": "P1D"}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_move_that_makes_no_sense_is_refused(controls: Controls, body: bytes) -> None:
    response = ask(controls, "POST", "/_dev/clock", body)
    assert response.status == 422
    assert ("content-type", "application/problem+json") in response.headers
    assert json.loads(response.body)["code"] == "invalid"
    assert controls.clock() == NOW


def test_faults_are_armed(controls: Controls, gateway: Gateway) -> None:
    body = b'{"gateway": "timeout_after", "next": 2}'
    assert ask(controls, "POST", "/_dev/faults", body).status == 200
    assert gateway.armed == [("timeout_after", 2)]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"gateway": "timeout_after"}',
        b'{"gateway": "slow", "next": 1}',
        b'{"gateway": ["timeout_after"], "next": 1}',
        b'{"gateway": "timeout_after", "next": -1}',
        b'{"gateway": "timeout_after", "next": true}',
        b'{"gateway": "timeout_after", "next": 1.5}',
        b'{"gateway": "timeout_after", "next": 1, "more": 1}',
    ],
)
def test_unknown_faults_are_refused(controls: Controls, gateway: Gateway, body: bytes) -> None:
    assert ask(controls, "POST", "/_dev/faults", body).status == 422
    assert gateway.armed == []


def test_charges_come_from_both_ledgers(controls: Controls, stripe: Loopback) -> None:
    paid(stripe)
    stripe.service.clock.move(seconds=1)  # type: ignore[attr-defined]
    paid(stripe)
    data = json.loads(ask(controls, "GET", "/_dev/charges").body)["data"]
    assert [charge["gateway"] for charge in data] == ["stripe", "sandbox", "stripe"]
    assert data[0]["amount"] == {"amount": 2999, "currency": "USD"}
    assert (data[0]["invoice"], data[0]["status"]) == ("sub_1.0001", "succeeded")


def test_banks_and_networks_are_played_by_hand(controls: Controls, stripe: Loopback) -> None:
    intent = paid(stripe)
    body = json.dumps({"payment": intent}).encode()
    opened = json.loads(ask(controls, "POST", "/_dev/stripe/disputes", body).body)
    verdict = json.dumps({**opened, "outcome": "won"}).encode()
    assert ask(controls, "POST", "/_dev/stripe/disputes", verdict).status == 200
    assert ask(controls, "POST", "/_dev/stripe/disputes", verdict).status == 422
    ask(controls, "POST", "/_dev/stripe/webhooks", b'{"hold": true, "times": 3}')
    assert stripe.webhooks.manner == Manner(hold=True, times=3)
    ask(controls, "POST", "/_dev/stripe/limits", b'{"endpoint": 25}')
    assert stripe.service.limits.endpoint == 25


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("disputes", b"{}"),
        ("disputes", b'{"payment": "pi_none"}'),
        ("disputes", b'{"payment": 1}'),
        ("disputes", b'{"payment": "pi_none", "reason": "boredom"}'),
        ("disputes", b'{"dispute": "du_none", "outcome": "won"}'),
        ("disputes", b'{"dispute": "du_none", "outcome": "drawn"}'),
        ("cards", b'{"payment_method": "pm_none", "last4": "1111", "month": 1, "year": 2031}'),
        ("cards", b'{"payment_method": "pm_none", "last4": "1111", "month": 13, "year": 2031}'),
        ("webhooks", b'{"times": 0}'),
        ("webhooks", b'{"lose": true}'),
        ("webhooks", b'{"slow": 1}'),
        ("limits", b'{"endpoint": 0}'),
        ("limits", b'{"other": 1}'),
    ],
)
def test_what_stripe_does_not_take_is_422(controls: Controls, name: str, body: bytes) -> None:
    assert ask(controls, "POST", f"/_dev/stripe/{name}", body).status == 422


def paid(stripe: Loopback) -> str:
    client = StripeClient("sk_test_1", base_addresses={"api": stripe.url})
    intent = client.v1.payment_intents.create(
        {
            "amount": 2999,
            "currency": "usd",
            "metadata": {"invoice": "sub_1.0001"},
            "payment_method": "pm_card_visa",
            "confirm": True,
            "off_session": True,
        }
    )
    return intent.id


def test_the_console_link_signs_in(controls: Controls) -> None:
    response = ask(controls, "GET", "/_dev/console")
    assert response.status == 303
    assert ("location", "http://127.0.0.1:3000/console?token=x") in response.headers


def test_all_calls_are_listed(controls: Controls) -> None:
    calls = json.loads(ask(controls, "GET", "/_dev").body)["calls"]
    assert "POST /_dev/clock" in calls


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/_dev/else", 404), ("PUT", "/_dev/clock", 405), ("GET", "/_dev/mail/x", 404)],
)
def test_other_calls_are_refused(controls: Controls, method: str, path: str, status: int) -> None:
    assert ask(controls, method, path).status == status
