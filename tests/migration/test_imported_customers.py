"""An imported customer finds what they have in the portal, though nothing was bought here."""

from __future__ import annotations

import pytest

from billing.kernel.errors import Unreachable
from billing.kernel.merchants import PortalKind, Settings
from functions.portal import app as portal_app
from tests.migration.moving_shop import MovingShop
from tests.web.calls import Client
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")


def entered(shop: Shop, email: str) -> str:
    """Returns the customer's first page, entered by a link of the merchant's."""
    made = shop.api.post("/v1/portal-links", {"email": email})
    assert made.status == 201, made.json
    browser = Client(portal_app.build(shop.world.ports))
    path = made.json["url"][made.json["url"].index("/portal/") :]
    browser.browse("GET", path)
    answer = browser.browse("POST", path, {})
    assert answer.status == 303
    page = browser.browse("GET", answer.headers["location"])
    assert page.status == 200, page.body[-800:]
    return str(page.body)


def shop_of(moving: MovingShop) -> Shop:
    moving.world.change_merchant(settings=Settings(time_zone="UTC", portal=PortalKind.STANDALONE))
    return Shop(moving.world)


def test_they_see_their_subscription_and_its_next_date() -> None:
    moving = MovingShop()
    held = moving.subscribe()
    shop, imported = shop_of(moving), moving.imported()
    moving.move(imported)
    page = entered(shop, held.email)
    assert "Course" in page and "February 28, 2026" in page
    assert "Cancel" in page
    access = shop.api.get("/v1/access", email=held.email, grant="course").json
    assert access["active"] is True
    moving.advance(days=29)
    assert "March 31, 2026" in entered(shop, held.email)


def test_what_is_not_active_yet_gives_no_access_and_breaks_no_page() -> None:
    moving = MovingShop()
    held = moving.subscribe()
    shop, imported = shop_of(moving), moving.imported()
    moving.fails = lambda name: Unreachable("down") if name == "stop" else None
    moving.move(imported)
    entered(shop, held.email)
    access = shop.api.get("/v1/access", email=held.email, grant="course").json
    assert access["active"] is False
    listed = shop.api.get("/v1/subscriptions").json["data"]
    assert [each["state"] for each in listed] == ["incomplete"]
    refused = shop.api.post(f"/v1/subscriptions/{listed[0]['id']}/pause", {})
    assert refused.status == 409
