"""The console: a mail sent again, a team's members, a logo before it is saved."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.branding.pictures import picture
from tests.browser.people import arrived
from tests.browser.tour.town import Town, sign_in


def console_mail_again(town: Town) -> Page:
    return town.seller.at(f"/console/orders/{town.order(town.ann)}/mail")


def console_mail_again_none(town: Town) -> Page:
    return town.seller.at(f"/console/orders/{town.order(town.bob, 'failed')}/mail")


def console_price_new(town: Town) -> Page:
    page = town.seller.at("/console/products")
    town.seller.go(page.get_by_role("link", name="Pattern Library").first)
    town.seller.follow("Add a price point")
    return page


def console_logo_preview(town: Town) -> Page:
    page = town.seller.at("/console/branding")
    logo = {"name": "logo.png", "mimeType": "image/png", "buffer": picture()}
    page.get_by_label("Picture").set_input_files(logo)  # type: ignore[arg-type]
    town.seller.press("Preview logo")
    return page


def console_sign_in_front(town: Town) -> Page:
    return town.visitor.at("/console/sign-in")


def console_join(town: Town) -> Page:
    page, known = sign_in(town.eve), len(town.fay.mails())
    page.goto("/console/team")
    page.get_by_label("Email").fill(town.fay.email)
    page.get_by_label("Role").select_option("support")
    town.eve.press("Send invitation")
    arrived(lambda: town.fay.mails()[known:])  # the link before it is void
    town.fay.page.goto(town.fay.join_link())
    return town.fay.page


def console_leave(town: Town) -> Page:
    page = console_join(town)
    if page.get_by_label("Password").count():
        page.get_by_label("Password").fill("correct horse battery")
    town.fay.press("Join")
    page.goto("/console/you/leave")
    return page


def console_member(town: Town) -> Page:
    page = sign_in(town.eve)
    page.goto("/console/team")
    town.eve.go(page.get_by_role("link", name="Change").first)
    return page
