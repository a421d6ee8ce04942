"""The console's gateway accounts: connected, checked, replaced, removed, armed."""

from __future__ import annotations

import json

from playwright.sync_api import Page

from tests.browser.tour.town import Town

ACCOUNT = "/console/gateways/stripe/acct_newcomer_test"


def console_gateways_none(town: Town) -> Page:
    return town.seller.at("/console/gateways")


def console_gateway_keys(town: Town) -> Page:
    return town.seller.at("/console/gateways/new/stripe/test")


def console_gateway_keys_live(town: Town) -> Page:
    return town.seller.at("/console/gateways/new/paypal/live")


def console_gateway_keys_wrong(town: Town) -> Page:
    page = console_gateway_keys(town)
    page.get_by_label("Secret key").fill("sk_live_of_another_mode")
    town.seller.press("Test and connect")
    return page


def console_gateway_connected(town: Town) -> Page:
    page = console_gateway_keys(town)
    kept = json.loads((town.laptop.data / "stripe.json").read_text())
    page.get_by_label("Secret key").fill(kept["newcomers_key"])
    town.seller.press("Test and connect")
    assert page.url.partition("?")[0].endswith(ACCOUNT), page.url
    return page


def console_gateway_checked(town: Town) -> Page:
    console_gateway_connected(town)
    page = town.seller.at(ACCOUNT)
    town.seller.press("Check now")
    return page


def console_gateways(town: Town) -> Page:
    console_gateway_connected(town)
    return town.seller.at("/console/gateways")


def console_gateway_replace(town: Town) -> Page:
    console_gateway_connected(town)
    return town.seller.at(f"{ACCOUNT}/keys")


def console_gateway_remove(town: Town) -> Page:
    console_gateway_connected(town)
    return town.seller.at(f"{ACCOUNT}/remove")


def console_gateway_activate(town: Town) -> Page:
    console_gateway_connected(town)
    return town.seller.at(f"{ACCOUNT}/activate")


def console_gateways_arm(town: Town) -> Page:
    return town.seller.at("/console/gateways/arm")
