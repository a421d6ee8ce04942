"""The helpdesk's and the queue's pages as documents: sound, labelled, and escaped (B-11)."""

from __future__ import annotations

import pytest

from billing.kernel.merchants import SelfService
from tests.helpdesk.desk import Guest, House
from tests.portal.visitors import ANN
from tests.render.html import Element

EVIL = "<script>alert(1)</script>\"'{{ 7 * 7 }}"


@pytest.fixture(scope="module")
def house() -> House:
    house = House()
    house.shop.set(self_cancel=SelfService.MANUAL, notice_days=40)
    order = house.order(ANN)
    house.signed_in().submit(
        "/new/billing", order=order, wish="cancel", subject=EVIL, text=f"{EVIL}\n\nMore"
    )
    house.guest().submit(
        "/new/technical-support",
        email="zoe@example.com",
        subject=EVIL,
        text=EVIL,
        name=EVIL,
        browser=EVIL,
        recordings=EVIL,
    )
    house.guest().browse("POST", house.mail_link("zoe@example.com"), {})
    house.guest().submit(
        "/new/billing", email=ANN, order=order, wish="refund", subject=EVIL, text=EVIL
    )
    return house


@pytest.fixture(scope="module")
def ann(house: House) -> Guest:
    return house.signed_in()


PUBLIC = ["", "/new/billing", "/new/technical-support", "confirm", "by mail"]
OWN = ["", "/new/billing", "/tickets", "thread"]
AGENTS = ["/console/tickets", "/console/tickets?state=declined", "cancel", "question"]


def sound(document: Element) -> None:
    assert document.one("html").attributes["lang"] == "en"
    assert len(document.all("h1")) == 1 and len(document.all("main")) == 1
    ids = [e.attributes["id"] for e in document.all() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for element in document.all():
        for attribute in ("for", "aria-describedby", "aria-labelledby"):
            assert element.attributes.get(attribute) in {None, *ids}
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
    labels = {label.attributes.get("for") for label in document.all("label")}
    inside = {id(e) for label in document.all("label") for e in label.all("input")}
    for control in document.all("input", "select", "textarea"):
        hidden = control.attributes.get("type") == "hidden"
        assert hidden or control.attributes.get("id") in labels or id(control) in inside
    assert document.all("script", "img", "link", "iframe", "object") == []


def look(house: House, browser: Guest, page: str) -> Element:
    by_email = {each.email: each for each in house.tickets()}
    zoe, ann = by_email["zoe@example.com"], by_email[ANN]
    known = {
        "confirm": lambda: next(
            link for link in house.mail_links(ANN) if link.startswith("/helpdesk/acme/confirm/")
        ),
        "by mail": lambda: f"/tickets/{zoe.id}~{zoe.access_key}",
        "thread": lambda: f"/tickets/{ann.id}",
        "cancel": lambda: f"/console/tickets/{ann.id}",
        "question": lambda: f"/console/tickets/{zoe.id}",
    }
    return browser.see(known[page]() if page in known else page)


@pytest.mark.spec("B-11")
@pytest.mark.parametrize("page", PUBLIC)
def test_a_visitors_pages_are_sound(house: House, page: str) -> None:
    sound(look(house, house.guest(), page))


@pytest.mark.spec("B-11")
@pytest.mark.parametrize("page", OWN)
def test_a_customers_pages_are_sound(house: House, ann: Guest, page: str) -> None:
    sound(look(house, ann, page))


@pytest.mark.parametrize("page", AGENTS)
def test_an_agents_pages_are_sound(house: House, page: str) -> None:
    sound(look(house, house.agent(), page))


@pytest.mark.parametrize("page", ["confirm", "by mail", "thread", "cancel", "question"])
def test_what_people_typed_is_shown_as_they_typed_it(house: House, ann: Guest, page: str) -> None:
    agent = house.agent()
    browser = {"thread": ann, "cancel": agent, "question": agent}.get(page, house.guest())
    shown = look(house, browser, page).text
    assert "<script>alert(1)</script>\"'{{ 7 * 7 }}" in shown
