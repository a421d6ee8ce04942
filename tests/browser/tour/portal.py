"""The portal: sign-in, purchases, address and cards."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.people import DECLINED_CARD, DEMO, Customer
from tests.browser.tour.town import Town


def portal_login(town: Town) -> Page:
    return town.visitor.at(DEMO)


def portal_login_failed(town: Town) -> Page:
    town.visitor.log_in("AAAAA-BBBBB-CCCCC")
    assert town.visitor.says("Your Order ID and email don't match")
    return town.visitor.page


def portal_link(town: Town) -> Page:
    return town.visitor.at(f"{DEMO}/link")


def portal_link_sent(town: Town) -> Page:
    page = portal_link(town)
    page.get_by_label("Email").fill(town.ann.email)
    town.visitor.press("Send link")
    return page


def portal_link_enter(town: Town) -> Page:
    portal_link_sent(town)
    return town.visitor.at(town.ann.portal_link())


def portal_link_over(town: Town) -> Page:
    return town.visitor.at(f"{DEMO}/link/used-before")


def portal_signed_out(town: Town) -> Page:
    return town.visitor.at(f"{DEMO}/cards")


def portal_closed(town: Town) -> Page:
    with town.setting("portal", None):
        return town.visitor.at(DEMO)


def portal_purchases(town: Town) -> Page:
    return town.ann.at(DEMO)


def portal_history(town: Town) -> Page:
    page = portal_purchases(town)
    for folded in page.get_by_text("Show details").all():
        folded.click()
    return page


def portal_past_due(town: Town) -> Page:
    page = town.bob.at(DEMO)
    assert town.bob.says("is past due")
    return page


def portal_payment_confirm(town: Town) -> Page:
    page = town.fay.at(town.fay.payment_link())
    assert town.fay.heading() == "Confirm your payment"
    return page


def portal_payment_declined(town: Town) -> Page:
    _at_the_bank(town.gus, "Fail")
    assert town.gus.heading() == "Your payment didn't go through"
    return town.gus.page


def portal_payment_paid(town: Town) -> Page:
    _at_the_bank(town.hal, "Complete")
    assert town.hal.heading() == "Thank you for your payment"
    return town.hal.page


def portal_ended(town: Town) -> Page:
    return town.cleo.at(DEMO)


def portal_address(town: Town) -> Page:
    return town.ann.at(f"{DEMO}/subscriptions/{town.subscription(town.ann)}/address")


def portal_address_wrong(town: Town) -> Page:
    page = portal_address(town)
    town.ann.unchecked_by_the_browser()
    page.get_by_label("City").fill("")
    town.ann.press("Save address")
    assert page.title().startswith("Error:")
    return page


def portal_cards(town: Town) -> Page:
    return town.ann.at(f"{DEMO}/cards?done=card_added")


def portal_cards_one(town: Town) -> Page:
    return town.dan.at(f"{DEMO}/cards")


def portal_card_new(town: Town) -> Page:
    return town.ann.at(f"{DEMO}/cards/new")


def portal_card_declined(town: Town) -> Page:
    page = portal_card_new(town)
    town.ann.choose(DECLINED_CARD)
    town.ann.press("Save card")
    assert town.ann.says("Your card was declined")
    return page


def portal_card_use(town: Town) -> Page:
    portal_cards(town)
    row = town.ann.page.get_by_role("listitem").filter(has_text="4444")
    town.ann.go(row.get_by_role("link", name="Make default"))
    return town.ann.page


def portal_card_remove(town: Town) -> Page:
    portal_cards(town)
    row = town.ann.page.get_by_role("listitem").filter(has_text="4444")
    town.ann.go(row.get_by_role("link", name="Remove"))
    return town.ann.page


def portal_problem(town: Town) -> Page:
    return town.dan.at(f"{DEMO}/subscriptions/sub_nothing/cancel")


def _at_the_bank(customer: Customer, answer: str) -> None:
    """The first time they follow the link, they are led to their bank."""
    customer.at(customer.payment_link())
    if customer.heading() == "Confirm your payment":
        customer.press("Continue to your bank")
        customer.page.wait_for_url("**/authenticate/**")
        customer.press(answer)
