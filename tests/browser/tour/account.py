"""Accounts of those who sell here."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.tour.town import Town, sign_in


def account_sign_up(town: Town) -> Page:
    return town.visitor.at("/account/sign-up")


def account_sign_up_wrong(town: Town) -> Page:
    account_sign_up(town)
    town.visitor.unchecked_by_the_browser()
    town.visitor.press("Sign up")
    return town.visitor.page


def account_plans(town: Town) -> Page:
    return town.visitor.at("/account/plans")


def account_sign_in_failed(town: Town) -> Page:
    return sign_in(town.visitor, "not the password")


def account_link_asked(town: Town) -> Page:
    page = town.visitor.at("/console/sign-in")
    page.get_by_label("Email").fill("nobody@example.com")
    town.visitor.press("Email me a link instead")
    return page


def account_forgot(town: Town) -> Page:
    return town.visitor.at("/account/forgot")


def account_asked(town: Town) -> Page:
    account_forgot(town)
    town.visitor.page.get_by_label("Email").fill("nobody@example.com")
    town.visitor.press("Send link")
    return town.visitor.page


def account_profile(town: Town) -> Page:
    return town.eve.at("/account")


def account_billing(town: Town) -> Page:
    return town.eve.at("/account/billing")


def account_plan(town: Town) -> Page:
    return town.eve.at("/account/billing/plan/perennial.pro-2")


def account_freeze(town: Town) -> Page:
    return town.eve.at("/account/billing/freeze")


def account_cancel(town: Town) -> Page:
    return town.eve.at("/account/billing/cancel")


def account_cancel_wrong(town: Town) -> Page:
    account_cancel(town)
    town.eve.unchecked_by_the_browser()
    town.eve.press("Cancel My Account")
    return town.eve.page
