import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dev.clock import DevClock
from dev.controls import Controls
from dev.due import DueRow
from dev.exchange import Request, Response
from dev.mailbox import Mailbox
from dev.worker import Worker

NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)


class Nothing:
    def earliest_first(self) -> Sequence[DueRow]:
        return []


class Gateway:
    def __init__(self) -> None:
        self.armed: list[tuple[str, int]] = []
        self.faults = SimpleNamespace(arm=lambda kind, count: self.armed.append((kind, count)))

    def charges(self) -> list[dict[str, Any]]:
        return [{"id": "ch_1"}]


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def controls(tmp_path: Path, gateway: Gateway) -> Controls:
    clock = DevClock(tmp_path / "clock.json", lambda: NOW)
    return Controls(
        clock=clock,
        worker=Worker(clock, lambda function, event: None, [], [], tmp_path / "ticks.json"),
        waiting=Nothing(),
        mailbox=Mailbox(tmp_path / "mail"),
        ports=SimpleNamespace(gateway=lambda name: gateway),
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


def test_charges_come_from_the_gateway(controls: Controls) -> None:
    assert json.loads(ask(controls, "GET", "/_dev/charges").body) == {"data": [{"id": "ch_1"}]}


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
