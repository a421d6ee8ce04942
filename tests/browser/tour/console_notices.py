"""The console's notices, and prices that are announced."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.tour.town import Town


def console_notices(town: Town) -> Page:
    return town.seller.at("/console/notices")


def console_notices_sent(town: Town) -> Page:
    return town.seller.at(f"/console/subscriptions/{town.subscription(town.ann)}/notices")


def console_price_change(town: Town) -> Page:
    return town.seller.at(f"/console/subscriptions/{town.subscription(town.ann)}/price")


def console_price_announce(town: Town) -> Page:
    product = town.laptop.get(f"/v1/products/{town.orders(town.ann, 'sale')[0]['product']}")
    point = product["price_points"][0]["id"]
    return town.seller.at(f"/console/products/{product['id']}/prices/{point}/announce")
