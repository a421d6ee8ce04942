"""The address of a visitor who comes through proxies of the operator's own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.kernel.values import replace
from billing.web import proxies
from billing.web.request import Request
from functions.console import app as console_app
from functions.portal import app as portal_app
from tests.depth import examples
from tests.portal.visitors import ANN, Shop
from tests.web import calls
from tests.web.calls import Client

EDGE = "192.0.2.1"  # who speaks to API Gateway: in the tests' events


def address(hops: int, claimed: str | None) -> str:
    headers = {} if claimed is None else {"X-Forwarded-For": claimed}
    event: dict[str, Any] = calls.event("GET", "/portal/acme", headers=headers)
    return Request.of(proxies.with_visitor(event, hops)).ip


@pytest.mark.spec("B-3")
@pytest.mark.parametrize(
    ("hops", "claimed", "expected"),
    [
        (0, None, EDGE),
        (0, "203.0.113.7", EDGE),
        (0, f"203.0.113.7, {EDGE}", EDGE),
        (1, None, EDGE),
        (1, EDGE, EDGE),
        # The proxy appends whom it saw; API Gateway appends the proxy, or does not.
        (1, f"203.0.113.7, {EDGE}", "203.0.113.7"),
        (1, "203.0.113.7", "203.0.113.7"),
        (1, f"8.8.8.8, 9.9.9.9,203.0.113.7,{EDGE}", "203.0.113.7"),
        (1, f"2001:db8::7, {EDGE}", "2001:db8::7"),
        (1, f"2001:DB8:0:0::7, {EDGE}", "2001:db8::7"),
        (1, f"203.0.113.7:50123, {EDGE}", "203.0.113.7"),
        (1, f"[2001:db8::7]:50123, {EDGE}", "2001:db8::7"),
        (1, f"unknown, {EDGE}", EDGE),
        (1, f", {EDGE}", EDGE),
        (2, f"8.8.8.8, 203.0.113.7, 198.51.100.1, {EDGE}", "203.0.113.7"),
        (2, f"198.51.100.1, {EDGE}", EDGE),
    ],
)
def test_the_visitors_address_is_counted_from_the_right(
    hops: int, claimed: str | None, expected: str
) -> None:
    assert address(hops, claimed) == expected


@pytest.mark.spec("B-3")
@settings(max_examples=examples(50))
@given(st.lists(st.ip_addresses().map(str) | st.text("0123456789.:, x", max_size=20), max_size=5))
def test_a_claim_of_the_visitors_own_changes_nothing(claims: list[str]) -> None:
    said = ", ".join([*claims, "203.0.113.7", EDGE])
    assert address(1, said) == "203.0.113.7"
    assert address(0, said) == EDGE


@pytest.mark.spec("B-3")
def test_behind_a_proxy_one_visitors_tries_are_not_anothers() -> None:
    shop = Shop()
    shop.world.buy()
    ports = shop.world.ports
    ports = replace(ports, operation=replace(ports.operation, trusted_proxies=1))
    resolver = portal_app.build(ports)

    def tries(order: str, email: str, visitor: str) -> int:
        form = {"order_id": order, "email": email}
        spoofed = f"8.8.8.8, {visitor}, {EDGE}"
        client = Client(resolver)
        return client.browse("POST", "/portal/acme/login", form, x_forwarded_for=spoofed).status

    for n in range(25):
        tries("x", f"guess{n}@example.com", "203.0.113.6")
    mine = shop.order_ids()[0]
    assert tries(mine, ANN, "203.0.113.7") == 303
    assert tries(mine, ANN, "203.0.113.6") == 401


@pytest.mark.spec("M-8")
def test_the_audit_trail_names_the_visitor() -> None:
    from tests.web.shop import Shop as Merchants
    from tests.web.shop import link

    shop = Merchants()
    ports = shop.world.ports
    ports = replace(ports, operation=replace(ports.operation, trusted_proxies=1))
    client = Client(console_app.build(ports))
    assert client.browse("POST", link(shop), {}).status == 303
    csrf = calls_csrf(client)
    client.browse(
        "POST", "/console/sign-out", {"csrf": csrf}, x_forwarded_for=f"203.0.113.7, {EDGE}"
    )
    assert "203.0.113.7" in repr(vars(ports.audit))


def calls_csrf(client: Client) -> str:
    from tests.render.html import read

    page = read(client.browse("GET", "/console/transactions").body)
    return str(page.one("input", name="csrf").attributes["value"])
