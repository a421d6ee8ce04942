"""Buying: the directory, the checkout, what follows it."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.people import CONFIRMED_CARD, DECLINED_CARD, LIBRARY, Customer
from tests.browser.tour.town import Town


def directory(town: Town) -> Page:
    return town.visitor.at("/directory")


def checkout_recurring(town: Town) -> Page:
    return town.visitor.at(f"/checkout/{LIBRARY}")


def checkout_one_time(town: Town) -> Page:
    return town.visitor.at("/checkout/demo.sourdough-1")


def checkout_trial(town: Town) -> Page:
    return town.visitor.at("/checkout/demo.studio-1")


def checkout_installments(town: Town) -> Page:
    return town.visitor.at("/checkout/demo.bootcamp-1")


def checkout_wrong(town: Town) -> Page:
    page = town.visitor.at(f"/checkout/{LIBRARY}")
    town.visitor.unchecked_by_the_browser()
    page.get_by_label("Email").fill("ann@")
    town.visitor.pay()
    return page


def checkout_again(town: Town) -> Page:
    buyer = Customer(town.visitor.page, town.laptop, town.ann.email)
    buyer.buy()
    assert buyer.says("Buy this again?")
    return buyer.page


def checkout_confirm(town: Town) -> Page:
    town.visitor.buy(card=CONFIRMED_CARD)
    assert town.visitor.heading() == "Confirm your payment"
    return town.visitor.page


def bank(town: Town) -> Page:
    page = checkout_confirm(town)
    town.visitor.follow("Continue to your bank")
    return page


def checkout_done(town: Town) -> Page:
    bank(town)
    town.visitor.press("Complete")
    assert town.visitor.heading().startswith("Thank you")
    return town.visitor.page


def checkout_declined(town: Town) -> Page:
    town.visitor.buy("demo.bootcamp-1", card=DECLINED_CARD)
    assert town.visitor.heading() == "Your payment was declined"
    return town.visitor.page


def checkout_unavailable(town: Town) -> Page:
    town.visitor.at("/checkout/demo.mentoring-1")
    town.visitor.fill_in()
    with town.fault("unavailable"):
        town.visitor.pay()
        assert town.visitor.heading() == "Checkout is temporarily unavailable"
    return town.visitor.page


def not_found(town: Town) -> Page:
    return town.visitor.at("/checkout/nothing.here")


def front(town: Town) -> Page:
    return town.visitor.at("/")
