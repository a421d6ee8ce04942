"""The console's team, audit trail and own sign-in."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.tour.town import Town, sign_in


def console_team(town: Town) -> Page:
    page = town.seller.at("/console/team")
    page.get_by_label("Email").fill("bob.of.the.team@example.com")
    page.get_by_label("Role").select_option("support")
    town.seller.press("Send invitation")
    return page


def console_audit(town: Town) -> Page:
    console_team(town)
    return town.seller.at("/console/audit")


def console_you(town: Town) -> Page:
    page = sign_in(town.eve)
    page.goto("/console/you")
    return page


def console_factor(town: Town) -> Page:
    page = sign_in(town.eve)
    page.goto("/console/you/factor")
    return page
