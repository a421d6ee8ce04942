"""The stop of the tour at each page of the console.

A test holds it complete, so a new page gets its stop; whoever looks after all pages sees that each
stop is where this says. A page that has no stop of its own looks like one that has.
"""

from __future__ import annotations

import re

PAGES: dict[str, str] = {
    "/console": "console-home",
    "/console/attention": "console-attention",
    "/console/audit": "console-audit",
    "/console/branding": "console-branding",
    "/console/coupons": "console-coupons",
    "/console/coupons/<coupon>": "console-coupon",
    "/console/coupons/new": "console-coupon-new",
    "/console/customers": "console-customers",
    "/console/customers/<customer>": "console-customer",
    "/console/customers/<customer>/edit": "console-customer-edit",
    "/console/customers/<customer>/erase": "console-customer-erase",
    "/console/customers/<customer>/portal-link": "console-portal-link",
    "/console/declarations": "console-declarations",
    "/console/declarations/<declaration>": "console-declaration",
    "/console/export": "console-export",
    "/console/figures": "console-figures",
    "/console/figures/<figure>": "console-figure",
    "/console/figures/<figure>/rows": "console-figure-rows",
    "/console/figures/cohorts": "console-cohorts",
    "/console/figures/reasons": "console-reasons",
    "/console/figures/recovery": "console-recovery",
    "/console/figures/trials": "console-trials",
    "/console/forecast": "console-forecast",
    "/console/gateways": "console-gateways",
    "/console/gateways/<gateway>/<account>": "console-gateway-checked",
    "/console/gateways/<gateway>/<account>/activate": "console-gateway-activate",
    "/console/gateways/<gateway>/<account>/keys": "console-gateway-replace",
    "/console/gateways/<gateway>/<account>/remove": "console-gateway-remove",
    "/console/gateways/arm": "console-gateways-arm",
    "/console/gateways/new/<gateway>/<mode>": "console-gateway-keys",
    "/console/import": "console-imports",
    "/console/import/<import_id>": "console-import",
    "/console/import/<import_id>/dry-run": "console-import-dry-run",
    "/console/import/<import_id>/move": "console-import-move",
    "/console/import/<import_id>/shadow": "console-import-shadow",
    "/console/import/<import_id>/undo": "console-import-undo",
    "/console/import/columns/<upload>": "console-import-columns",
    "/console/import/upload": "console-import-upload",
    "/console/invoices": "console-invoices",
    "/console/join/<token>": "console-join",
    "/console/keys": "console-keys",
    "/console/keys/<key>/<act>": "console-key-revoke",
    "/console/mails": "console-mails",
    "/console/mails/<language>/<letter>": "console-mail",
    "/console/notices": "console-notices",
    "/console/orders/<order>": "console-order",
    "/console/orders/<order>/mail": "console-mail-again",
    "/console/orders/<order>/refund": "console-refund",
    "/console/products": "console-products",
    "/console/products/<product>": "console-product",
    "/console/products/<product>/archive": "console-product-archive",
    "/console/products/<product>/edit": "console-product-edit",
    "/console/products/<product>/prices/<price_point>/announce": "console-price-announce",
    "/console/products/<product>/prices/<price_point>/link": "console-checkout-link",
    "/console/products/<product>/prices/new": "console-price-new",
    "/console/products/new": "console-product-new",
    "/console/products/new/<draft>/<step>": "console-product-review",
    "/console/products/new/<draft>/pricing/<key>": "console-product-price",
    "/console/search": "console-search",
    "/console/settings": "console-settings",
    "/console/settings/business": "console-business",
    "/console/settings/departments": "console-departments",
    "/console/settings/departments/<department>": "console-department",
    "/console/sign-in": "console-sign-in-front",
    "/console/sign-in/<token>": "console-sign-in",
    "/console/subscriptions": "console-subscriptions",
    "/console/subscriptions/<subscription>": "console-subscription",
    "/console/subscriptions/<subscription>/cancel": "console-cancel",
    "/console/subscriptions/<subscription>/coupon": "console-coupon-give",
    "/console/subscriptions/<subscription>/do/<action>": "console-pause",
    "/console/subscriptions/<subscription>/notices": "console-notices-sent",
    "/console/subscriptions/<subscription>/plan": "console-plan",
    "/console/subscriptions/<subscription>/price": "console-price-change",
    "/console/subscriptions/<subscription>/unfreeze": "console-unfreeze-refused",
    "/console/tax": "console-tax",
    "/console/team": "console-team",
    "/console/team/<member>": "console-member",
    "/console/tickets": "console-tickets",
    "/console/tickets/<ticket>": "console-ticket-refund",
    "/console/tickets/new": "console-ticket-new",
    "/console/transactions": "console-transactions",
    "/console/webhooks": "console-webhooks",
    "/console/webhooks/<endpoint>": "console-webhook",
    "/console/webhooks/<endpoint>/<act>": "console-webhook-delete",
    "/console/you": "console-you",
    "/console/you/factor": "console-factor",
    "/console/you/leave": "console-leave",
}
"""The stop at each page, by the route of the page."""

ALIKE: dict[str, str] = {
    "/console/figures/cohorts/rows": "console-figure-rows",
    "/console/figures/offers/rows": "console-figure-rows",
    "/console/figures/reasons/rows": "console-figure-rows",
    "/console/figures/recovery/rows": "console-figure-rows",
    "/console/figures/trials/rows": "console-figure-rows",
    "/console/orders/<order>/refund-tax": "console-refund",
    "/console/settings/departments/new": "console-department",
    "/console/sign-in/code": "account-sign-in-failed",
    "/console/sign-in/mailed/<token>": "console-sign-in",
    "/console/tax/registrations/<registration>/end": "console-key-revoke",
    "/console/you/teams": "console-you",
}
"""Pages that look like another stop: the same card or list with other words."""

FILES = frozenset(
    {
        "/console/audit.csv",
        "/console/coupons/coupons.csv",
        "/console/csv/<what>",
        "/console/customers/<customer>/copy",
        "/console/figures/cohorts/file.csv",
        "/console/figures/file.csv",
        "/console/figures/reasons/file.csv",
        "/console/figures/recovery/file.csv",
        "/console/figures/trials/file.csv",
        "/console/import/<import_id>/rows.csv",
        "/console/import/<import_id>/shadow/differences.csv",
        "/console/invoices/<invoice>/pdf",
        "/console/invoices/<invoice>/xml",
        "/console/products/<product>/prices/<price_point>/link/qr.svg",
        "/console/tax/rates.csv",
        "/console/tax/report.csv",
    }
)
"""Routes that send a file."""


def is_at(stop: str, path: str) -> bool:
    """Tests whether a stop is where `PAGES` says; true for one that it does not name."""
    named = [route for route, its in PAGES.items() if its == stop]
    return not named or any(_matches(route, path) for route in named)


def _matches(route: str, path: str) -> bool:
    """Tests whether a path is a page's, or that of a form on it, which shows the page again."""
    return re.fullmatch(re.sub(r"<\w+>", "[^/]+", route) + "(/check)?", path) is not None
