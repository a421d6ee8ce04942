"""The public pages to cancel and to withdraw, the question by mail, and the queue (X-10)."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.tour.town import Town

CANCEL, WITHDRAW = "/cancel/demo", "/withdraw/demo"


def declaration_form(town: Town) -> Page:
    return town.visitor.at(f"{CANCEL}?country=DE")


def declaration_form_wrong(town: Town) -> Page:
    page = town.visitor.at(f"{CANCEL}?country=DE&lang=en")
    town.visitor.unchecked_by_the_browser()
    town.visitor.press("jetzt kündigen")
    assert page.title().startswith("Error:")
    return page


def declaration_summary(town: Town) -> Page:
    page = town.visitor.at(f"{CANCEL}?country=FR&lang=en")
    _fill(page, "Pattern Library", "eve@example.com")
    town.visitor.press("Continue")
    return page


def declaration_receipt(town: Town) -> Page:
    page = town.visitor.at(f"{CANCEL}?country=DE&lang=en")
    _fill(page, "Pattern Library", "eve@example.com")
    town.visitor.press("jetzt kündigen")
    return page


def declaration_withdrawal(town: Town) -> Page:
    return town.visitor.at(f"{WITHDRAW}?country=IT")


def declaration_answer_over(town: Town) -> Page:
    return town.visitor.at(f"{CANCEL}/answer/nothing")


def console_declarations(town: Town) -> Page:
    declaration_receipt(town)
    return town.seller.at("/console/declarations")


def console_declaration(town: Town) -> Page:
    page = console_declarations(town)
    page.locator("td.what a").first.click()
    return page


def _fill(page: Page, contract: str, contact: str) -> None:
    page.get_by_label("Your name").fill("Eve Example")
    page.get_by_label("Contract").fill(contract)
    page.get_by_label("Email address for the receipt").fill(contact)
