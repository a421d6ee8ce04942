"""A price point's checkout link, to copy, to open, and to print as a QR code (M-4, P-14)."""

from __future__ import annotations

from billing.catalog.flows import product_lists
from billing.console.web.pages import Desk, page
from billing.kernel import domains
from billing.kernel.catalog import PricePoint, Product
from billing.kernel.errors import NotFound
from billing.render import qr
from billing.web import http


def link_page(desk: Desk, product: str, price_point: str) -> http.Answer:
    """Shows the link and its QR code, and says so where nobody can buy there."""
    found, point, on_sale = _found(desk, product, price_point)
    url = _url(desk, point)
    return page(
        *(desk, "console/checkout_link.html"),
        product=found,
        point=point,
        url=url,
        code=qr.inline(url),
        on_sale=on_sale,
    )


def code_file(desk: Desk, product: str, price_point: str) -> http.Answer:
    """Sends the QR code as an SVG file."""
    _, point, _ = _found(desk, product, price_point)
    return http.file(qr.file(_url(desk, point)), f"{point.id}.svg", "image/svg+xml")


def _found(desk: Desk, product: str, price_point: str) -> tuple[Product, PricePoint, bool]:
    """Returns a product, one of its price points and whether it can be bought; or `NotFound`."""
    found, on_sale, off_sale = product_lists.whole(desk.ports, desk.session.merchant, product)
    for point in (*on_sale, *off_sale):
        if point.id == price_point:
            return found, point, point in on_sale and not found.archived
    raise NotFound("price_point_unknown")


def _url(desk: Desk, point: PricePoint) -> str:
    return domains.checkout(desk.ports.operation.public_url, desk.session.merchant, point.id)
