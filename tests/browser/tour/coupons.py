"""Coupons: in the console, and where a customer enters one."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.people import DEMO
from tests.browser.tour.town import Town

CODE = "SPRING-2027"


def _coupon(town: Town) -> str:
    terms = {"code": CODE, "basis_points": 2500, "duration": "repeating", "charges": 3}
    status, answer = town.laptop.ask("POST", "/v1/coupons", {**terms, "max_uses": 500})
    assert status == 201 or "coupon_taken" in str(answer), answer
    return CODE


def console_coupons(town: Town) -> Page:
    _coupon(town)
    return town.seller.at("/console/coupons")


def console_coupons_none(town: Town) -> Page:
    return town.seller.at("/console/coupons?q=NOBODY")


def console_coupon_new(town: Town) -> Page:
    return town.seller.at("/console/coupons/new")


def console_coupon_wrong(town: Town) -> Page:
    page = town.seller.at("/console/coupons/new")
    page.get_by_label("Code").fill("SPRING")
    town.seller.press("Create coupon")
    assert page.title().startswith("Error:")
    return page


def console_coupon(town: Town) -> Page:
    return town.seller.at(f"/console/coupons/{_coupon(town)}")


def console_coupon_give(town: Town) -> Page:
    page = town.seller.at(f"/console/subscriptions/{town.subscription(town.ann)}/coupon")
    page.get_by_label("Code").fill(_coupon(town))
    town.seller.press("Show next payments")
    return page


def portal_coupon(town: Town) -> Page:
    with town.setting("self_coupon", True):
        return town.ann.at(f"{DEMO}/subscriptions/{town.subscription(town.ann)}/coupon")


def portal_coupon_seen(town: Town) -> Page:
    code = _coupon(town)
    with town.setting("self_coupon", True):
        page = town.ann.at(f"{DEMO}/subscriptions/{town.subscription(town.ann)}/coupon")
        page.get_by_label("Coupon code").fill(code)
        town.ann.press("Check coupon")
        return page


def console_order_evidence(town: Town) -> Page:
    return town.seller.at(f"/console/orders/{town.order(town.ann, 'rebill')}")
