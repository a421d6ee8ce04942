"""The routes of the console's products, and of the wizard that makes them."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import checkout_links, products, wizard
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""
    _wizard(app, looks, sends)
    _products(app, looks, sends)
    _changes(app, looks, sends)


def _wizard(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/products/new")
    def new_product_page() -> http.Answer:
        return wizard.begin(looks())

    @app.post("/console/products/new")
    def new_product() -> http.Answer:
        desk = sends()
        return wizard.begin(desk, desk.request.form())

    @app.get("/console/products/new/<draft>/<step>")
    def step_page(draft: str, step: str) -> http.Answer:
        return wizard.step_page(looks(), plain_id(draft), step)

    @app.post("/console/products/new/<draft>/<step>")
    def take_step(draft: str, step: str) -> http.Answer:
        return wizard.take_step(sends(), plain_id(draft), step)

    @app.get("/console/products/new/<draft>/pricing/<key>")
    def draft_price_page(draft: str, key: str) -> http.Answer:
        return wizard.price_page(looks(), plain_id(draft), plain_id(key))

    @app.post("/console/products/new/<draft>/pricing/<key>")
    def take_draft_price(draft: str, key: str) -> http.Answer:
        return wizard.take_price(sends(), plain_id(draft), plain_id(key))


def _products(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/products")
    def product_list() -> http.Answer:
        return products.product_list(looks())

    @app.get("/console/products/<product>")
    def product_page(product: str) -> http.Answer:
        return products.product_page(looks(), plain_id(product))

    @app.get("/console/products/<product>/edit")
    def edit_page(product: str) -> http.Answer:
        return products.edit_page(looks(), plain_id(product))

    @app.post("/console/products/<product>/edit")
    def change_product(product: str) -> http.Answer:
        return products.change(sends(), plain_id(product))


def _changes(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/products/<product>/archive")
    def archive_page(product: str) -> http.Answer:
        return products.archive_page(looks(), plain_id(product))

    @app.post("/console/products/<product>/archive")
    def archive_product(product: str) -> http.Answer:
        return products.archive(sends(), plain_id(product))

    @app.post("/console/products/<product>/duplicate")
    def duplicate_product(product: str) -> http.Answer:
        return products.duplicate(sends(), plain_id(product))

    @app.get("/console/products/<product>/prices/new")
    def price_page(product: str) -> http.Answer:
        return products.price_page(looks(), plain_id(product))

    @app.post("/console/products/<product>/prices/new")
    def add_price(product: str) -> http.Answer:
        return products.add_price(sends(), plain_id(product))

    @app.get("/console/products/<product>/prices/<price_point>/link")
    def link_page(product: str, price_point: str) -> http.Answer:
        return checkout_links.link_page(looks(), plain_id(product), plain_id(price_point))

    @app.get("/console/products/<product>/prices/<price_point>/link/qr.svg")
    def link_code(product: str, price_point: str) -> http.Answer:
        return checkout_links.code_file(looks(), plain_id(product), plain_id(price_point))

    @app.post("/console/products/<product>/prices/<price_point>/change")
    def change_price(product: str, price_point: str) -> http.Answer:
        return products.change_price(sends(), plain_id(product), plain_id(price_point))
