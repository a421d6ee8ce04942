"""Sign-in to the console by a mailed link (M-4)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from billing.accounts.flows import account
from functions.console import app
from tests.accounts.platform import PASSWORD, SELLER, Platform
from tests.render.html import read
from tests.web.calls import Client

LINK = re.compile(r"https?://[^/\s]+(/console/sign-in/mailed/\S+)")


@pytest.fixture
def browser(world: Platform) -> Client:
    world.sign_up()
    world.buy(world.plan, email=SELLER)
    world.tick()
    return Client(app.build(world.ports))


def asked(world: Platform, browser: Client, email: str = SELLER) -> list[str]:
    """Asks for a link; returns the addresses that were mailed for it."""
    before = len(world.mailer.sent)
    assert browser.browse("POST", "/console/sign-in/link", {"email": email}).status == 202
    world.tick()
    mails = [mail.get_body(("plain",)).get_content() for mail in world.mailer.sent[before:]]
    return [found for mail in mails for found in LINK.findall(mail)]


@pytest.mark.spec("M-4")
def test_the_page_offers_both_ways_in(browser: Client) -> None:
    page = read(browser.browse("GET", "/console/sign-in").body)
    assert page.one("form").attributes["action"] == "/account/sign-in"
    (_, by_link) = page.all("button")
    assert by_link.attributes["formaction"] == "/console/sign-in/link"
    assert "formnovalidate" in by_link.attributes, "the password may stay empty"


@pytest.mark.spec("M-4")
def test_a_mailed_link_signs_in_once(world: Platform, browser: Client) -> None:
    (link,) = asked(world, browser)
    for _ in range(2):  # a scanner follows it, and presses nothing
        assert browser.browse("GET", link).status == 200
    answer = browser.browse("POST", link, {})
    assert (answer.status, answer.headers["location"]) == (303, "/console")
    assert "Ann&#39;s Art" in browser.browse("GET", "/console").body
    again = Client(browser.resolver)
    assert again.browse("POST", link, {}).status == 401
    assert again.browse("GET", link).status == 401


@pytest.mark.spec("M-4")
def test_a_link_expires_after_a_quarter_of_an_hour(world: Platform, browser: Client) -> None:
    (link,) = asked(world, browser)
    world.now += timedelta(minutes=13)
    assert browser.browse("GET", link).status == 200
    world.now += timedelta(minutes=5)
    assert browser.browse("GET", link).status == 401
    assert browser.browse("POST", link, {}).status == 401


@pytest.mark.spec("A-8", "M-4")
def test_another_password_ends_the_links_that_were_mailed_before(
    world: Platform, browser: Client
) -> None:
    (link,) = asked(world, browser)
    found = world.store.account("annsart")
    assert found is not None
    token = account.reset_link(world.ports, found, now=world.now).rpartition("/")[2]
    assert account.reset(world.ports, token, f"{PASSWORD} again", now=world.now)
    assert browser.browse("POST", link, {}).status == 401


@pytest.mark.spec("A-8", "M-4")
def test_nobody_learns_which_emails_have_accounts(world: Platform, browser: Client) -> None:
    known = browser.browse("POST", "/console/sign-in/link", {"email": SELLER})
    unknown = browser.browse("POST", "/console/sign-in/link", {"email": "no@example.com"})
    nothing = browser.browse("POST", "/console/sign-in/link", {})
    nonces = re.compile(r"nonce=\"[^\"]+\"")
    bodies = {nonces.sub("", answer.body) for answer in (known, unknown, nothing)}
    assert len(bodies) == 1
    world.tick()  # the mail of the one that is known
    assert asked(world, browser, "no@example.com") == []


@pytest.mark.spec("A-8", "M-4")
def test_a_mailbox_is_not_filled_by_who_asks_over_and_over(
    world: Platform, browser: Client
) -> None:
    mailed = sum(len(asked(world, browser)) for _ in range(14))
    assert mailed == 10


@pytest.mark.spec("A-7", "M-4")
def test_the_link_of_an_account_without_a_plan_leads_to_how_to_return(world: Platform) -> None:
    world.sign_up()
    browser = Client(app.build(world.ports))
    (link,) = asked(world, browser)
    assert browser.browse("POST", link, {}).headers["location"] == "/account"


def test_a_link_pressed_on_another_site_is_refused(world: Platform, browser: Client) -> None:
    (link,) = asked(world, browser)
    assert browser.browse("POST", link, {}, sec_fetch_site="cross-site").status == 403
    assert browser.browse("POST", link, {}).status == 303
