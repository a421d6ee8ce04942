"""The console: what a merchant does for a customer, settings of their own, the forecast."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.tour.town import Town


def console_plan(town: Town) -> Page:
    return town.seller.at(f"/console/subscriptions/{town.subscription(town.ann)}/plan")


def console_plan_refused(town: Town) -> Page:
    at = f"/console/subscriptions/{town.subscription(town.ann)}/plan"
    return town.seller.at(f"{at}?other=none&when=now")


def console_unfreeze_refused(town: Town) -> Page:
    return town.seller.at(f"/console/subscriptions/{town.subscription(town.ann)}/unfreeze")


def console_portal_link(town: Town) -> Page:
    customer = town.orders(town.ann, "sale")[0]["customer"]
    return town.seller.at(f"/console/customers/{customer}/portal-link")


def console_portal_link_made(town: Town) -> Page:
    page = console_portal_link(town)
    town.seller.press("Create link")
    return page


def console_ticket_new(town: Town) -> Page:
    return town.seller.at("/console/tickets/new?email=ann@example.com")


def console_ticket_new_wrong(town: Town) -> Page:
    page = console_ticket_new(town)
    page.get_by_label("Order ID").fill("nothing")
    page.get_by_label("Subject").fill("A call")
    page.get_by_label("Their request").fill("Where is my invoice?")
    town.seller.press("Open ticket")
    assert page.title().startswith("Error:")
    return page


def console_forecast(town: Town) -> Page:
    return town.seller.at("/console/forecast?days=90")


def console_departments(town: Town) -> Page:
    return town.seller.at("/console/settings/departments")


def console_department(town: Town) -> Page:
    return town.seller.at("/console/settings/departments/billing")


def console_business(town: Town) -> Page:
    return town.seller.at("/console/settings/business")


def console_business_wrong(town: Town) -> Page:
    page = console_business(town)
    page.get_by_label("Tax IDs").fill("DE 1")
    town.seller.press("Save settings")
    assert page.title().startswith("Error:")
    return page
