"""The console's webhooks: the list, a secret, an endpoint that fails, and what is asked before."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.tour.town import Town


def console_webhooks(town: Town) -> Page:
    return town.seller.at("/console/webhooks")


def console_webhook_made(town: Town) -> Page:
    page = console_webhooks(town)
    page.get_by_label("Address").fill("https://members.example.com/perennial")
    page.get_by_label("Name", exact=False).first.fill("Members area")
    town.seller.press("Create endpoint")
    return page


def console_webhook(town: Town) -> Page:
    page = console_webhook_made(town)
    town.seller.go(page.get_by_role("link", name="I've stored it"))
    town.seller.press("Send test event")
    return page


def console_webhook_replay(town: Town) -> Page:
    page = console_webhook(town)
    town.seller.go(page.get_by_role("link", name="Replay events"))
    return page


def console_webhook_delete(town: Town) -> Page:
    page = console_webhook(town)
    town.seller.go(page.get_by_role("link", name="Delete"))
    return page
