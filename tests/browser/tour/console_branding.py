"""The console: branding, the words of mails, and what both look like before they are saved."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.tour.town import Town


def console_branding(town: Town) -> Page:
    return town.seller.at("/console/branding")


def console_branding_wrong(town: Town) -> Page:
    page = console_branding(town)
    page.get_by_label("Accent color").fill("#ffcc00")
    page.get_by_label("Sender name").fill("billing@example.com")
    town.seller.press("Save branding")
    assert page.title().startswith("Error:")
    return page


def console_branding_preview(town: Town) -> Page:
    """The checkout in a colour that is not saved; it opens in a tab of its own elsewhere."""
    page = console_branding(town)
    page.get_by_label("Accent color").fill("#7700ff")
    page.get_by_label("Footer").fill("Demo Goods Ltd\n1 Harbor Street, Portland")
    _here(page)
    town.seller.press("Checkout")
    return page


def console_mails(town: Town) -> Page:
    return town.seller.at("/console/mails")


def console_mail(town: Town) -> Page:
    return town.seller.at("/console/mails/en/receipt")


def console_mail_wrong(town: Town) -> Page:
    page = console_mail(town)
    page.get_by_label("Opening").fill("Thank you for {nothing}.")
    town.seller.press("Save text")
    assert page.title().startswith("Error:")
    return page


def _here(page: Page) -> None:
    """Has previews open in this tab."""
    page.evaluate("document.querySelectorAll('[formtarget]').forEach(b => b.formTarget = '_self')")
