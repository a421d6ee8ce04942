"""Links into the portal that a merchant makes: by /v1 and in the console (B-3, M-4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.accounts.flows import settings
from billing.kernel.merchants import PortalKind
from functions.portal import app as portal_app
from tests.console.agent import Agent
from tests.web.calls import Client
from tests.web.shop import Shop

LINKS = "/v1/portal-links"


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    merchant = shop.world.store.merchant("acme")
    assert merchant is not None
    settings.change(shop.world.ports, merchant, {"portal": PortalKind.STANDALONE})
    shop.world.buy()
    return shop


def opened(shop: Shop, url: str) -> tuple[int, str]:
    """Follows a link as a browser does; returns the status and where it leads."""
    browser = Client(portal_app.build(shop.world.ports))
    path = url[url.index("/portal/") :]
    assert browser.browse("GET", path).status in (200, 401)
    answer = browser.browse("POST", path, {})
    return answer.status, answer.headers.get("location", "")


@pytest.mark.spec("B-3")
def test_a_link_lets_the_customer_in_once(shop: Shop) -> None:
    made = shop.api.post(LINKS, {"email": "Ann@example.com"})
    assert made.status == 201 and set(made.json) == {"url", "expires_at"}
    assert opened(shop, made.json["url"]) == (303, "/portal/acme")
    assert opened(shop, made.json["url"])[0] == 401


@pytest.mark.spec("B-3")
def test_a_link_leads_to_the_subscription_that_it_names(shop: Shop) -> None:
    found = shop.world.subscription()
    asked = {"customer": found.customer, "subscription": found.id}
    made = shop.api.post(LINKS, asked)
    assert opened(shop, made.json["url"]) == (303, f"/portal/acme#{found.id}")


@pytest.mark.spec("B-3")
def test_a_link_ends_after_fifteen_minutes_or_with_another_email(shop: Shop) -> None:
    customer = shop.world.subscription().customer
    late = shop.api.post(LINKS, {"customer": customer}).json["url"]
    shop.world.now += timedelta(minutes=15, seconds=1)
    assert opened(shop, late)[0] == 401
    moved = shop.api.post(LINKS, {"customer": customer}).json["url"]
    shop.api.call("PATCH", f"/v1/customers/{customer}", {"email": "ann@new.example"})
    assert opened(shop, moved)[0] == 401


@pytest.mark.spec("M-3")
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid"),
        ({"customer": "cus_x", "email": "ann@example.com"}, 422, "invalid"),
        ({"email": "nobody@example.com"}, 404, "not_found"),
        ({"customer": "cus_x"}, 404, "not_found"),
        ({"customer": "../acme"}, 422, "invalid"),
        ({"email": "ann@example.com", "subscription": "sub_x"}, 404, "not_found"),
        ({"email": "ann@example.com", "more": 1}, 422, "invalid"),
    ],
)
def test_wrong_questions_are_refused(
    shop: Shop, body: dict[str, object], status: int, code: str
) -> None:
    answer = shop.api.post(LINKS, body)
    assert (answer.status, answer.json["code"]) == (status, code)


@pytest.mark.spec("M-3", "M-9")
def test_it_wants_a_key_that_may_write_and_knows_no_other_merchants_customers(shop: Shop) -> None:
    customer = shop.world.subscription().customer
    assert (
        shop.holding("acme", "sk_reader", "read").post(LINKS, {"customer": customer}).status == 403
    )
    assert shop.other.post(LINKS, {"customer": customer}).status == 404
    assert shop.stranger.post(LINKS, {"customer": customer}).status == 401


@pytest.mark.spec("B-1")
def test_there_is_no_link_while_the_portal_is_off(shop: Shop) -> None:
    shop.api.call("PATCH", "/v1/settings", {"portal": None})
    answer = shop.api.post(LINKS, {"email": "ann@example.com"})
    assert (answer.status, answer.json["code"]) == (409, "portal_off")
    customer = shop.world.subscription().customer
    agent = Agent.of(shop)
    sent = agent.send(f"/console/customers/{customer}/portal-link")
    assert sent.status == 409 and "portal is off" in sent.body


@pytest.mark.spec("M-4", "B-3")
def test_the_console_shows_a_link_once(shop: Shop) -> None:
    found, agent = shop.world.subscription(), Agent.of(shop)
    here = f"/console/customers/{found.customer}/portal-link"
    page = agent.look(f"{here}?subscription={found.id}")
    assert "within 15 minutes" in page.text and "/link/" not in page.text
    sent = agent.send(here, subscription=found.id)
    assert sent.status == 200
    url = sent.body.split('id="link"')[1].split('value="')[1].split('"')[0]
    assert opened(shop, url) == (303, f"/portal/acme#{found.id}")
    assert Agent.of(shop, "rival").send(here).status == 404
    assert agent.send(here, subscription="sub_x").status == 404
