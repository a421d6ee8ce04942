"""Coupons on the checkout page, by a link and by a button, without scripts (C-8, C-12)."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from billing.coupons.coupons import Duration
from billing.kernel.discounts import Discount
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.render.invoice_pdf import render
from functions.checkout import app
from tests.accounts.platform import SELLER
from tests.accounts.test_pages import BIG, House
from tests.checkout.test_checkout import Till, till
from tests.coupons.couponing import charged, coupon, uses
from tests.portal.visitors import Shop
from tests.web.calls import Answer, Client
from tests.world import World

__all__ = ["till"]


def text_of(page: Answer) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.body)).split())


def field(page: Answer, name: str) -> str:
    (found,) = re.findall(rf'name="{name}"[^>]*value="([^"]*)"', page.body)
    return unescape(found)


@pytest.mark.spec("C-8")
def test_a_link_applies_a_coupon_and_its_page_sells_with_it(till: Till) -> None:
    coupon(till.world)
    page = till.client.browse("GET", f"{till.address}?coupon=spring")
    assert page.status == 200
    words = text_of(page)
    assert "Discount with coupon SPRING, payments left: 1" in words and "−$7.50" in words
    assert "Subscribe and pay $22.49" in words
    assert field(page, "coupon") == "spring"
    sent = till.fill_in(coupon="spring", shown=field(page, "shown"))
    assert sent.status == 303
    assert charged(till.world) == [2249]


@pytest.mark.spec("C-8")
@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("NOBODY", "We don't know this coupon code."),
        ("!", "We don't know this coupon code."),
        ("LATER", "We don't know this coupon code."),
        ("ENDED", "This coupon has ended"),
        ("OTHERS", "This coupon is not for this offer."),
    ],
)
def test_a_bad_coupon_is_said_and_the_page_sells_without_it(
    till: Till, code: str, says: str
) -> None:
    other = till.world.product()
    coupon(till.world, "LATER", starts_at=till.world.now + timedelta(days=1))
    coupon(till.world, "ENDED", ends_at=till.world.now)
    coupon(till.world, "OTHERS", products=(other.id,))
    page = till.client.browse("GET", f"{till.address}?coupon={code}")
    assert page.status == 200
    assert says in text_of(page) and "Subscribe and pay $29.99" in text_of(page)
    refused = till.post(coupon=code)
    assert refused.status == 409
    assert refused.json["code"] in {"coupon_unknown", "coupon_over", "coupon_not_for_this"}
    asked = till.fill_in(coupon=code)
    assert asked.status == 409 and says in text_of(asked)
    assert field(asked, "coupon") == code, "what was typed stays"
    assert charged(till.world) == []
    assert till.fill_in(coupon="").status == 303
    assert charged(till.world) == [2999]


@pytest.mark.spec("C-8", "C-12")
def test_the_button_applies_a_coupon_and_keeps_what_was_typed(till: Till) -> None:
    coupon(till.world)
    page = till.fill_in(coupon="SPRING", apply_coupon="true", email="not an email")
    assert page.status == 200
    assert "Subscribe and pay $22.49" in text_of(page)
    assert field(page, "email") == "not an email", "nothing is checked yet"
    assert field(page, "attempt_key") == "attempt-1"
    assert till.world.charges() == []


@pytest.mark.spec("C-6", "C-8")
def test_a_coupon_typed_without_the_button_is_shown_before_anything_is_charged(till: Till) -> None:
    coupon(till.world)
    seen = till.client.browse("GET", till.address)
    asked = till.fill_in(coupon="SPRING", shown=field(seen, "shown"))
    assert asked.status == 409
    assert "Your coupon was applied" in text_of(asked)
    assert charged(till.world) == []
    sent = till.fill_in(coupon="SPRING", shown=field(asked, "shown"))
    assert sent.status == 303 and charged(till.world) == [2249]


@pytest.mark.spec("C-2", "C-8")
def test_who_bought_with_a_coupon_is_answered_as_before_though_it_is_over(till: Till) -> None:
    coupon(till.world, max_uses=1)
    sent = till.fill_in(coupon="SPRING")
    again = till.fill_in(coupon="SPRING")
    assert (sent.status, again.status) == (303, 303)
    assert sent.headers["location"] == again.headers["location"]
    assert till.post(attempt_key="two", email="bob@example.com", coupon="SPRING").status == 409
    assert charged(till.world) == [2249] and uses(till.world) == 1


@pytest.mark.spec("C-8", "P-11")
def test_a_purchase_for_nothing_says_that_it_is_paid_later(till: Till) -> None:
    coupon(till.world, basis_points=10_000)
    page = till.client.browse("GET", f"{till.address}?coupon=SPRING")
    assert "Order, nothing to pay today" in text_of(page)
    assert till.fill_in(coupon="SPRING", shown=field(page, "shown")).status == 303
    assert charged(till.world) == []


@pytest.mark.spec("C-8", "R-8", "B-5")
def test_mails_and_the_invoice_show_the_discount_and_for_how_long(till: Till) -> None:
    coupon(till.world, duration=Duration.REPEATING, charges=3)
    till.fill_in(coupon="SPRING")
    till.world.advance(minutes=5)
    mail: Any = till.world.mailer.sent[0]
    body = mail.get_body(("plain",)).get_content()
    assert "Discount with coupon SPRING" in body and "−$7.50" in body
    assert "Discount with coupon SPRING, payments left: 2" in " ".join(body.split())
    assert "$22.49" in body


@pytest.mark.spec("C-8")
def test_guessing_codes_is_limited(till: Till) -> None:
    client = Client(app.build(till.world.ports))
    answers = [
        client.browse("GET", f"{till.address}?coupon=CODE{number}").status for number in range(70)
    ]
    assert answers[0] == 200 and answers[-1] == 429


@pytest.mark.spec("C-8", "B-4")
def test_the_portal_says_how_many_payments_a_coupon_still_lowers() -> None:
    shop = Shop()
    coupon(shop.world, duration=Duration.REPEATING, charges=3)
    shop.world.buy(coupon="SPRING")
    shop.world.advance(minutes=5)
    (module,) = shop.signed_in().see().all("section")
    assert "Next payment: $22.49" in module.text
    assert "Discount with coupon SPRING, payments left: 2" in module.text


@pytest.mark.spec("C-8", "B-5")
@pytest.mark.typeset
def test_the_invoice_has_a_line_for_the_discount() -> None:
    world = World()
    coupon(world)
    world.buy(coupon="SPRING")
    world.work()
    (issued,) = world.history().documents
    text = " ".join(PdfReader(BytesIO(render(issued))).pages[0].extract_text().split())
    assert "Discount with coupon SPRING −$7.50" in text
    assert "$22.49" in text


@pytest.mark.spec("C-8", "A-4")
@pytest.mark.parametrize("limited", [False, True])
def test_a_seller_reads_whether_their_coupon_stays_before_they_change_the_plan(
    limited: bool,
) -> None:
    house = House()
    big = house.world.product(BIG, name="Big", grants=("account",))
    owner = house.owner()
    of = house.world.subscription(SELLER)
    given = Discount("SPRING", basis_points=2500, products=(of.product,) if limited else ())
    house.world.store.commit(Change(of, replace(of, discount=given)))
    text = owner.see(f"/account/billing/plan/{big.default_price_point}").text
    assert ("Coupon SPRING stays with this plan." in text) is not limited
    assert ("Coupon SPRING isn't for this plan and ends with the change." in text) is limited
    assert "Discount with coupon SPRING on every payment" in owner.see("/account/billing").text
