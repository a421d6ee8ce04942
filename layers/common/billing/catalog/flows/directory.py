"""The public directory: listed products at their default price (P-1, P-14)."""

from __future__ import annotations

from dataclasses import dataclass

from billing.kernel import domains
from billing.kernel.catalog import PriceTerms
from billing.kernel.ports import Ports

LISTED_AT_MOST = 500


@dataclass(frozen=True, slots=True)
class Listing:
    """One listed product, at its default price; `url` is its checkout page."""

    merchant_name: str
    product_name: str
    terms: PriceTerms
    url: str


def listings(ports: Ports) -> list[Listing]:
    """Lists every listed product of every merchant, by name."""
    listed = []
    for product in ports.store.listed_products(LISTED_AT_MOST):
        merchant = ports.store.merchant(product.merchant)
        point = ports.store.price_point(product.default_price_point)
        if merchant is None or point is None:
            continue
        url = domains.checkout(ports.operation.public_url, merchant, point.id)
        listed.append(Listing(merchant.name, product.name, point.terms, url))
    return sorted(listed, key=lambda listing: (listing.product_name, listing.merchant_name))
