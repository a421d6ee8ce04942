"""PayPal-on-loopback for tests: every request and answer is held to PayPal's own descriptions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from billing.gateways.paypal.gateway import PayPalGateway
from billing.kernel.gateways import AccountRef
from dev.paypal.server import Exchange, Loopback

DESCRIPTIONS = Path(__file__).parent / "data" / "paypal"
Json = dict[str, Any]

SETUP_TOKEN = "SETUP_TOKEN"
"""The type by which PayPal's guide makes a payment token of an approved setup token.

The description of February 2024 lists only BILLING_AGREEMENT
(https://developer.paypal.com/api/payment-tokens/save-without-purchase/paypal)."""

NEXT_PAGE = frozenset({"move_to", "index_id"})
"""Parameters of PayPal's own links to the next page of events, which it does not describe
(https://developer.paypal.com/docs/api/webhooks/v1/#webhooks-events_list)."""


class Strange(AssertionError):
    """Something that PayPal's descriptions do not have."""


def closed(schema: Any) -> Any:
    """A schema that refuses names which it does not describe: PayPal's own leave them open."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    read = {name: closed(value) for name, value in schema.items()}
    for name, part in read.get("properties", {}).items():
        read["properties"][name] = _shut(part)
    if isinstance(read.get("items"), dict):
        read["items"] = _shut(read["items"])
    return read


def _shut(part: Any) -> Any:
    if isinstance(part, dict) and ("$ref" in part or "properties" in part or "allOf" in part):
        return {**part, "unevaluatedProperties": False}
    return part


@cache
def operations() -> list[tuple[str, re.Pattern[str], Json, Json]]:
    """(method, path, operation, components) of all that is described."""
    found = []
    for file in sorted(DESCRIPTIONS.glob("*.json")):
        description = json.loads(file.read_text("utf-8"))
        schemas = {n: closed(s) for n, s in description["components"]["schemas"].items()}
        if "token_id_request" in schemas:
            schemas["token_id_request"]["properties"]["type"]["enum"].append(SETUP_TOKEN)
        root = {**description["components"], "schemas": schemas}
        for path, methods in description["paths"].items():
            pattern = re.compile(re.sub(r"\{[a-z_]+\}", "[^/]+", path))
            found += [
                (method.upper(), pattern, operation, root)
                for method, operation in methods.items()
                if method != "parameters"
            ]
    return found


def hold_to_descriptions(exchange: Exchange) -> None:
    """Raise `Strange` unless PayPal describes both the request and the answer."""
    asked, answer = exchange.asked, exchange.answer
    fitting = (
        (operation, root)
        for method, pattern, operation, root in operations()
        if method == asked.method and pattern.fullmatch(asked.path.rstrip("/"))
    )
    operation, root = next(fitting, (None, {}))
    if operation is None:
        raise Strange(f"{asked.method} {asked.path} is not described")
    _hold_request(exchange, operation, root)
    responses = operation["responses"]
    described = responses.get(str(answer.status), responses.get("default"))
    if described is None:
        raise Strange(f"{asked.method} {asked.path} never answers {answer.status}")
    if "$ref" in described:
        described = root["responses"][described["$ref"].rpartition("/")[2]]
    _hold(answer.body, described.get("content"), root, f"{asked.path} -> {answer.status}")


def _hold_request(exchange: Exchange, operation: Json, root: Json) -> None:
    asked = exchange.asked
    body: Any = asked.body if asked.method == "POST" else None
    if asked.method == "PATCH":
        body = json.loads(asked.raw)  # a list of changes
    wanted = operation.get("requestBody", {})
    if "$ref" in wanted:
        wanted = root["requestBodies"][wanted["$ref"].rpartition("/")[2]]
    _hold(body, wanted.get("content"), root, f"{asked.method} {asked.path}")
    named = {
        (p["in"], p["name"].lower()): p
        for each in operation.get("parameters", ())
        for p in [root["parameters"][each["$ref"].rpartition("/")[2]] if "$ref" in each else each]
    }
    given = [("query", n, value) for n, value in asked.query.items() if n not in NEXT_PAGE]
    given += [("header", n, v) for n, v in asked.headers.items() if n.startswith("paypal-")]
    for where, name, value in given:
        if (where, name) not in named:
            raise Strange(f"{asked.path} takes no {where} {name}")
        schema = {**named[where, name]["schema"], "components": root}
        read = int(value) if schema.get("type") == "integer" else value
        _check(read, schema, f"{asked.path} {name}")


def _hold(body: Any, content: Json | None, root: Json, where: str) -> None:
    if content is None:
        if body:
            raise Strange(f"{where} has no body")
        return
    described = content["application/json"]["schema"]
    schema = {**_shut(closed(described)), "components": root}
    _check(body, schema, where)


def _check(value: Any, schema: Json, where: str) -> None:
    errors = sorted(Draft202012Validator(schema).iter_errors(value), key=lambda e: len(e.path))
    if errors:
        told = "; ".join(f"{list(e.path)}: {e.message[:300]}" for e in errors[:3])
        raise Strange(f"{where}: {told}")


class Watch:
    """An observer that notes requests and answers that PayPal does not describe."""

    def __init__(self) -> None:
        self.seen: list[Exchange] = []
        self.strange: list[str] = []

    def __call__(self, exchange: Exchange) -> None:
        self.seen.append(exchange)
        try:
            hold_to_descriptions(exchange)
        except Strange as error:
            self.strange.append(str(error))


@contextmanager
def loopback(clock: Callable[[], datetime]) -> Iterator[Loopback]:
    """Runs a PayPal of one's own.

    The test fails if a request to it or an answer is not one that PayPal describes.
    """
    watch = Watch()
    with Loopback(clock, watch=watch) as paypal:
        yield paypal
    if watch.strange:
        raise Strange("\n".join(sorted(set(watch.strange))))


def keys(paypal: Loopback) -> Json:
    """Returns the secret store's content for the loopback's app."""
    return {
        "client_id": paypal.client_id,
        "client_secret": paypal.client_secret,
        "webhook_id": paypal.webhook_id,
    }


def gateway(paypal: Loopback, clock: Callable[[], datetime]) -> PayPalGateway:
    """The adapter, its account on the loopback."""
    account = AccountRef("acme", "paypal", "merchant-1_test")
    given = keys(paypal)
    return PayPalGateway(account, lambda fresh: given, clock, api_base=paypal.base_url)
