"""Lists of a merchant's products, page by page, and one product with all its price points (M-4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from billing.catalog.flows.products import Offered, one
from billing.kernel.catalog import PricePoint, Product
from billing.kernel.errors import NotFound
from billing.kernel.flows.paging import filtered, part
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports

READ_AT_ONCE = 100
"""The products that are read at once where not all of them are taken."""


def page(
    ports: Ports,
    merchant: Merchant,
    takes: Callable[[Product], bool] | None = None,
    *,
    limit: int,
    cursor: str | None,
) -> Page[Offered]:
    """Lists a merchant's products that `takes` takes, newest first, with their price points."""
    if merchant.catalog_listed_at is None:
        whole_of_it = [e for e in _every(ports, merchant)[0] if takes is None or takes(e[0])]
        return part(whole_of_it, lambda each: each[0].id, limit=limit, cursor=cursor)
    found = made(ports, merchant, takes, limit=limit, cursor=cursor)
    named = [point for product in found.data for point in product.price_points]
    by_id = {point.id: point for point in ports.store.newest_price_points(named)}
    offered = ((p, tuple(by_id[i] for i in p.price_points if i in by_id)) for p in found.data)
    return Page(tuple(offered), found.next)


def made(
    ports: Ports,
    merchant: Merchant,
    takes: Callable[[Product], bool] | None = None,
    *,
    limit: int,
    cursor: str | None = None,
) -> Page[Product]:
    """Lists a merchant's products without their price points, in a bounded number of reads.

    A page may be short where few are taken; the next goes on. One that was made within the last
    second may not be there yet. The catalog of before there was a list is read whole.
    """
    if merchant.catalog_listed_at is None:
        products, _ = ports.store.catalog(merchant.id)
        taken = [product for product in products[::-1] if takes is None or takes(product)]
        return part(taken, lambda product: product.id, limit=limit, cursor=cursor)

    def page_at(at: str | None, most: int = READ_AT_ONCE) -> Page[Product]:
        return ports.store.products_made(merchant.id, limit=most, cursor=at)

    if takes is None:
        return page_at(cursor, limit)
    return filtered(page_at, takes, lambda product: product.id, limit=limit, cursor=cursor)


def ids(ports: Ports, merchant: Merchant) -> Iterator[str]:
    """Yields the ids of all of a merchant's products, newest first."""
    return (product.id for product in every(ports, merchant))


def every(ports: Ports, merchant: Merchant) -> Iterator[Product]:
    """Yields all of a merchant's products without their price points, newest first, page by
    page."""
    cursor: str | None = None
    while True:
        found = made(ports, merchant, limit=READ_AT_ONCE, cursor=cursor)
        yield from found.data
        if found.next is None:
            return
        cursor = found.next


def whole(
    ports: Ports, merchant: Merchant, product: str
) -> tuple[Product, tuple[PricePoint, ...], tuple[PricePoint, ...]]:
    """Returns one product with its price points on sale, and those taken off sale; raises
    `NotFound`."""
    if merchant.catalog_listed_at is None:
        every = _every(ports, merchant)
        kept = next((each for each in every[0] if each[0].id == product), None)
        if kept is None:
            raise NotFound("product_unknown")
        known: Sequence[PricePoint] = [point for point in every[1] if point.product == product]
    else:
        kept = one(ports, merchant, product)
        known = ports.store.points_made(merchant.id, product)
    return *kept, tuple(point for point in known if point.id not in kept[0].price_points)


def _every(ports: Ports, merchant: Merchant) -> tuple[tuple[Offered, ...], tuple[PricePoint, ...]]:
    """Reads the whole catalog, newest first, of a merchant from before there was a list of it."""
    products, points = ports.store.catalog(merchant.id)
    by_id = {point.id: point for point in points}
    offered = ((p, tuple(by_id[i] for i in p.price_points if i in by_id)) for p in products[::-1])
    return tuple(offered), points
