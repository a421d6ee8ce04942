"""Reads the price points that an import needs, and no whole catalog: those that rows name, and for
rows with a price alone what is on sale."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from billing.catalog.flows import product_lists
from billing.kernel.catalog import PricePoint, Product
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports

CATALOG_MOST = 500
"""The most products among which a price is looked for; in a larger catalog a row names its price
point."""

KEPT_MOST = 2_000
"""The most price points that are kept for later rows."""

ID_MOST = 200
"""The longest id of a price point, in characters: it is part of a key."""

Found = tuple[PricePoint, Product]


class PricePoints:
    """The price points of one merchant, each read once for many rows."""

    def __init__(self, ports: Ports, merchant: Merchant) -> None:
        self._ports, self._merchant = ports, merchant
        self._known: dict[str, Found | None] = {}
        self._on_sale: tuple[Found, ...] | None = None
        self._too_many = False

    def read(self, ids: Iterable[str]) -> None:
        """Reads those of some ids that are not known yet, all at once."""
        asked = dict.fromkeys(ids)
        if len(self._known) + len(asked) > KEPT_MOST:
            self._known.clear()
        wanted = [each for each in asked if each not in self._known]
        store, own = self._ports.store, f"{self._merchant.id}."
        named = [each for each in wanted if each.startswith(own) and len(each) <= ID_MOST]
        points = store.newest_price_points(named) if named else []
        owners = list(dict.fromkeys((self._merchant.id, each.product) for each in points))
        read = store.products(owners) if owners else []
        products = {each.id: each for each in read if each is not None}
        self._known |= dict.fromkeys(wanted)
        self._known |= {
            each.id: (each, products[each.product]) for each in points if each.product in products
        }

    def named(self, name: str) -> Found | None:
        """Returns a price point with its product; None for one that is not the merchant's."""
        if name not in self._known:
            self.read([name])
        return self._known[name]

    def priced(self, fits: Callable[[PricePoint], bool]) -> list[Found] | None:
        """Returns the price points on sale that fit; None where there are too many to look
        through."""
        if self._on_sale is None and not self._too_many:
            page = product_lists.page(self._ports, self._merchant, limit=CATALOG_MOST, cursor=None)
            self._too_many = page.next is not None
            self._on_sale = tuple(
                (point, product) for product, points in page.data for point in points
            )
        if self._too_many or self._on_sale is None:
            return None
        return [each for each in self._on_sale if fits(each[0])]
