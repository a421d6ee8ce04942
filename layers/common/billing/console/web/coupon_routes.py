"""The routes of the console's coupons, and of the coupon of a subscription."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import coupon_of_subscription, coupons
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""

    @app.get("/console/coupons")
    def coupon_list() -> http.Answer:
        return coupons.coupon_list(looks())

    @app.get("/console/coupons/coupons.csv")
    def coupon_file() -> http.Answer:
        return coupons.coupon_file(looks())

    @app.get("/console/coupons/new")
    def new_coupon_page() -> http.Answer:
        return coupons.new_page(looks())

    @app.post("/console/coupons/new")
    def new_coupon() -> http.Answer:
        return coupons.create(sends())

    @app.get("/console/coupons/<coupon>")
    def coupon_page(coupon: str) -> http.Answer:
        return coupons.coupon_page(looks(), plain_id(coupon))

    @app.post("/console/coupons/<coupon>/end")
    def end_coupon(coupon: str) -> http.Answer:
        return coupons.switch(sends(), plain_id(coupon), active=False)

    @app.post("/console/coupons/<coupon>/allow")
    def allow_coupon(coupon: str) -> http.Answer:
        return coupons.switch(sends(), plain_id(coupon), active=True)


def declare_of_subscriptions(app: Router, looks: At, sends: At) -> None:
    """Declares the routes of a subscription's coupon."""

    @app.get("/console/subscriptions/<subscription>/coupon")
    def coupon_form(subscription: str) -> http.Answer:
        return coupon_of_subscription.form(looks(), plain_id(subscription))

    @app.post("/console/subscriptions/<subscription>/coupon")
    def give_coupon(subscription: str) -> http.Answer:
        return coupon_of_subscription.give(sends(), plain_id(subscription))

    @app.post("/console/subscriptions/<subscription>/coupon/remove")
    def take_coupon_away(subscription: str) -> http.Answer:
        return coupon_of_subscription.take_away(sends(), plain_id(subscription))
