"""Finds the seller of a product, for those who write to the platform about a merchant's sale
(H-7)."""

from __future__ import annotations

import re
from collections.abc import Callable

from billing.kernel import domains
from billing.kernel.catalog import Product
from billing.kernel.flows.paging import pages
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports

READ_AT_ONCE, READS_AT_MOST = 100, 20
"""The listed products of one read, and the most reads for one look-up."""

LONGEST = 300

_ADDRESS = re.compile(r"/(?:checkout|portal|helpdesk)/([A-Za-z0-9_-]+)")
_PRICE_POINT = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")


def find(ports: Ports, words: str) -> Merchant | None:
    """Returns the seller that a requester's words name; None for the platform itself.

    The words may be an address of a checkout or portal, a price point, or a name as it stands in
    the directory or on a receipt.
    """
    words = " ".join(words[:LONGEST].split())
    named = _ADDRESS.search(words) or _PRICE_POINT.fullmatch(words)
    found = _by_domain(ports, words)
    if found is None and named:
        found = ports.store.merchant(named[1])
    if found is None:
        found = _by_name(ports, words.casefold())  # which may have a dot in it, too
    if found is None or found.id == ports.operation.platform:
        return None
    return found


def _by_domain(ports: Ports, words: str) -> Merchant | None:
    """Finds a seller by an address at a domain of their own (A-9)."""
    host = domains.host_of(words.partition("://")[2].partition("/")[0] or words.partition("/")[0])
    held = None if host is None else ports.store.domain(host)
    return None if held is None else ports.store.merchant(held.merchant)


def _by_name(ports: Ports, name: str) -> Merchant | None:
    """Finds a seller by name, among the publicly listed only: others need not be known as sellers
    here."""
    for page in pages(_listed(ports), at_most=READS_AT_MOST):
        names = sorted({product.merchant for product in page.data})
        found, _ = ports.store.merchants_and_switch(names)
        sellers = {each.id: each for each in found if each is not None}
        for product in page.data:
            seller = sellers.get(product.merchant)
            if seller is not None and name in {product.name.casefold(), seller.name.casefold()}:
                return seller
    return None


def _listed(ports: Ports) -> Callable[[str | None], Page[Product]]:
    return lambda cursor: ports.store.listed_products(limit=READ_AT_ONCE, cursor=cursor)
