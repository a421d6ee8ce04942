"""The routes of announced prices in the console."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import announced_prices
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares those of one subscription; `looks` is the desk of a page, `sends` of a form."""

    @app.get("/console/subscriptions/<subscription>/price")
    def price_page(subscription: str) -> http.Answer:
        return announced_prices.form(looks(), plain_id(subscription))

    @app.post("/console/subscriptions/<subscription>/price")
    def announce(subscription: str) -> http.Answer:
        return announced_prices.announce(sends(), plain_id(subscription))

    @app.post("/console/subscriptions/<subscription>/price/take-back")
    def take_back(subscription: str) -> http.Answer:
        return announced_prices.take_back(sends(), plain_id(subscription))


def declare_for_all(app: Router, looks: At, sends: At) -> None:
    """Declares those of all subscriptions at a price point."""

    @app.get("/console/products/<product>/prices/<price_point>/announce")
    def price_page_for_all(product: str, price_point: str) -> http.Answer:
        return announced_prices.form_for_all(looks(), plain_id(product), plain_id(price_point))

    @app.post("/console/products/<product>/prices/<price_point>/announce")
    def announce_to_all(product: str, price_point: str) -> http.Answer:
        return announced_prices.announce_to_all(sends(), plain_id(product), plain_id(price_point))
