"""All that the API can do, the console can too, or a reason is written here (M-4)."""

from __future__ import annotations

import pytest

from functions.console import app as console
from functions.merchant import app as merchant
from tests.world import World

SUBSCRIPTION = "/console/subscriptions/<subscription>"
CUSTOMER = "/console/customers/<customer>"
PRODUCT = "/console/products/<product>"
CHANGE_PRICE = f"{PRODUCT}/prices/<price_point>/change"

WAYS: dict[str, str] = {
    "GET /v1/access": f"GET {CUSTOMER}",
    "GET /v1/attention": "GET /console/attention",
    "GET /v1/customers": "GET /console/customers",
    "GET /v1/customers/<customer>": f"GET {CUSTOMER}",
    "PATCH /v1/customers/<customer>": f"POST {CUSTOMER}/edit",
    "GET /v1/customers/<customer>/export": f"GET {CUSTOMER}/copy",
    "POST /v1/customers/<customer>/erase": f"POST {CUSTOMER}/erase",
    "POST /v1/customers/<customer>/resume-mail": f"POST {CUSTOMER}/resume-mail",
    "POST /v1/portal-links": f"POST {CUSTOMER}/portal-link",
    "GET /v1/forecast": "GET /console/forecast",
    "GET /v1/invoices": "GET /console/invoices",
    "GET /v1/invoices/<invoice>": "GET /console/orders/<order>",
    "GET /v1/invoices/<invoice>/pdf": "GET /console/invoices/<invoice>/pdf",
    "GET /v1/invoices/<invoice>/xml": "GET /console/invoices/<invoice>/xml",
    "GET /v1/keys": "GET /console/keys",
    "POST /v1/keys": "POST /console/keys",
    "POST /v1/keys/<key>/replace": "POST /console/keys/<key>/replace",
    "DELETE /v1/keys/<key>": "POST /console/keys/<key>/revoke",
    "GET /v1/orders": "GET /console/transactions",
    "GET /v1/orders/<order>": "GET /console/orders/<order>",
    "POST /v1/orders/<order>/refund": "POST /console/orders/<order>/refund",
    "POST /v1/preview": "GET /console/products/new/<draft>/<step>",
    "GET /v1/products": "GET /console/products",
    "POST /v1/products": "POST /console/products/new/<draft>/<step>",
    "GET /v1/products/<product>": f"GET {PRODUCT}",
    "PATCH /v1/products/<product>": f"POST {PRODUCT}/edit",
    "DELETE /v1/products/<product>": f"POST {PRODUCT}/archive",
    "POST /v1/products/<product>/price-points": f"POST {PRODUCT}/prices/new",
    "DELETE /v1/products/<product>/price-points/<price_point>": f"POST {CHANGE_PRICE}",
    "PATCH /v1/price-points/<price_point>": f"POST {CHANGE_PRICE}",
    "GET /v1/settings": "GET /console/settings",
    "PATCH /v1/settings": "POST /console/settings",
    "GET /v1/subscriptions": "GET /console/subscriptions",
    "GET /v1/subscriptions/<subscription>": f"GET {SUBSCRIPTION}",
    "POST /v1/subscriptions/<subscription>/cancel": f"POST {SUBSCRIPTION}/cancel",
    "POST /v1/subscriptions/<subscription>/change-plan/quote": f"GET {SUBSCRIPTION}/plan",
    "POST /v1/subscriptions/<subscription>/price-change": f"POST {SUBSCRIPTION}/price",
    "DELETE /v1/subscriptions/<subscription>/price-change": f"POST {SUBSCRIPTION}/price/take-back",
    **{
        f"POST /v1/price-points/<price_point>/{act}": (
            f"POST {PRODUCT}/prices/<price_point>/announce"
        )
        for act in ("price-change", "undo-price-change")
    },
    "POST /v1/subscriptions/<subscription>/change-plan": f"POST {SUBSCRIPTION}/plan",
    "POST /v1/subscriptions/<subscription>/unfreeze/quote": f"GET {SUBSCRIPTION}/unfreeze",
    "POST /v1/subscriptions/<subscription>/unfreeze": f"POST {SUBSCRIPTION}/unfreeze",
    **{
        f"POST /v1/subscriptions/<subscription>/{verb}": f"POST {SUBSCRIPTION}/do/<action>"
        for verb in ("undo-cancel", "pause", "resume", "freeze", "retry", "skip")
    },
    "GET /v1/tickets": "GET /console/tickets",
    "POST /v1/tickets": "POST /console/tickets/new",
    "GET /v1/tickets/<ticket>": "GET /console/tickets/<ticket>",
    "POST /v1/tickets/<ticket>/approve": "POST /console/tickets/<ticket>/approve",
    "POST /v1/tickets/<ticket>/decline": "POST /console/tickets/<ticket>/reply",
    "POST /v1/tickets/<ticket>/reply": "POST /console/tickets/<ticket>/reply",
}
"""Routes of the console, by the operations of the API that they stand for."""

REASONS: dict[str, str] = {
    "GET /v1/openapi.json": "it describes the API to programs",
    "GET /v1/events": "programs read it; a person reads the timelines",
    "POST /v1/inbound-mail": "the mail server sends it",
    "POST /v1/console-links": "it leads into the console",
    "GET /v1/accounts": "the platform's support only, with the platform's key",
}
"""The operations that no person needs in a browser, with the reason."""

ROOMS = (
    *("arm", "gateway-accounts", "coupons", "coupons.csv", "exports", "tax", "declarations"),
    *("webhook-endpoints", "deliveries", "figures", "figures.csv", "team", "audit", "audit.csv"),
    *("imports", "uploads"),
)
"""Parts of the API with pages of their own, beside which their own tests stand."""

ELSEWHERE = {
    "POST /v1/subscriptions/<subscription>/coupon",
    "DELETE /v1/subscriptions/<subscription>/coupon",
    "POST /v1/orders/<order>/refund-tax",
    "POST /v1/subscriptions/<subscription>/tax-id",
    "GET /v1/subscriptions/<subscription>/consent",
}
"""Operations that belong to the pages of coupons and of taxes."""

PORTS = World().ports


def operations() -> set[str]:
    routes = merchant.build(PORTS).routes
    found = {f"{route.method} {route.path}" for route in routes}
    return {each for each in found if each.split("/")[2] not in ROOMS} - ELSEWHERE


@pytest.mark.spec("M-4")
def test_every_operation_has_a_way_in_the_console_or_a_written_reason() -> None:
    assert operations() == WAYS.keys() | REASONS.keys()
    assert not WAYS.keys() & REASONS.keys()


@pytest.mark.spec("M-4")
def test_every_way_is_a_route_of_the_console() -> None:
    routes = {f"{route.method} {route.path}" for route in console.build(PORTS).routes}
    assert set(WAYS.values()) <= routes
