"""The routes of what customers change in a subscription: freeze, pause, price, coupon, plan."""

from __future__ import annotations

from billing.portal.web import coupons as coupon_pages
from billing.portal.web import freeze as freeze_pages
from billing.portal.web import pause as pause_pages
from billing.portal.web import plans as plan_pages
from billing.portal.web import price as price_pages
from billing.portal.web.visits import Portal
from billing.web import http


def declare(portal: Portal) -> None:
    """Declares the routes of all changes."""
    _freezes(portal)
    _pauses(portal)
    _prices(portal)
    _coupons(portal)
    _plans(portal)


def _freezes(portal: Portal) -> None:
    app, ports = portal.app, portal.ports

    @app.get("/portal/<merchant>/subscriptions/<subscription>/freeze")
    def freeze_form(merchant: str, subscription: str) -> http.Answer:
        return freeze_pages.form(portal.visit(merchant), subscription)

    @app.post("/portal/<merchant>/subscriptions/<subscription>/freeze")
    def freeze(merchant: str, subscription: str) -> http.Answer:
        return freeze_pages.freeze_subscription(ports, portal.change(merchant), subscription)

    @app.get("/portal/<merchant>/subscriptions/<subscription>/unfreeze")
    def unfreeze_form(merchant: str, subscription: str) -> http.Answer:
        return freeze_pages.unfreeze_form(ports, portal.visit(merchant), subscription)

    @app.post("/portal/<merchant>/subscriptions/<subscription>/unfreeze")
    def unfreeze(merchant: str, subscription: str) -> http.Answer:
        return freeze_pages.unfreeze_subscription(ports, portal.change(merchant), subscription)


def _pauses(portal: Portal) -> None:
    app, ports = portal.app, portal.ports

    @app.get("/portal/<merchant>/subscriptions/<subscription>/pause")
    def pause_form(merchant: str, subscription: str) -> http.Answer:
        return pause_pages.form(portal.visit(merchant), subscription)

    @app.post("/portal/<merchant>/subscriptions/<subscription>/pause")
    def pause(merchant: str, subscription: str) -> http.Answer:
        return pause_pages.pause_subscription(ports, portal.change(merchant), subscription)

    @app.get("/portal/<merchant>/subscriptions/<subscription>/resume")
    def resume_form(merchant: str, subscription: str) -> http.Answer:
        return pause_pages.resume_form(ports, portal.visit(merchant), subscription)

    @app.post("/portal/<merchant>/subscriptions/<subscription>/resume")
    def resume(merchant: str, subscription: str) -> http.Answer:
        return pause_pages.resume_subscription(ports, portal.change(merchant), subscription)


def _prices(portal: Portal) -> None:
    app, ports = portal.app, portal.ports

    @app.get("/portal/<merchant>/subscriptions/<subscription>/price")
    def price_form(merchant: str, subscription: str) -> http.Answer:
        return price_pages.form(portal.visit(merchant), subscription)

    @app.post("/portal/<merchant>/subscriptions/<subscription>/price")
    def agree(merchant: str, subscription: str) -> http.Answer:
        return price_pages.agree(ports, portal.change(merchant), subscription)


def _coupons(portal: Portal) -> None:
    app, ports = portal.app, portal.ports

    @app.get("/portal/<merchant>/subscriptions/<subscription>/coupon")
    def coupon_form(merchant: str, subscription: str) -> http.Answer:
        return coupon_pages.form(portal.visit(merchant), subscription)

    @app.post("/portal/<merchant>/subscriptions/<subscription>/coupon")
    def enter_coupon(merchant: str, subscription: str) -> http.Answer:
        return coupon_pages.enter(ports, portal.change(merchant), subscription)


def _plans(portal: Portal) -> None:
    app, ports = portal.app, portal.ports

    @app.get("/portal/<merchant>/subscriptions/<subscription>/plan")
    def plan_form(merchant: str, subscription: str) -> http.Answer:
        return plan_pages.plan_form(ports, portal.visit(merchant), subscription)

    @app.post("/portal/<merchant>/subscriptions/<subscription>/plan")
    def change_plan(merchant: str, subscription: str) -> http.Answer:
        return plan_pages.change(ports, portal.change(merchant), subscription)
