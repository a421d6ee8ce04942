"""The console: tickets, sign-in, transactions, a customer."""

from __future__ import annotations

import re

from playwright.sync_api import Page

from tests.browser.people import Seller
from tests.browser.tour.helpdesk import helpdesk_thread, helpdesk_thread_by_mail
from tests.browser.tour.portal_endings import portal_cancel_asked, portal_refund_asked
from tests.browser.tour.town import Town


def console_tickets(town: Town) -> Page:
    portal_cancel_asked(town)
    portal_refund_asked(town)
    return town.seller.at("/console/tickets")


def console_tickets_none(town: Town) -> Page:
    return town.seller.at("/console/tickets?department=technical-support&state=declined")


def console_ticket_cancel(town: Town) -> Page:
    helpdesk_thread(town)
    return town.seller.at(f"/console/tickets/{town.ticket(town.dan, 'cancel')['id']}")


def console_ticket_refund(town: Town) -> Page:
    portal_refund_asked(town)
    return town.seller.at(f"/console/tickets/{town.ticket(town.dan, 'refund')['id']}")


def console_ticket_wrong(town: Town) -> Page:
    page = console_ticket_refund(town)
    page.get_by_label("Your message").evaluate("field => field.required = false")
    town.seller.press("Decline with this message")
    assert page.title().startswith("Error:")
    return page


def console_ticket_unverified(town: Town) -> Page:
    helpdesk_thread_by_mail(town)
    listed = town.laptop.get("/v1/tickets?state=open")["data"]
    ticket = next(each for each in listed if each["email"] == "eve@example.com")
    return town.seller.at(f"/console/tickets/{ticket['id']}")


def console_sign_in(town: Town) -> Page:
    return Seller(town.visitor.page, town.laptop).at("/_dev/console")


def console_signed_out(town: Town) -> Page:
    console_sign_in(town)
    town.visitor.press("Sign in")
    town.visitor.press("Sign out")
    return town.visitor.page


def console_link_over(town: Town) -> Page:
    return town.visitor.at("/console/sign-in/used-before")


def console_transactions(town: Town) -> Page:
    return town.seller.at("/console/transactions")


def console_no_match(town: Town) -> Page:
    return town.seller.at("/console/transactions?q=nobody@example.com")


def console_wrong_filter(town: Town) -> Page:
    return town.seller.at("/console/transactions?from=yesterday")


def console_customer(town: Town) -> Page:
    page = town.seller.at(f"/console/transactions?q={town.ann.email}")
    town.seller.go(page.get_by_role("link", name=re.compile("^ann@")).first)
    return page


def console_customer_edit(town: Town) -> Page:
    page = console_customer(town)
    town.seller.follow("Edit")
    return page


def console_customer_erase(town: Town) -> Page:
    page = console_customer(town)
    town.seller.follow("Erase")
    return page


def console_cancel(town: Town) -> Page:
    return town.seller.at(f"/console/subscriptions/{town.subscription(town.ann)}/cancel")


def console_refund(town: Town) -> Page:
    return town.seller.at(f"/console/orders/{town.order(town.ann)}/refund")


def console_refund_wrong(town: Town) -> Page:
    page = console_refund(town)
    page.get_by_label("Amount in USD").fill("a lot")
    town.seller.press("Refund")
    return page


def console_home(town: Town) -> Page:
    return town.seller.at("/console")


def console_menu(town: Town) -> Page:
    """The navigation as a phone shows it, unfolded."""
    page = console_home(town)
    page.set_viewport_size({"width": 390, "height": 760})
    page.get_by_text("Menu", exact=True).click()
    return page


def console_search(town: Town) -> Page:
    return town.seller.at("/console/search?q=ann")


def console_search_none(town: Town) -> Page:
    return town.seller.at("/console/search?q=zzzz")


def console_products(town: Town) -> Page:
    return town.seller.at("/console/products")


def console_product(town: Town) -> Page:
    page = town.seller.at("/console/products")
    town.seller.go(page.get_by_role("link", name="Pattern Library").first)
    return page


def console_checkout_link(town: Town) -> Page:
    page = console_product(town)
    town.seller.go(page.get_by_role("link", name="Checkout link and QR code").first)
    return page


def console_product_edit(town: Town) -> Page:
    page = console_product(town)
    town.seller.follow("Edit")
    return page


def console_product_archive(town: Town) -> Page:
    page = console_product(town)
    town.seller.follow("Archive")
    return page


def console_product_new(town: Town) -> Page:
    return town.seller.at("/console/products/new")


def console_product_price(town: Town) -> Page:
    page = console_product_new(town)
    page.get_by_label("Name").fill("Quilting Course")
    town.seller.press("Continue")
    page.get_by_label("Price in USD").fill("49")
    town.seller.press("Preview dates")
    return page


def console_product_price_wrong(town: Town) -> Page:
    page = console_product_price(town)
    page.get_by_label("Installments", exact=False).first.check()
    page.get_by_label("Price in USD").fill("a lot")
    town.seller.press("Save price point")
    return page


def console_product_pricing(town: Town) -> Page:
    page = console_product_price(town)
    town.seller.press("Save price point")
    return page


def console_product_access(town: Town) -> Page:
    page = console_product_pricing(town)
    town.seller.follow("Continue")
    return page


def console_product_checkout(town: Town) -> Page:
    page = console_product_access(town)
    town.seller.press("Continue")
    return page


def console_product_review(town: Town) -> Page:
    page = console_product_checkout(town)
    page.get_by_label("Sandbox").check()
    town.seller.press("Continue")
    return page


def console_customers(town: Town) -> Page:
    return town.seller.at("/console/customers")


def console_subscriptions(town: Town) -> Page:
    return town.seller.at("/console/subscriptions")


def console_subscription(town: Town) -> Page:
    return town.seller.at(f"/console/subscriptions/{town.subscription(town.ann)}")


def console_pause(town: Town) -> Page:
    return town.seller.at(f"/console/subscriptions/{town.subscription(town.ann)}/do/pause")


def console_order(town: Town) -> Page:
    return town.seller.at(f"/console/orders/{town.order(town.ann)}")


def console_invoices(town: Town) -> Page:
    return town.seller.at("/console/invoices")


def console_attention(town: Town) -> Page:
    return town.seller.at("/console/attention")


def console_tax(town: Town) -> Page:
    return town.seller.at("/console/tax")


def console_tax_wrong(town: Town) -> Page:
    page = console_tax(town)
    form = page.locator("details", has_text="Register for a tax")
    if form.get_attribute("open") is None:
        form.locator("summary").click()
    town.seller.go(form.get_by_role("button", name="Register"))
    return page


def console_keys(town: Town) -> Page:
    return town.seller.at("/console/keys")


def console_key_revoke(town: Town) -> Page:
    page = console_keys(town)
    town.seller.go(page.get_by_role("link", name="Revoke").first)
    return page


def console_key_made(town: Town) -> Page:
    page = console_keys(town)
    town.seller.press("Create key")
    return page


def console_export(town: Town) -> Page:
    page = town.seller.at("/console/export")
    town.seller.press("Start export")
    return page


def console_export_wrong(town: Town) -> Page:
    page = town.seller.at("/console/export")
    page.get_by_label("From").fill("2026-02-01")
    page.get_by_label("To").fill("2026-01-01")
    town.seller.press("Start export")
    return page


def console_settings(town: Town) -> Page:
    return town.seller.at("/console/settings")


def console_settings_wrong(town: Town) -> Page:
    page = console_settings(town)
    page.get_by_label("Time zone").fill("Nowhere")
    town.seller.press("Save settings")
    return page


def console_not_found(town: Town) -> Page:
    return town.seller.at("/console/customers/cus_nobody")
