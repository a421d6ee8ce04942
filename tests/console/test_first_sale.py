"""From sign-up to the first sale, in the browser alone (M-4)."""

from __future__ import annotations

import re

import pytest

from functions.account import app as account_app
from functions.checkout import app as checkout_app
from functions.console import app as console_app
from tests.accounts.platform import PASSWORD, SELLER, Platform
from tests.console.agent import Agent
from tests.web.calls import Client

FORM = {"username": "annsart", "name": "Ann's Art", "email": SELLER}
ADDRESS = {"line1": "1 Main Street", "city": "Springfield", "country": "US"}
LINK = re.compile(r"https?://[^/\s]+(/checkout/\S+)")
RESET = re.compile(r"https?://[^/\s]+(/account/reset/\S+)")


@pytest.fixture
def world() -> Platform:
    return Platform()


def bought(world: Platform, path: str, email: str) -> None:
    """Somebody buys at a checkout."""
    document = {"email": email, "name": "Bea Buyer", "address": ADDRESS}
    document |= {"attempt_key": f"attempt-{email}", "payment_method": "pm_card_visa"}
    answer = Client(checkout_app.build(world.ports)).call("POST", path, document)
    assert answer.status == 201, answer.body


@pytest.mark.spec("M-4", "A-1")
def test_who_signs_up_and_pays_sells_without_api_command_line_or_operator(
    world: Platform,
) -> None:
    account = Client(account_app.build(world.ports))
    assert account.browse("POST", "/account/sign-up", FORM).status == 303
    bought(world, f"/checkout/{world.plan.default_price_point}", SELLER)
    world.tick()
    mails = [mail.get_body(("plain",)).get_content() for mail in world.mailer.sent]
    link = next(found for mail in mails for found in RESET.findall(mail))
    assert account.browse("POST", link, {"password": PASSWORD}).headers["location"] == "/console"

    # The session is one for account and console: same cookie, same navigation.
    agent = Agent(Client(console_app.build(world.ports), cookies=account.cookies))
    home = agent.look("/console")
    assert "0 of 6 done" in home.text and "Billing" in home.one("nav").text
    assert account.browse("GET", "/account/billing").body.count("/console/products") == 1

    answer = agent.send("/console/products/new", name="Prints")
    at = answer.headers["location"].removesuffix("/pricing")
    price = {"type": "recurring", "amount": "12", "period": "1m", "cancellation": "delayed"}
    assert agent.send(f"{at}/pricing/new", **price).status == 303
    assert agent.send(f"{at}/access").status == 303
    assert agent.send(f"{at}/checkout", gateway_sandbox="true", refund_days="0").status == 303
    page = agent.follow(agent.send(f"{at}/review"))
    checkout = str(page.one("input", id="link-1").attributes["value"])
    bought(world, f"/checkout/{checkout.rpartition('/')[2]}", "fan@example.com")
    world.tick()

    assert "fan@example.com" in agent.look("/console/transactions").text
    assert "fan@example.com" in agent.look("/console/subscriptions").text
    home = agent.look("/console").text
    assert "2 of 6 done" in home and "Test payments $12.00" in home
    assert world.fan().product_name == "Prints"


@pytest.mark.spec("C-5", "M-2")
def test_a_new_sellers_pages_speak_each_visitors_language(world: Platform) -> None:
    account = Client(account_app.build(world.ports))
    assert account.browse("POST", "/account/sign-up", FORM).status == 303
    seller = world.store.merchant("annsart")
    assert seller is not None and seller.settings.language_for("de") == "de"
