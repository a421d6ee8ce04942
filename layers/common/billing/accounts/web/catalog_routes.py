"""Routes of /v1 for what a merchant sells: previews, products and their price points."""

from __future__ import annotations

from billing.accounts.web import merchant_shapes
from billing.accounts.web.merchant_inputs import (
    NewProductInput,
    PreviewInput,
    PricePointChangeInput,
    ProductChangeInput,
)
from billing.api.web import json_shapes
from billing.api.web.frame import Api, Call
from billing.api.web.json_shapes import Listed, PricePointOutput, ProductOutput
from billing.api.web.queries import PageQuery
from billing.catalog.flows import product_lists, products
from billing.catalog.web.price_inputs import PricePointInput
from billing.coupons import terms as coupon_terms
from billing.kernel.ports import Ports
from billing.tax.flows import taxation
from billing.web.inputs import Nothing, under


def declare(api: Api, ports: Ports) -> None:
    """Declares them."""
    _preview(api, ports)
    _products(api, ports)


def _preview(api: Api, ports: Ports) -> None:
    @api.post("/v1/preview", PreviewInput, status=200, scope="read")
    def preview(call: Call[PreviewInput]) -> merchant_shapes.PreviewOutput:
        """Preview what a price point would charge, and when; no product is needed (P-19).

        With a `buyer`, each charge has its taxes, at the rates of its day as they are known now;
        with a `coupon`, what that takes off.
        """
        with under("price_point"):
            terms = call.input.price_point.terms()
        given, start, taxed_on = call.input.buyer, call.input.anchor(), None
        if given is not None:
            with under("buyer"):
                taxed_on = taxation.rules(ports, call.merchant, given.bill_to()).on
        discount = None
        if call.input.coupon is not None:
            with under("coupon"):
                coupon = call.input.coupon.terms(call.merchant, call.input.coupon.code, call.now)
                discount = coupon_terms.check(coupon, terms.price.currency).discount
        return merchant_shapes.preview(terms, start, call.input.count, taxed_on, discount)


def _products(api: Api, ports: Ports) -> None:
    @api.post("/v1/products", NewProductInput)
    def create_product(call: Call[NewProductInput]) -> ProductOutput:
        """Create a product with its price points; the first is the default."""
        made = products.create(ports, call.merchant, call.input.draft(), now=call.now)
        return json_shapes.product(*made, call.checkout_url)

    @api.get("/v1/products", PageQuery)
    def list_products(call: Call[PageQuery]) -> Listed[ProductOutput]:
        """List all products, newest first."""
        page = product_lists.page(
            ports, call.merchant, limit=call.input.limit, cursor=call.input.cursor
        )
        shown = (json_shapes.product(*offered, call.checkout_url) for offered in page.data)
        return json_shapes.listed(shown, page.next)

    @api.get("/v1/products/<product>")
    def show_product(call: Call[Nothing], product: str) -> ProductOutput:
        """Retrieve one product."""
        return json_shapes.product(*products.one(ports, call.merchant, product), call.checkout_url)

    @api.patch("/v1/products/<product>", ProductChangeInput)
    def change_product(call: Call[ProductChangeInput], product: str) -> ProductOutput:
        """Change name, listing, refund days, which price point is the default, or whether it is
        archived. Nothing new is sold of what is archived, and it counts towards no limit of a plan;
        what was sold goes on."""
        changed = products.change(ports, call.merchant, product, call.input.given())
        return json_shapes.product(*changed, call.checkout_url)

    @api.delete("/v1/products/<product>", status=204)
    def archive_product(call: Call[Nothing], product: str) -> None:
        """Archive a product; PATCH it with `archived: false` to sell it again."""
        products.change(ports, call.merchant, product, {"archived": True})

    @api.patch("/v1/price-points/<price_point>", PricePointChangeInput)
    def change_price_point(call: Call[PricePointChangeInput], price_point: str) -> PricePointOutput:
        """Change how a price point is cancelled, whether it is on sale, or make it the default.
        What was sold stays as it is."""
        changed, point = products.change_price_point(
            ports, call.merchant, price_point, call.input.given()
        )
        return json_shapes.price_point(point, changed, call.checkout_url)

    @api.post("/v1/products/<product>/price-points", PricePointInput)
    def add_price_point(call: Call[PricePointInput], product: str) -> PricePointOutput:
        """Add a price point to a product."""
        terms = call.input.terms()
        offered, point = products.add_price_point(
            ports, call.merchant, product, terms, now=call.now
        )
        return json_shapes.price_point(point, offered, call.checkout_url)

    @api.delete("/v1/products/<product>/price-points/<price_point>")
    def remove_price_point(call: Call[Nothing], product: str, price_point: str) -> ProductOutput:
        """Remove a price point from sale; the default moves on, what was sold stays as it is."""
        left = products.remove_price_point(ports, call.merchant, product, price_point)
        return json_shapes.product(*left, call.checkout_url)
