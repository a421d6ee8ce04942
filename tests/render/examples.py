"""Each page with the values that it takes, for every test that goes over all of them."""

from __future__ import annotations

from billing.catalog.flows.directory import Listing
from billing.kernel.catalog import PriceTerms
from billing.kernel.errors import NotFound
from billing.render import pages
from billing.web.problems import problem
from tests.render.html import Element, read
from tests.render.samples import CHECKOUT, MERCHANT, PRODUCT, TRIAL, form_values, usd

OF_A_CHECKOUT: dict[str, object] = {"merchant": MERCHANT, "checkout": CHECKOUT, "test": True}
LISTING = Listing(MERCHANT.name, PRODUCT.name, TRIAL, "/checkout/pp_1")

PAGES: dict[str, dict[str, object]] = {
    "checkout/form.html": form_values(),
    "checkout/done.html": {**OF_A_CHECKOUT, "portal_url": "/portal/mer_sunrise"},
    "checkout/declined.html": {**OF_A_CHECKOUT, "again_url": "/checkout/pp_1"},
    "checkout/processing.html": {**OF_A_CHECKOUT, "refresh_seconds": 3},
    "checkout/action.html": OF_A_CHECKOUT,
    "checkout/onward.html": {
        "merchant": MERCHANT,
        "url": "https://pay.example.com",
        "why": "bank",
        "gateway": "sandbox",
        "test": True,
    },
    "checkout/unavailable.html": {"merchant": None, "again_url": "/checkout/pp_1", "test": True},
    "sandbox/authenticate.html": {"description": PRODUCT.name, "amount": usd(100), "test": True},
    "front.html": {"with_accounts": True},
    "directory.html": {"listings": [LISTING], "next_url": None, "first_url": None},
    "error.html": {"problem": problem(NotFound(), "request-1")},
}


def page(template: str, **values: object) -> Element:
    return read(pages.page(template, "en", nonce="n0nce", **values))


def form(terms: PriceTerms = TRIAL, **values: object) -> Element:
    return page("checkout/form.html", **{**form_values(terms), **values})
