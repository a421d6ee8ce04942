"""One id from a request, or a sweep, to the mail that follows from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest

from billing.aws.sqs_queue import by_sweep
from billing.runtime import correlation, telemetry, wiring
from functions.checkout import app as checkout_app
from functions.notify import app as notify_app
from functions.rebill import app as rebill_app
from tests.web.calls import event
from tests.world import ADDRESS, World

CONTEXT = SimpleNamespace(
    function_name="f", aws_request_id="lambda-1", get_remaining_time_in_millis=lambda: 60_000
)


@pytest.fixture
def world() -> Iterator[World]:
    world = World(limits=False)
    checkout_app.app.cache_clear()
    wiring.install(world.ports)
    yield world
    wiring.install(None)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    written = StringIO()
    monkeypatch.setattr(telemetry.logger().registered_handler, "stream", written)
    return written


def buy(world: World) -> None:
    form = {
        "attempt_key": "attempt-0001",
        "email": "ann@example.com",
        "name": "Ann Example",
        "address": {
            "line1": ADDRESS.line1,
            "city": ADDRESS.city,
            "postal_code": ADDRESS.postal_code,
            "state": ADDRESS.state,
            "country": "US",
        },
        "payment_method": "pm_card_visa",
    }
    product = world.product()
    asked = event(
        "POST",
        f"/checkout/{product.default_price_point}",
        json.dumps(form),
        headers={"content-type": "application/json", "accept": "application/json"},
    )
    answer = checkout_app.handler(asked, CONTEXT)
    assert answer["statusCode"] == 201, answer["body"]


def tick(world: World, name: str) -> dict[str, Any]:
    return {"id": name, "time": world.now.isoformat()}


def test_a_purchases_mail_names_the_request_that_bought(world: World) -> None:
    buy(world)
    world.advance(minutes=3)
    (mail,) = world.mailer.sent
    assert mail["X-Correlation-ID"] == "request-1"
    assert correlation.current() is None


def test_every_line_that_is_logged_on_the_way_names_it_too(lines: StringIO) -> None:
    with telemetry.under("request-1"):
        telemetry.happened("one")
        with telemetry.under("tick-1"):
            telemetry.happened("two")
        with telemetry.under(None):
            telemetry.happened("three")
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["correlation_id"] for line in told] == ["request-1", "tick-1", "request-1"]


def test_lines_of_two_threads_name_what_each_of_them_works_on(lines: StringIO) -> None:
    """Outbox events of different requests are delivered side by side."""
    both = Barrier(2, timeout=20)

    def work(request: str) -> None:
        with telemetry.under(request):
            both.wait()
            telemetry.happened(request)
            both.wait()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, ["request-1", "request-2"])) == [None, None]
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert len(told) == 2
    assert all(line["correlation_id"] == line["message"] for line in told)


def test_a_receipts_mail_names_the_sweep_that_took_the_charge_up(world: World) -> None:
    buy(world)
    world.advance(days=27)
    world.mailer.sent.clear()
    world.now = world.subscription().due_at or world.now
    rebill_app.sweep(tick(world, "tick-7"), CONTEXT)
    (body,) = world.queue.bodies
    assert json.loads(body)["correlation"] == "tick-7"
    message = {"messageId": "m", "body": body, "eventSource": "aws:sqs"}
    assert rebill_app.charge({"Records": [message]}, CONTEXT)["paid"] == 1
    world.advance(minutes=3)
    notify_app.sweep(tick(world, "tick-8"), CONTEXT)
    (mail,) = world.mailer.sent
    assert mail["X-Correlation-ID"] == "tick-7"


@pytest.mark.parametrize(
    ("event", "found"),
    [
        ({"requestContext": {"requestId": "r-1"}, "id": "e-1"}, "r-1"),
        ({"id": "e-1"}, "e-1"),
        ({"requestContext": {"requestId": 7}}, "lambda-1"),
        ({"requestContext": None, "id": ["x"]}, "lambda-1"),
        ([], "lambda-1"),
        (None, "lambda-1"),
    ],
)
def test_an_event_without_an_id_is_known_by_lambdas_own(event: Any, found: str) -> None:
    assert correlation.of_event(event, "lambda-1") == found


@pytest.mark.parametrize("body", ['{"leases": []}', '{"leases": [], "correlation": 7}'])
def test_a_message_from_before_names_nothing(body: str) -> None:
    messages, broken = by_sweep([{"messageId": "m", "body": body}])
    assert (dict(messages), broken) == ({None: {"m": []}}, {})
