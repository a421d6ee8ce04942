"""The right that each route of the console, the account's pages and the API needs (M-9).

It is the one place where a route declares its area. A part is the first segment behind `/console`,
`/account` or `/v1`: its routes read its area with GET and write it otherwise, but for those that
`EXCEPTIONS` names. A route of a part that is not here is refused to all but who may do everything,
and a test fails until it is declared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from billing.team.rights import Access, Area, Right

READ, WRITE = Access.READ, Access.WRITE

CONSOLE: Mapping[str, Area] = {
    **dict.fromkeys(("", "search", "customers"), Area.CUSTOMERS),
    "products": Area.CATALOG,
    "declarations": Area.CUSTOMERS,
    "coupons": Area.COUPONS,
    **dict.fromkeys(("subscriptions", "attention", "notices"), Area.SUBSCRIPTIONS),
    **dict.fromkeys(("transactions", "orders", "invoices"), Area.MONEY),
    "tickets": Area.TICKETS,
    **dict.fromkeys(("figures", "forecast"), Area.FIGURES),
    **dict.fromkeys(("export", "csv"), Area.EXPORTS),
    **dict.fromkeys(("import", "imports"), Area.IMPORT),
    "tax": Area.TAX,
    **dict.fromkeys(("settings", "portal"), Area.SETTINGS),
    "branding": Area.BRANDING,
    "mails": Area.MAILS,
    "gateways": Area.GATEWAYS,
    "keys": Area.KEYS,
    "webhooks": Area.WEBHOOKS,
    "team": Area.TEAM,
    **dict.fromkeys(("audit", "audit.csv"), Area.AUDIT),
    **dict.fromkeys(("you", "sign-out"), Area.OWN),
}
"""The area of each part of the console."""

ACCOUNT: Mapping[str, Area] = {
    **dict.fromkeys(("", "billing", "email"), Area.ACCOUNT),
    "sign-out": Area.OWN,
}
"""The area of each part of the account's pages behind its sign-in."""

API: Mapping[str, Area] = {
    **dict.fromkeys(("preview", "products", "price-points"), Area.CATALOG),
    "coupons": Area.COUPONS,
    **dict.fromkeys(("coupons.csv", "exports"), Area.EXPORTS),
    **dict.fromkeys(("customers", "access", "portal-links", "declarations"), Area.CUSTOMERS),
    **dict.fromkeys(("subscriptions", "attention"), Area.SUBSCRIPTIONS),
    **dict.fromkeys(("orders", "invoices"), Area.MONEY),
    **dict.fromkeys(("figures", "figures.csv", "forecast"), Area.FIGURES),
    **dict.fromkeys(("tickets", "inbound-mail"), Area.TICKETS),
    "tax": Area.TAX,
    **dict.fromkeys(("settings", "accounts"), Area.SETTINGS),
    "branding": Area.BRANDING,
    "mails": Area.MAILS,
    **dict.fromkeys(("gateway-accounts", "gateways", "arm"), Area.GATEWAYS),
    **dict.fromkeys(("keys", "console-links"), Area.KEYS),
    **dict.fromkeys(("webhook-endpoints", "deliveries", "events"), Area.WEBHOOKS),
    **dict.fromkeys(("imports", "uploads"), Area.IMPORT),
    "team": Area.TEAM,
    **dict.fromkeys(("audit", "audit.csv"), Area.AUDIT),
}
"""The area of each part of the API."""

PARTS = {"console": CONSOLE, "account": ACCOUNT, "v1": API}

_GATEWAY_FORMS = (
    "/console/gateways/arm",
    "/console/gateways/new/<gateway>/<mode>",
    *(f"/console/gateways/<gateway>/<account>/{form}" for form in ("keys", "activate", "remove")),
)

_TAX_FILES = ("rates.csv", "report.csv")

EXCEPTIONS: Mapping[tuple[str, str], Right] = {
    **{("GET", f"/console/tax/{name}"): (Area.EXPORTS, READ) for name in _TAX_FILES},
    **{("GET", f"/v1/tax/{name}"): (Area.EXPORTS, READ) for name in _TAX_FILES},
    ("GET", "/console/customers/<customer>/copy"): (Area.EXPORTS, READ),
    ("GET", "/v1/customers/<customer>/export"): (Area.EXPORTS, READ),
    # They compute, and change nothing.
    ("POST", "/v1/preview"): (Area.CATALOG, READ),
    ("POST", "/v1/subscriptions/<subscription>/change-plan/quote"): (Area.SUBSCRIPTIONS, READ),
    ("POST", "/v1/subscriptions/<subscription>/unfreeze/quote"): (Area.SUBSCRIPTIONS, READ),
    # The form of a change is for who may send it.
    **{
        ("GET", f"/console/products{path}"): (Area.CATALOG, WRITE)
        for path in (
            "/new",
            "/new/<draft>/<step>",
            "/new/<draft>/pricing/<key>",
            "/<product>/archive",
            "/<product>/edit",
            "/<product>/prices/new",
        )
    },
    ("GET", "/console/customers/<customer>/edit"): (Area.CUSTOMERS, WRITE),
    ("GET", "/console/customers/<customer>/erase"): (Area.CUSTOMERS, WRITE),
    ("GET", "/console/subscriptions/<subscription>/cancel"): (Area.SUBSCRIPTIONS, WRITE),
    ("GET", "/console/subscriptions/<subscription>/do/<action>"): (Area.SUBSCRIPTIONS, WRITE),
    # A price for who has bought is no matter of the catalog.
    **{
        ("POST", f"/v1/price-points/<price_point>/{act}"): (Area.SUBSCRIPTIONS, WRITE)
        for act in ("price-change", "undo-price-change")
    },
    **{
        (method, "/console/products/<product>/prices/<price_point>/announce"): (
            Area.SUBSCRIPTIONS,
            WRITE,
        )
        for method in ("GET", "POST")
    },
    ("GET", "/console/orders/<order>/refund"): (Area.MONEY, WRITE),
    # A mail to a customer is sent again by who looks after customers.
    **{(m, "/console/orders/<order>/mail"): (Area.CUSTOMERS, WRITE) for m in ("GET", "POST")},
    ("GET", "/console/coupons/coupons.csv"): (Area.EXPORTS, READ),
    ("GET", "/console/coupons/new"): (Area.COUPONS, WRITE),
    ("GET", "/console/customers/<customer>/portal-link"): (Area.CUSTOMERS, WRITE),
    ("GET", "/console/orders/<order>/refund-tax"): (Area.MONEY, WRITE),
    **{
        ("GET", f"/console/subscriptions/<subscription>/{form}"): (Area.SUBSCRIPTIONS, WRITE)
        for form in ("coupon", "plan", "price", "unfreeze")
    },
    ("GET", "/console/figures/file.csv"): (Area.EXPORTS, READ),
    ("GET", "/console/figures/cohorts/file.csv"): (Area.EXPORTS, READ),
    ("GET", "/console/figures/trials/file.csv"): (Area.EXPORTS, READ),
    ("GET", "/console/figures/recovery/file.csv"): (Area.EXPORTS, READ),
    ("GET", "/console/figures/reasons/file.csv"): (Area.EXPORTS, READ),
    ("GET", "/v1/figures.csv"): (Area.EXPORTS, READ),
    **{
        ("GET", f"/console/import/{form}"): (Area.IMPORT, WRITE)
        for form in ("upload", "columns/<upload>", "<import_id>/move", "<import_id>/undo")
    },
    ("GET", "/console/tickets/new"): (Area.TICKETS, WRITE),
    ("GET", "/console/webhooks/<endpoint>/<act>"): (Area.WEBHOOKS, WRITE),
    ("GET", "/console/settings/departments/<department>"): (Area.SETTINGS, WRITE),
    ("GET", "/console/settings/departments/new"): (Area.SETTINGS, WRITE),
    ("GET", "/console/settings/business"): (Area.SETTINGS, WRITE),
    ("GET", "/console/keys/<key>/<act>"): (Area.KEYS, WRITE),
    **{("GET", path): (Area.GATEWAYS, WRITE) for path in _GATEWAY_FORMS},
    ("GET", "/console/team/<member>"): (Area.TEAM, WRITE),
    ("GET", "/console/tax/registrations/<registration>/end"): (Area.TAX, WRITE),
    ("GET", "/account/billing/cancel"): (Area.ACCOUNT, WRITE),
    ("GET", "/account/billing/freeze"): (Area.ACCOUNT, WRITE),
    ("GET", "/account/billing/plan/<price_point>"): (Area.ACCOUNT, WRITE),
}
"""Routes that need another right than their part and method say."""

PUBLIC = ("/console/sign-in", "/console/join")
"""Where a visitor of the console is not signed in yet."""

PUBLIC_OF_ACCOUNT = (
    *("/account/sign-up", "/account/plans", "/account/sign-in", "/account/forgot"),
    *("/account/reset/<token>", "/account/email/<token>"),
)
"""Where a visitor of the account's pages is not signed in."""

DOCUMENT = "/v1/openapi.json"
"""The description of the API, which everybody may read."""


def is_public(path: str) -> bool:
    """Tests whether a route is open to who is not signed in."""
    inside = any(path == each or path.startswith(f"{each}/") for each in PUBLIC)
    return inside or path in PUBLIC_OF_ACCOUNT or path == DOCUMENT


def need(method: str, path: str) -> Right | None:
    """Returns the right that a route needs; None for one that nobody has declared."""
    named = EXCEPTIONS.get((method, path))
    if named is not None:
        return named
    _, room, *rest = path.split("/")
    area = PARTS.get(room, {}).get(rest[0] if rest else "")
    if area is None:
        return None
    return area, READ if method == "GET" else WRITE


def need_of(address: str) -> Right | None:
    """Returns the right that an address needs to be looked at, whatever ids are in it."""
    path = address.partition("?")[0]
    for (method, declared), right in EXCEPTIONS.items():
        pattern = re.sub(r"<\w+>", "[^/]+", declared)
        if method == "GET" and re.fullmatch(pattern, path):
            return right
    return need("GET", path)


def area_of(action: str) -> Area | None:
    """Returns the area of a recorded action, `POST /console/products/..`; None for another kind."""
    _, _, path = action.partition(" ")
    _, room, part, *_ = (*path.split("/"), "", "")
    return PARTS.get(room, {}).get(part)
