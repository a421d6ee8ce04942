"""Rows of the security checklist that nothing else proves, and the list of what proves the rest."""

from __future__ import annotations

import ast
import json
from base64 import b64encode
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.gateways.sandbox.events import SIGNATURE_HEADER
from billing.runtime.ids import new_id
from billing.web import inputs
from billing.web.http import guard
from dev.expand import ROOT
from functions.account import app as account_app
from functions.checkout import app as checkout_app
from functions.console import app as console_app
from functions.helpdesk import app as helpdesk_app
from functions.merchant import app as merchant_app
from functions.portal import app as portal_app
from functions.webhook import app as webhook_app
from tests.checkout.test_checkout import FORM
from tests.depth import examples
from tests.security.checklist import CHECKLIST, Row
from tests.web.calls import Client, event
from tests.world import World

OF_VISITORS = (account_app, checkout_app, console_app, helpdesk_app, merchant_app, portal_app)
HEADERS = {
    "strict-transport-security": "max-age=63072000",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))


def test_the_checklist_has_its_25_rows() -> None:
    assert [row.number for row in CHECKLIST] == list(range(1, 26))


@pytest.mark.parametrize("row", CHECKLIST, ids=lambda row: f"row_{row.number:02}")
def test_what_proves_a_row_is_there(row: Row) -> None:
    assert row.proofs or row.not_ours
    for proof in row.proofs:
        file, _, name = proof.partition("::")
        assert name in names_in(file), proof


def test_row_01_order_ids_are_drawn_from_enough_chance() -> None:
    drawn = [new_id("order") for _ in range(2000)]
    assert len(set(drawn)) == len(drawn)
    symbols = {symbol for text in drawn for symbol in text.replace("-", "")}
    assert len(symbols) == 30
    # 14 symbols of 30 are 68 bits; no place of them stands still.
    plain = [text.replace("-", "") for text in drawn]
    for place in range(14):
        assert len({text[place] for text in plain}) == 30, place


def routes() -> list[tuple[Any, str, str]]:
    """Each route of each function for visitors: function, method, an address that it matches."""
    found = []
    for function in OF_VISITORS:
        app = function.build(World(limits=False).ports)
        for route in app.routes:
            found.append((function, route.method, _address(route)))
    return found


def _address(route: Any) -> str:
    address = route.path
    while "<" in address:
        before, _, rest = address.partition("<")
        name, _, after = rest.partition(">")
        value = "acme" if name == "merchant" else "nothing"
        address = f"{before}{value}{after}"
    return str(address)


def test_row_07_every_route_answers_with_the_headers() -> None:
    """Signed out and unknown: whatever a route says, it says it with these."""
    tried = 0
    world = World(limits=False)
    clients = {function: Client(function.build(world.ports)) for function in OF_VISITORS}
    for function, method, address in routes():
        answer = clients[function].browse(method, address, {} if method == "POST" else None)
        assert answer.status < 500, (method, address, answer.body)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, (method, address, name)
        policy = answer.headers["content-security-policy"]
        for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert part in policy, (method, address)
        assert "unsafe" not in policy
        tried += 1
    assert tried > 100


bodies = st.one_of(
    st.none(),
    st.text(max_size=200),
    st.binary(max_size=200).map(lambda raw: b64encode(raw).decode()),
    st.sampled_from(["{}", "[]", "null", "[" * 2000, '{"a":' * 500, "9" * 5000, '{"a":NaN}']),
)
NAMES = """content-type content-encoding authorization cookie accept-language accept origin
    sec-fetch-site idempotency-key x-forwarded-proto stripe-signature paypal-transmission-sig
    paypal-cert-url"""
TYPES = "application/json", "application/x-www-form-urlencoded", "multipart/form-data"
OTHERS = "Bearer sk_acme", "gzip", "de;q=x", "t=1,v1=00", "t=" + "9" * 400
headers = st.dictionaries(
    st.sampled_from([*NAMES.split(), SIGNATURE_HEADER]),
    st.text(max_size=60) | st.sampled_from([*TYPES, *OTHERS]),
    max_size=6,
)
ANY = settings(max_examples=examples(250), deadline=None, derandomize=True, database=None)
ALL_ROUTES = routes()
OPEN = {function: function.build(World(limits=False).ports) for function in OF_VISITORS}
WEBHOOK = webhook_app.build(World(limits=False).ports)


@ANY
@given(
    route=st.sampled_from(ALL_ROUTES),
    body=bodies,
    sent=headers,
    query=st.text(max_size=40),
    cookies=st.lists(st.text(max_size=40), max_size=2),
    is_base64=st.booleans(),
)
def test_row_12_any_bytes_to_any_route_are_never_our_error(
    route: tuple[Any, str, str],
    body: str | None,
    sent: dict[str, str],
    query: str,
    cookies: list[str],
    is_base64: bool,
) -> None:
    function, method, address = route
    made = event(method, address, body, headers=sent, cookies=cookies, is_base64=is_base64)
    made["rawQueryString"] = query
    answer = guard(OPEN[function].resolve)(made, None)
    assert answer["statusCode"] < 500, (method, address, answer["body"])
    json.dumps(answer).encode()


@ANY
@given(
    gateway=st.sampled_from(["sandbox", "stripe", "paypal", "nobody"]),
    merchant=st.sampled_from(["acme", "rival", "a" * 300, "%ff"]),
    body=bodies,
    sent=headers,
    is_base64=st.booleans(),
)
def test_row_10_whatever_is_sent_as_an_event_is_refused(
    gateway: str, merchant: str, body: str | None, sent: dict[str, str], is_base64: bool
) -> None:
    address = f"/webhooks/{gateway}/{merchant}"
    made = event("POST", address, body, headers=sent, is_base64=is_base64)
    answer = guard(WEBHOOK.resolve)(made, None)
    assert 400 <= answer["statusCode"] < 500, answer["body"]


def test_row_11_only_gateways_are_asked_over_http() -> None:
    """No module but the clients of gateways and of DynamoDB can fetch an address, and what posts to
    receivers of webhooks, which looks at each address itself (tests/webhooks)."""
    fetching = {"requests", "urllib.request", "http.client", "urllib3", "httpx", "socket"}
    found = set()
    for path in (*(ROOT / "layers").rglob("*.py"), *(ROOT / "functions").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if fetching & set(names):
                found.add(f"{path.parent.name}/{path.stem}")
    dynamodb = {"direct/client", "direct/connections", "direct/credentials"}
    asked = {"gateways/bounded_http", "paypal/client", "registers/vies", "flows/guarded_post"}
    assert found == asked | dynamodb


def shapes(of: type[inputs.Input] = inputs.Input) -> set[type[inputs.Input]]:
    below = of.__subclasses__()
    return set(below).union(*(shapes(each) for each in below)) if below else set()


def test_row_13_every_shape_refuses_what_it_does_not_name() -> None:
    found = {shape for shape in shapes() if shape.__module__.startswith("billing.")}
    assert len(found) > 30
    for shape in found:
        assert shape.model_config.get("extra") == "forbid", shape
        assert shape.model_config.get("frozen"), shape


def test_row_19_a_tester_of_cards_is_stopped() -> None:
    world = World()
    client = Client(checkout_app.build(world.ports))
    address = f"/checkout/{world.product().default_price_point}"
    answers = [
        client.post(
            address,
            {
                **FORM,
                "attempt_key": f"attempt-{n}",
                "email": f"tester{n}@example.com",
                "payment_method": "pm_card_chargeDeclined",
            },
        ).status
        for n in range(60)
    ]
    stopped = answers.index(429)
    assert set(answers[:stopped]) == {402}
    assert set(answers[stopped:]) == {429}
    assert stopped <= 30
    assert len(world.charges()) == stopped
