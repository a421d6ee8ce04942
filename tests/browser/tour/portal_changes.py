"""The portal: another plan, another email."""

from __future__ import annotations

import re

from playwright.sync_api import Page

from tests.browser.people import DEMO
from tests.browser.tour.town import Town


def _plan(town: Town) -> str:
    """The way to the plans of Ann's subscription, whose product has a larger one for it."""
    found = town.subscription(town.ann)
    _, shown = town.laptop.ask("GET", f"/v1/subscriptions/{found}")
    product = f"/v1/products/{shown['product']}"
    _, sold = town.laptop.ask("GET", product)
    if len(sold["price_points"]) < 3:
        price = {"type": "recurring", "price": {"amount": 7900, "currency": "USD"}}
        status, answer = town.laptop.ask(
            "POST", f"{product}/price-points", {**price, "period": "1m"}
        )
        assert status == 201, answer
    return f"{DEMO}/subscriptions/{found}/plan"


def portal_plan(town: Town) -> Page:
    with town.setting("self_change_plan", True):
        return town.ann.at(_plan(town))


def portal_plan_quote(town: Town) -> Page:
    with town.setting("self_change_plan", True):
        page = town.ann.at(_plan(town))
        page.get_by_label(re.compile(r"\$79\.00 every month")).check()
        town.ann.press("Show price")
        return page


def portal_plan_button(town: Town) -> Page:
    way = _plan(town)
    with town.setting("self_change_plan", True):
        page = town.ann.at(DEMO)
        assert way.startswith(DEMO) and page.get_by_role("link", name="Change plan").count()
        return page


def portal_email(town: Town) -> Page:
    return town.ann.at(f"{DEMO}/email")


def portal_email_wrong(town: Town) -> Page:
    page = town.ann.at(f"{DEMO}/email")
    page.get_by_label("New email").fill(town.ann.email)
    town.ann.press("Send links")
    assert page.title().startswith("Error:")
    return page


def portal_email_asked(town: Town) -> Page:
    page = town.ann.at(f"{DEMO}/email")
    page.get_by_label("New email").fill(town.visitor.email)
    town.ann.press("Send links")
    return page


def _link(town: Town) -> str:
    portal_email_asked(town)
    return town.visitor.email_link()


def portal_email_confirm(town: Town) -> Page:
    return town.visitor.at(_link(town))


def portal_email_confirmed(town: Town) -> Page:
    page = town.visitor.at(_link(town))
    town.visitor.press("Confirm")
    return page
