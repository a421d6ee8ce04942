"""Logs contain nothing of a person (RELIABILITY.md 4.2, row 22).

A day of a shop goes through the deployed handlers, with everything on: purchases, declines, wrong
sign-ins, card numbers in the wrong places, forged events, gateways that do not answer, a bug of our
own. What all loggers wrote, and what was printed, is then searched.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec.structs import force_setattr

from billing.gateway_events.flows import lost_events
from billing.kernel.merchants import PortalKind, Settings
from billing.runtime import telemetry, wiring
from dev.expand import ROOT
from functions.checkout import app as checkout_app
from functions.console import app as console_app
from functions.helpdesk import app as helpdesk_app
from functions.merchant import app as merchant_app
from functions.notify import app as notify_app
from functions.portal import app as portal_app
from functions.rebill import app as rebill_app
from functions.webhook import app as webhook_app
from tests.checkout.test_checkout import FLAT, FORM
from tests.test_events import CONTEXT
from tests.web.calls import event
from tests.web.shop import Shop
from tests.world import World

CARD = "4242424242424242"
EMAIL = re.compile(r"[\w.+'-]+@[\w-]+\.\w+")
SECRET = re.compile(r"\b(sk|tok|sess|whsec|csrf)_[\w-]+|__Host-|[Bb]earer ")
OF_PEOPLE = ["Ann Example", "1 Main Street", "Springfield", "4242", "my words", "attempt-1"]

JSON = {"content-type": "application/json", "accept": "application/json"}
FORM_TYPE = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop(World(limits=False))
    shop.world.change_merchant(settings=Settings(portal=PortalKind.STANDALONE))
    wiring.install(shop.world.ports)
    functions = (checkout_app, console_app, merchant_app, portal_app, helpdesk_app, webhook_app)
    for function in functions:
        function.app.cache_clear()
    yield shop
    wiring.install(None)
    for function in functions:
        function.app.cache_clear()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """Yields everything that our logger and any other one writes, down to the last detail."""
    lines = StringIO()
    monkeypatch.setattr(telemetry.logger().registered_handler, "stream", lines)
    others = logging.StreamHandler(lines)
    # Powertools keeps its lines from handlers of the root that are there first, as in Lambda.
    others.addFilter(lambda record: record.name != telemetry.SERVICE)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(others)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(others)
    root.setLevel(level)


def a_day(shop: Shop) -> set[int]:
    """Everything that people and gateways do wrong and right; the statuses that it was answered."""
    return {
        *checkouts(shop),
        *portal_visits(shop),
        *api_calls(shop),
        *gateway_events(shop),
        *nights_work(shop),
    }


def sent(handler: Any, method: str, address: str, body: Any, **more: Any) -> int:
    text = body if isinstance(body, str) else json.dumps(body)
    more.setdefault("headers", JSON)
    return int(handler(event(method, address, text, **more), CONTEXT)["statusCode"])


def checkouts(shop: Shop) -> Iterator[int]:
    product = shop.world.product()
    address = f"/checkout/{product.default_price_point}"
    bad = [
        {"payment_method": "pm_card_chargeDeclined", "attempt_key": "a-2", "email": "c@x.example"},
        {"payment_method": CARD, "attempt_key": "attempt-3"},
        {"name": "my words " * 100},
        {"email": "ann@example.com,bob@example.com"},
        {"ann@example.com": 1},
        {CARD: 1},
        {"sk_0123456789abcdef": 1},
        {"address": {"line1": "1 Main Street", "my words " * 400: CARD}},
    ]
    yield sent(checkout_app.handler, "POST", address, FORM)
    for fields in bad:
        yield sent(checkout_app.handler, "POST", address, {**FORM, **fields})
    yield sent(checkout_app.handler, "POST", address, '{"email": "ann@example.com"')
    yield sent(checkout_app.handler, "POST", address, urlencode(FLAT), headers=FORM_TYPE)
    yield sent(checkout_app.handler, "GET", f"{address}?email=ann%40example.com", "")
    shop.world.sandbox.faults.arm("timeout_before", 1)
    other = {**FORM, "attempt_key": "attempt-4", "email": "bob@example.com"}
    yield sent(checkout_app.handler, "POST", address, other)


def portal_visits(shop: Shop) -> Iterator[int]:
    order = shop.world.orders()[0].id
    for email in ("ann@example.com", "eve@example.com", CARD, "x" * 3000):
        fields = urlencode({"order_id": order, "email": email})
        yield sent(portal_app.handler, "POST", "/portal/acme/login", fields, headers=FORM_TYPE)
    fields = urlencode({"email": "ann@example.com"})
    yield sent(portal_app.handler, "POST", "/portal/acme/link", fields, headers=FORM_TYPE)
    cookies = {"cookies": ["__Host-sid=sess_0123456789abcdef"]}
    yield sent(portal_app.handler, "GET", "/portal/acme/cards", "", **cookies)


def api_calls(shop: Shop) -> Iterator[int]:
    for secret in ("sk_acme", "sk_0123456789abcdefghijkl", "nothing ann@example.com"):
        headers = {**JSON, "authorization": f"Bearer {secret}"}
        ticket = {
            "department": "billing",
            "email": "ann@example.com",
            "subject": "my words",
            "text": f"my card is {CARD}",
        }
        yield sent(merchant_app.handler, "POST", "/v1/tickets", ticket, headers=headers)
        yield sent(merchant_app.handler, "POST", "/v1/keys", {"name": "x"}, headers=headers)
        question = "/v1/customers?email=ann%40example.com&ann%40example.com=1"
        yield sent(merchant_app.handler, "GET", question, "", headers=headers)


def gateway_events(shop: Shop) -> Iterator[int]:
    told = shop.world.sandbox.events_since(shop.world.now.replace(year=2000))
    for one in list(told):
        body, headers = shop.world.sandbox.signed(one)
        for text in (body.decode(), body.decode() + " ", f'{{"email": "ann@example.com", {CARD}'):
            headers = {**JSON, **headers}
            address = "/webhooks/sandbox/acme"
            yield sent(webhook_app.handler, "POST", address, text, headers=headers)


def nights_work(shop: Shop) -> Iterator[int]:
    shop.world.advance(days=40)
    tick = {"id": "tick-1", "time": shop.world.now.isoformat()}
    rebill_app.sweep(tick, CONTEXT)
    notify_app.sweep(tick, CONTEXT)
    lost_events.catch_up(shop.world.ports, now=shop.world.now)

    def broken() -> Any:
        raise RuntimeError(f"ann@example.com paid with {CARD} and sk_0123456789abcdef")

    clock, now = shop.world.ports.clock, broken
    force_setattr(shop.world.ports, "clock", now)
    yield sent(checkout_app.handler, "POST", "/checkout/acme.0000000000000002", FORM)
    force_setattr(shop.world.ports, "clock", clock)


def test_row_22_nothing_of_a_person_is_logged(
    shop: Shop, written: StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    answered = a_day(shop)
    assert answered >= {200, 201, 400, 401, 402, 422, 500}
    printed = capsys.readouterr()
    text = written.getvalue() + printed.out + printed.err
    assert len(written.getvalue().splitlines()) > 10
    assert "RuntimeError" in text, "what we did wrong is told, without whom it met"
    for pattern in (EMAIL, SECRET):
        assert not pattern.search(text), pattern.search(text)
    for word in OF_PEOPLE:
        assert word not in text.replace("•4242", ""), word


def test_row_22_who_signs_in_is_logged_and_that_somebody_could_not(
    shop: Shop, written: StringIO
) -> None:
    shop.world.buy()
    for order, status in ((shop.world.orders()[0].id, 303), ("AAAAA-BBBBB-CCCCC", 401)):
        fields = urlencode({"order_id": order, "email": "ann@example.com"})
        form = {"headers": FORM_TYPE}
        assert sent(portal_app.handler, "POST", "/portal/acme/login", fields, **form) == status
    lines = [json.loads(line) for line in written.getvalue().splitlines() if line[0] == "{"]
    told = [(line["message"], line["merchant"]) for line in lines if "sign-in" in line["message"]]
    assert told == [("portal sign-in", "acme"), ("portal sign-in refused", "acme")]
    assert all(line["request_id"] for line in lines if "sign-in" in line["message"])


def test_row_22_every_field_of_a_line_is_declared(shop: Shop, written: StringIO) -> None:
    a_day(shop)
    for line in written.getvalue().splitlines():
        if line.startswith("{"):
            assert set(json.loads(line)) <= telemetry.FIELDS
            assert len(json.loads(line).get("field") or "") <= telemetry.LONGEST_FIELD


def test_row_22_what_is_not_declared_is_left_out(written: StringIO) -> None:
    telemetry.logger().info("something", extra={"email": "x", "merchant": "acme", "body": "{}"})
    (line,) = (json.loads(line) for line in written.getvalue().splitlines() if line[0] == "{")
    assert (line["message"], line["merchant"]) == ("something", "acme")
    assert not {"email", "body"} & set(line)
    telemetry.logger().info({"email": "ann@example.com"})
    assert "ann@example" not in written.getvalue()


def test_row_22_powertools_is_never_made_to_log_events() -> None:
    assert "LOG_EVENT" not in (ROOT / "template.yaml").read_text(encoding="utf-8")
    for path in (ROOT / "functions").rglob("*.py"):
        assert "log_event" not in path.read_text(encoding="utf-8")
