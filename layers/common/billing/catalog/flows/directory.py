"""The public directory: listed products at their default price (P-1, P-14)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from billing.kernel import domains
from billing.kernel.catalog import PriceTerms, Product
from billing.kernel.flows.paging import READS_AT_MOST
from billing.kernel.lists import Page
from billing.kernel.ports import Ports
from billing.kernel.values import Value

PAGE_LENGTH = 500
"""The products after which a page is full."""

READ_AT_ONCE = 500
PAGES_KEPT = 20
"""The most pages that a process keeps; another begins anew."""


class Listing(Value):
    """One listed product, at its default price; `url` is its checkout page."""

    merchant_name: str
    product_name: str
    terms: PriceTerms
    url: str


class Directory:
    """The directory as a process shows it: each page is read at most once in a while.

    What a seller changes, or an operator stops, shows a minute later; the checkout itself never
    sells what is not for sale.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._kept: dict[str | None, tuple[datetime, Page[Listing]]] = {}

    def page(self, cursor: str | None, *, now: datetime) -> Page[Listing]:
        """Returns the page behind a cursor; raises `Invalid` for a cursor of another list."""
        kept = self._kept.get(cursor)
        if kept is not None and timedelta() <= now - kept[0] < self._ports.operation.directory_life:
            return kept[1]
        page = listings(self._ports, cursor=cursor, now=now)
        if len(self._kept) >= PAGES_KEPT:
            self._kept.clear()
        self._kept[cursor] = (now, page)
        return page


def listings(ports: Ports, *, now: datetime, cursor: str | None = None) -> Page[Listing]:
    """Returns a page of listed products of merchants that sell now, by name.

    Products are read, then left out where their merchant sells nothing, until the page is full.
    """
    shown: list[Listing] = []
    for _ in range(READS_AT_MOST):
        read = min(READ_AT_ONCE, PAGE_LENGTH - len(shown))
        page = ports.store.listed_products(limit=read, cursor=cursor)
        shown += _listings(ports, page.data, now)
        cursor = page.next
        if cursor is None or len(shown) >= PAGE_LENGTH:
            break
    shown.sort(key=lambda listing: (listing.product_name, listing.merchant_name))
    return Page(tuple(shown), cursor)


def _listings(ports: Ports, products: Sequence[Product], now: datetime) -> list[Listing]:
    """Returns the listings of products that are sold now; reads each kind at once."""
    names = sorted({product.merchant for product in products})
    if not names:
        return []
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
    return listed
