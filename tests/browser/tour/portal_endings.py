"""Endings in the portal: cancelling, refunds, freezing."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.people import DEMO
from tests.browser.tour.town import Town


def portal_cancel(town: Town) -> Page:
    return town.ann.at(f"{DEMO}/subscriptions/{town.subscription(town.ann)}/cancel")


def portal_cancel_wrong(town: Town) -> Page:
    page = portal_cancel(town)
    comment = page.get_by_label("Anything else you'd like to add?")
    comment.evaluate("field => field.removeAttribute('maxlength')")
    comment.fill("Too long. " * 60)
    town.ann.press("Confirm cancellation")
    assert page.title().startswith("Error:")
    return page


def portal_cancel_now(town: Town) -> Page:
    return town.bob.at(f"{DEMO}/subscriptions/{town.subscription(town.bob)}/cancel")


def portal_cancel_pending(town: Town) -> Page:
    return town.ann.at(f"{DEMO}/subscriptions/{town.subscription(town.ann, 1)}/ending")


def portal_cancel_done(town: Town) -> Page:
    return town.cleo.at(f"{DEMO}/subscriptions/{town.subscription(town.cleo)}/ending")


def portal_cancel_ask(town: Town) -> Page:
    with town.setting("self_cancel", "manual"):
        return town.dan.at(f"{DEMO}/subscriptions/{town.subscription(town.dan)}/cancel")


def portal_cancel_asked(town: Town) -> Page:
    address = f"{DEMO}/subscriptions/{town.subscription(town.dan)}/cancel"
    with town.setting("self_cancel", "manual"):
        page = town.dan.at(address)
        if town.dan.heading().startswith("Cancel"):
            town.dan.press("Send request")
        return page


def portal_refund(town: Town) -> Page:
    return town.ann.at(f"{DEMO}/orders/{town.order(town.ann, 'rebill')}/refund")


def portal_refunded(town: Town) -> Page:
    return town.cleo.at(f"{DEMO}/orders/{town.order(town.cleo)}/refund")


def portal_refund_ask(town: Town) -> Page:
    with town.setting("self_refund", "manual"):
        return town.ann.at(f"{DEMO}/orders/{town.order(town.ann, 'rebill')}/refund")


def portal_refund_asked(town: Town) -> Page:
    with town.setting("self_refund", "manual"):
        page = town.dan.at(f"{DEMO}/orders/{town.order(town.dan)}/refund")
        if town.dan.heading() == "Refund this payment":
            town.dan.press("Request a refund of $29.99")
        return page


def portal_refund_refused(town: Town) -> Page:
    with town.setting("self_refund", "off"):
        return town.ann.at(f"{DEMO}/orders/{town.order(town.ann)}/refund")


def portal_freeze(town: Town) -> Page:
    with town.setting("self_freeze", True):
        subscription = town.subscription(town.ann)
        return town.ann.at(f"{DEMO}/subscriptions/{subscription}/freeze")
