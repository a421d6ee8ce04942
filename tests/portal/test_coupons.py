"""A coupon in the portal, where its merchant allows it: seen first, used once (B-12, C-8)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.coupons.coupons import Duration
from billing.kernel.subscription import State
from tests.coupons.couponing import charged, coupon, uses
from tests.portal.test_purchases import modules
from tests.portal.visitors import Shop, Visitor
from tests.render.html import read
from tests.tax.taxing import BERLIN, collecting

NOT_AND_USED: tuple[dict[str, str], ...] = ({}, {"use": "true"})


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.set(self_coupon=True)
    return shop


def page(shop: Shop) -> str:
    return f"/subscriptions/{shop.world.subscription().id}/coupon"


def buy(shop: Shop, **fields: object) -> Visitor:
    shop.world.buy(**fields)
    return shop.signed_in()


@pytest.mark.spec("B-12", "C-8")
def test_a_customer_sees_the_next_payment_with_a_coupon_and_then_uses_it(shop: Shop) -> None:
    coupon(shop.world)
    visitor = buy(shop)
    assert "/coupon" in str(modules(visitor)[0])
    assert "Enter a coupon code for Course" in visitor.see(page(shop)).text
    seen = visitor.post(page(shop), coupon=" spring ")
    assert seen.status == 200
    words = read(seen.body).one("main").text
    assert "Next payment now $29.99 · February 28, 2026" in words
    assert "Next payment with the coupon $22.49 · February 28, 2026" in words
    assert shop.world.subscription().discount is None and uses(shop.world) == 0
    told = visitor.follow(visitor.post(page(shop), coupon="SPRING", use="true")).text
    assert "Your coupon applies from your next payment." in told
    assert "Next payment: $22.49" in told and "Discount with coupon SPRING" in told
    assert "/coupon" not in str(modules(visitor)[0]), "it has one"
    visitor.post(page(shop), coupon="SPRING", use="true")
    assert uses(shop.world) == 1, "sent twice it is used once"
    shop.world.advance(days=59)
    assert charged(shop.world) == [2999, 2249, 2999]


@pytest.mark.spec("B-12", "C-7")
def test_the_amounts_that_are_shown_have_their_taxes(shop: Shop) -> None:
    collecting(shop.world)
    coupon(shop.world)
    seen = buy(shop, address=BERLIN).post(page(shop), coupon="SPRING")
    assert "$35.69" in seen.body and "$26.76" in seen.body


@pytest.mark.spec("B-12", "C-8", "C-12")
@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("NOBODY", "know this coupon code"),
        ("<b>x</b>", "know this coupon code"),
        ("x" * 5000, "know this coupon code"),
        ("LATER", "know this coupon code"),
        ("ENDED", "This coupon has ended"),
        ("OTHERS", "not for this offer"),
        ("", "is-wrong"),
    ],
)
def test_a_code_that_cannot_be_used_is_said_at_its_field(shop: Shop, code: str, says: str) -> None:
    world = shop.world
    coupon(world, "LATER", starts_at=world.now + timedelta(days=1))
    coupon(world, "ENDED", ends_at=world.now)
    coupon(world, "OTHERS", products=(world.product().id,))
    visitor = buy(shop)
    for use in NOT_AND_USED:
        answer = visitor.post(page(shop), coupon=code, **use)
        assert answer.status in {409, 422} and says in answer.body
        assert "<b>x" not in answer.body
    assert world.subscription().discount is None


@pytest.mark.spec("B-12", "C-8")
def test_the_same_person_has_no_second_use(shop: Shop) -> None:
    coupon(shop.world, max_uses_per_customer=1)
    visitor = buy(shop, coupon="SPRING")
    shop.world.advance(days=31)
    assert shop.world.subscription().discount is None, "it was for one payment"
    visitor = shop.signed_in()
    for use in NOT_AND_USED:
        answer = visitor.post(page(shop), coupon="SPRING", **use)
        assert answer.status == 409 and "This coupon has ended" in answer.body
    assert uses(shop.world) == 1


@pytest.mark.spec("B-12", "C-8")
def test_one_who_has_a_coupon_gets_no_other(shop: Shop) -> None:
    coupon(shop.world, duration=Duration.FOREVER)
    coupon(shop.world, "BETTER", basis_points=9000)
    visitor = buy(shop, coupon="SPRING")
    assert visitor.browse("GET", f"/portal/acme{page(shop)}").status == 303
    answer = visitor.post(page(shop), coupon="BETTER", use="true")
    assert answer.status == 409 and "already has a coupon" in answer.body
    assert uses(shop.world, "BETTER") == 0


@pytest.mark.spec("B-12")
def test_where_the_merchant_does_not_allow_it_it_is_not_there(shop: Shop) -> None:
    shop.set(self_coupon=False)
    coupon(shop.world)
    visitor = buy(shop)
    assert "/coupon" not in str(modules(visitor)[0])
    assert visitor.browse("GET", f"/portal/acme{page(shop)}").status == 409
    assert visitor.post(page(shop), coupon="SPRING", use="true").status == 409
    assert shop.world.subscription().discount is None


@pytest.mark.spec("B-12", "C-12")
def test_codes_are_not_guessed(shop: Shop) -> None:
    visitor = buy(shop)
    codes = [visitor.post(page(shop), coupon=f"GUESS{n}").status for n in range(21)]
    assert codes == [409] * 20 + [429]


@pytest.mark.spec("B-12", "B-3")
def test_nobody_gives_another_customers_subscription_a_coupon(shop: Shop) -> None:
    coupon(shop.world)
    shop.world.buy(email="bob@example.com")
    theirs = f"/subscriptions/{shop.world.subscription('bob@example.com').id}/coupon"
    visitor = buy(shop)
    assert visitor.post(theirs, coupon="SPRING", use="true").status == 404
    assert shop.world.subscription("bob@example.com").discount is None


@pytest.mark.spec("B-12")
def test_one_that_ends_has_no_field(shop: Shop) -> None:
    visitor = buy(shop)
    shop.world.cancel()
    assert shop.world.subscription().state is State.CANCEL_PENDING
    assert "/coupon" not in str(modules(visitor)[0])
