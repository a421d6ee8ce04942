"""Questions to the platform about a merchant's product: the writer is shown the merchant's contact
(H-7).
"""

from __future__ import annotations

import pytest

from billing.kernel.departments import PLATFORM
from billing.kernel.merchants import Departments, Merchant, PortalKind, Settings
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from functions.helpdesk import app
from tests.helpdesk.desk import Guest, House
from tests.render.html import Element

WORDS = {"subject": "My course", "text": "It does not open."}


@pytest.fixture
def house() -> House:
    house = House()
    world = house.shop.world
    settings = Settings(portal=PortalKind.HELPDESK, departments=Departments(all=PLATFORM))
    platform = Merchant("perennial", "Perennial", "help@perennial.example", world.now, settings)
    world.store.commit(Insert(platform))
    world.product(name="Sourdough", public_listing=True)
    world.product(name="Bread.js", public_listing=True)
    world.ports = replace(
        world.ports, operation=replace(world.ports.operation, platform="perennial")
    )
    house.helpdesk = app.build(world.ports)
    return house


def look(house: House, words: str) -> Element:
    from urllib.parse import urlencode

    guest = Guest(house.helpdesk, base="/helpdesk/perennial")
    return guest.see(f"/helpdesk/perennial/seller?{urlencode({'product': words})}")


@pytest.mark.spec("H-7")
@pytest.mark.parametrize(
    "words",
    [
        "https://pay.example.com/checkout/acme.price1x1?x=1",
        "https://pay.example.com/portal/acme",
        "acme.price1x1",
        "Sourdough",
        " sourdough ",
        "bread.js",
        "Acme Courses",
    ],
)
def test_the_seller_is_found_and_shown_with_how_to_reach_them(house: House, words: str) -> None:
    shown = look(house, words)
    assert "hello@acme.example" in shown.text
    links = [e.attributes["href"] for e in shown.all("a")]
    assert "/helpdesk/acme" in links


@pytest.mark.spec("H-7")
@pytest.mark.parametrize("words", ["Nothing", "rival", "Rival", "per.x", "<script>", "x" * 5000])
def test_nobody_else_is_shown(house: House, words: str) -> None:
    shown = look(house, words[:3000])
    assert "No seller found" in shown.text
    assert "rival@example.com" not in shown.text


@pytest.mark.spec("H-7")
def test_the_platforms_helpdesk_leads_there_and_a_merchants_does_not(house: House) -> None:
    platform = Guest(house.helpdesk, base="/helpdesk/perennial")
    assert "/helpdesk/perennial/seller" in [e.attributes["href"] for e in platform.see().all("a")]
    acme = Guest(house.helpdesk).see()
    assert not [e for e in acme.all("a") if e.attributes["href"].endswith("/seller")]


@pytest.mark.spec("H-7", "H-6")
def test_who_names_an_order_that_is_not_the_platforms_is_led_there(house: House) -> None:
    order = house.order()
    platform = Guest(house.helpdesk, base="/helpdesk/perennial")
    sent = platform.submit(
        "/new/billing", email="ann@example.com", order=order, wish="refund", **WORDS
    )
    assert sent.status == 202
    page = platform.see(house.mail_link())
    assert "/helpdesk/perennial/seller" in [e.attributes["href"] for e in page.all("a")]


@pytest.mark.spec("H-7")
def test_every_mail_names_the_seller_and_whose_checkout_it_was(house: House) -> None:
    house.order()
    house.shop.world.work()
    for message in house.shop.world.mailer.sent:
        text = str(message.get_body(("plain",)).get_content())  # type: ignore[union-attr]
        assert "Sent by Perennial for Acme Courses." in text
        assert "hello@acme.example" in text
