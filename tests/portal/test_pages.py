"""The portal's pages as documents: sound, and labelled for screen readers (B-11)."""

from __future__ import annotations

import pytest

from billing.kernel.catalog import Cancellation
from billing.kernel.merchants import SelfService
from billing.kernel.values import replace
from tests.portal.visitors import Shop, Visitor, past_due
from tests.render.html import Element, read
from tests.world import MONTHLY

PAGES = [
    "",
    "?done=address",
    "/cards",
    "/cards/new",
    "/cards/{card}/use",
    "/cards/{card}/remove",
    "/subscriptions/{subscription}/cancel",
    "/subscriptions/{subscription}/address",
    "/subscriptions/{pending}/ending",
    "/orders/{order}/refund",
    "/orders/{late}/refund",
    "/link",
]


@pytest.fixture(scope="module")
def shop() -> Shop:
    shop = Shop()
    shop.set(self_refund=SelfService.AUTOMATIC)
    world = shop.world
    delayed = replace(MONTHLY, cancellation=Cancellation.DELAYED)
    world.buy(world.product(delayed, refund_days=30))
    world.advance(days=60)
    past_due(shop)
    world.buy(world.product(delayed, refund_days=30), payment_method="pm_card_mastercard")
    visitor = shop.signed_in()
    pending = world.history().subscriptions[-1].id
    visitor.follow(visitor.post(f"/subscriptions/{pending}/cancel"))
    return shop


@pytest.fixture(scope="module")
def visitor(shop: Shop) -> Visitor:
    return shop.signed_in()


def filled_in(shop: Shop, page: str) -> str:
    history = shop.world.history()
    return page.format(
        card=history.methods[-1].id,
        subscription=history.subscriptions[0].id,
        pending=history.subscriptions[-1].id,
        order=shop.order_ids()[-1],
        late=shop.order_ids()[0],
    )


def check(document: Element) -> None:
    assert document.one("html").attributes["lang"] == "en"
    assert document.one("title").children
    assert len(document.all("h1")) == len(document.all("main")) == 1
    ids = [e.attributes["id"] for e in document.all() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    labelled = {e.attributes.get("for") for e in document.all("label")}
    inside = {id(e) for label in document.all("label") for e in label.all("input")}
    for element in document.all("input", "select", "textarea"):
        if element.attributes.get("type") != "hidden":
            assert element.attributes.get("id") in labelled or id(element) in inside
    for element in document.all("a", "button"):
        assert element.text, "a picture alone says nothing"
    for form in document.all("form"):
        names = {e.attributes.get("name") for e in form.all("input")}
        assert "csrf" in names or (form.attributes.get("action") or "").endswith("/link")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_sound(shop: Shop, visitor: Visitor, page: str) -> None:
    answer = visitor.browse("GET", "/portal/acme" + filled_in(shop, page))
    assert answer.status in {200, 409}, answer.body
    check(read(answer.body))


def test_what_is_wrong_is_at_the_top_and_at_its_field(shop: Shop, visitor: Visitor) -> None:
    address = filled_in(shop, "/subscriptions/{subscription}/address")
    page = read(visitor.post(address, name="Ann").body)
    summary = page.one("div", id="errors")
    assert summary.attributes["role"] == "alert"
    for link in summary.all("a"):
        field = str(link.attributes["href"]).removeprefix("#")
        label = next(e.text for e in page.all("label") if e.attributes["for"] == field)
        assert link.text == f"{label} – {page.one('p', id=f'{field}-error').text}"
    check(page)
