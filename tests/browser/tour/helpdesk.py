"""The helpdesk: its front, a request and its confirmation, the thread."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.people import DEMO, DESK, Customer
from tests.browser.tour.portal_endings import portal_cancel_asked
from tests.browser.tour.town import Town


def helpdesk_front(town: Town) -> Page:
    with town.setting("portal", "helpdesk"):
        return town.visitor.at(DESK)


def helpdesk_seller(town: Town) -> Page:
    return town.visitor.at("/helpdesk/perennial/seller?product=Pattern+Library")


def helpdesk_form(town: Town) -> Page:
    return town.visitor.at(f"{DESK}/new/technical-support")


def helpdesk_form_signed_in(town: Town) -> Page:
    with town.setting("portal", "helpdesk"):
        return town.ann.at(f"{DESK}/new/billing")


def helpdesk_form_wrong(town: Town) -> Page:
    page = town.visitor.at(f"{DESK}/new/billing")
    town.visitor.unchecked_by_the_browser()
    page.get_by_label("Email").fill("ann@")
    town.visitor.press("Send")
    assert page.title().startswith("Error:")
    return page


def helpdesk_sent(town: Town) -> Page:
    town.visitor.write("ask-before-buying", "Before I buy", "Is there a plan for two?")
    town.visitor.press("Send")
    assert town.visitor.heading() == "Check your email"
    return town.visitor.page


def helpdesk_confirm(town: Town) -> Page:
    """Too late by the notice, which is said before it is sent (X-8)."""
    town.set(notice_days=60)
    ann = Customer(town.visitor.page, town.laptop, town.ann.email)
    ann.write(
        "billing",
        "Please cancel",
        "I do not need it any more.",
        What_do_you_need="Cancel a subscription",
    )
    ann.page.get_by_label("Order ID").fill(town.orders(town.ann, "sale")[-1]["id"])
    ann.press("Send")
    page = ann.at(ann.helpdesk_link())
    assert ann.says("It's too late to stop the payment")
    town.set(notice_days=0)
    return page


def helpdesk_confirm_mismatch(town: Town) -> Page:
    eve = Customer(town.visitor.page, town.laptop, "eve@example.com")
    eve.write("billing", "My money", "4242 4242 4242 4242", What_do_you_need="A refund")
    eve.page.get_by_label("Order ID").fill(town.order(town.dan))
    eve.press("Send")
    page = eve.at(eve.helpdesk_link())
    assert eve.says("don't match") and eve.says("card number")
    return page


def helpdesk_thread_by_mail(town: Town) -> Page:
    helpdesk_confirm_mismatch(town)
    town.visitor.press("Send now")
    return town.visitor.page


def helpdesk_requests(town: Town) -> Page:
    with town.setting("portal", "helpdesk"):
        return town.dan.at(f"{DESK}/tickets")


def helpdesk_requests_none(town: Town) -> Page:
    return town.cleo.at(f"{DESK}/tickets")


def helpdesk_thread(town: Town) -> Page:
    portal_cancel_asked(town)
    ticket = town.ticket(town.dan, "cancel")
    if ticket["state"] == "open":
        town.laptop.post(f"/v1/tickets/{ticket['id']}/reply", {"text": "Is it the price?"})
    with town.setting("portal", "helpdesk"):
        return town.dan.at(f"{DESK}/tickets/{ticket['id']}")


def helpdesk_thread_wrong(town: Town) -> Page:
    page = helpdesk_thread(town)
    town.dan.unchecked_by_the_browser()
    town.dan.press("Send")
    assert page.title().startswith("Error:")
    return page


def helpdesk_my_orders(town: Town) -> Page:
    with town.setting("portal", "helpdesk"):
        return town.ann.at(DEMO)


def helpdesk_link_over(town: Town) -> Page:
    return town.visitor.at(f"{DESK}/confirm/used-before")


def helpdesk_signed_out(town: Town) -> Page:
    return town.visitor.at(f"{DESK}/tickets")


def helpdesk_closed(town: Town) -> Page:
    with town.setting("portal", None):
        return town.visitor.at(DESK)
