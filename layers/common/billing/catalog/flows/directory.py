"""The public directory: listed products at their default price (P-1, P-14)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel import domains
from billing.kernel.catalog import PriceTerms
from billing.kernel.ports import Ports
from billing.kernel.values import Value

LISTED_AT_MOST = 500


class Listing(Value):
    """One listed product, at its default price; `url` is its checkout page."""

    merchant_name: str
    product_name: str
    terms: PriceTerms
    url: str


def listings(ports: Ports, *, now: datetime) -> list[Listing]:
    """Lists every listed product of merchants that sell now, by name; reads each kind at once."""
    products = ports.store.listed_products(LISTED_AT_MOST)
    names = sorted({product.merchant for product in products})
    found, _ = ports.store.merchants_and_switch(names)
    sellers = {each.id: each for each in found if each and not each.as_of(now).stopped}
    sold = [product for product in products if product.merchant in sellers]
    points = ports.store.price_points([(p.default_price_point, p.default_version) for p in sold])
    listed = []
    for product, point in zip(sold, points, strict=True):
        if point is None:
            continue
        merchant = sellers[product.merchant]
        url = domains.checkout(ports.operation.public_url, merchant, point.id)
        listed.append(Listing(merchant.name, product.name, point.terms, url))
    return sorted(listed, key=lambda listing: (listing.product_name, listing.merchant_name))
