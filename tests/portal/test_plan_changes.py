"""Another plan in the portal, where its merchant allows it: quoted first, then paid (B-12, A-4)."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from billing.coupons.coupons import Duration
from billing.kernel.catalog import Initial, PriceTerms, PriceType, Product
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.values import replace
from billing.kernel.writes import Change
from tests.console.agent import Agent
from tests.console.test_products import form_of
from tests.coupons.couponing import coupon
from tests.plans.changing import GOLD, HALF, YEARLY, charged
from tests.portal.test_freezing import token_of
from tests.portal.test_purchases import ONCE, modules
from tests.portal.visitors import BOB, Shop, Visitor
from tests.render.html import Element, read
from tests.web.shop import MONTHLY as MONTHLY_BODY
from tests.web.shop import Shop as MerchantShop
from tests.world import MONTHLY

SILVER = replace(MONTHLY, price=Money(1999, Currency.USD))


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.set(self_change_plan=True)
    return shop


def page(shop: Shop, **chosen: str) -> str:
    query = f"?{urlencode(chosen)}" if chosen else ""
    return f"/subscriptions/{shop.world.subscription().id}/plan{query}"


def buy(shop: Shop, *terms: PriceTerms, **fields: object) -> tuple[Visitor, Product]:
    product = shop.world.product(*(terms or (MONTHLY, GOLD, YEARLY, ONCE)))
    shop.world.buy(product, **fields)
    shop.world.advance(to=HALF)
    return shop.signed_in(), product


def named(shown: Element) -> list[str]:
    fields = shown.all("input")
    return [
        e.attributes["value"] or "" for e in fields if e.attributes.get("name") == "price_point"
    ]


def list_for(shop: Shop, product: Product, *points: str) -> None:
    shop.world.store.commit(Change(product, replace(product, changes_to=points)))


@pytest.mark.spec("B-12", "A-4")
def test_an_upgrade_is_quoted_then_paid_and_in_force_at_once(shop: Shop) -> None:
    visitor, product = buy(shop)
    assert "Change plan" in str(modules(visitor)[0].text)
    shown = visitor.see(page(shop))
    assert named(shown) == list(product.price_points[1:3]), "what recurs, cheapest first"
    gold = product.price_points[1]
    quoted = visitor.see(page(shop, price_point=gold, when="now"))
    assert "Due now$10.00" in quoted.text
    assert "Next payment: $49.99 on February 28, 2026" in quoted.text
    assert "Change and pay $10.00" in quoted.text
    assert shop.world.subscription().price_point == product.price_points[0], "looking does nothing"
    form = {"price_point": gold, "when": "now", "token": token_of(quoted)}
    told = visitor.follow(visitor.post(page(shop), **form)).text
    assert "Your plan has been changed." in told and "Next payment: $49.99" in told
    assert shop.world.subscription().price_point == gold
    assert [amount for _, amount in charged(shop.world)] == [2999, 1000]
    assert visitor.post(page(shop), **form).headers["location"].endswith("?done=plan")
    assert [amount for _, amount in charged(shop.world)] == [2999, 1000], "it is paid once"
    assert "[TEST] Receipt: $10.00 for your new plan, Course" in shop.mails()


@pytest.mark.spec("B-12", "A-4")
def test_a_downgrade_leaves_credit_that_the_portal_shows(shop: Shop) -> None:
    visitor, product = buy(shop, MONTHLY, SILVER)
    silver = product.price_points[1]
    quoted = visitor.see(page(shop, price_point=silver, when="now"))
    assert "Due now$0.00" in quoted.text and "Confirm plan change" in quoted.text
    visitor.post(page(shop), price_point=silver, when="now", token=token_of(quoted))
    shown = modules(visitor)[0].text
    assert "You have $5.00 in credit. It's taken off your next payments." in shown
    assert "Next payment: $14.99" in shown


@pytest.mark.spec("B-12", "A-4")
def test_a_change_with_the_next_payment_is_shown_and_taken_back(shop: Shop) -> None:
    visitor, product = buy(shop, MONTHLY, SILVER)
    first, silver = product.price_points
    chosen = {"price_point": silver, "when": "next_rebill"}
    quoted = visitor.see(page(shop, **chosen))
    assert "You keep your current plan until your next payment." in quoted.text
    told = visitor.follow(visitor.post(page(shop), token=token_of(quoted), **chosen)).text
    assert "Your plan will change with your next payment." in told
    assert "From your next payment: $19.99 every month" in told
    assert shop.world.subscription().price_point == first
    shop.world.now += timedelta(minutes=1)
    back = {"price_point": first, "when": "next_rebill"}
    assert first in named(visitor.see(page(shop)))
    answer = visitor.post(page(shop), token=token_of(visitor.see(page(shop, **back))), **back)
    assert answer.status == 303, (answer.status, read(answer.body).one("main").text)
    assert shop.world.subscription().next_plan is None


@pytest.mark.spec("B-12")
def test_a_product_lists_the_plans_of_any_product_that_its_customers_change_to(shop: Shop) -> None:
    visitor, product = buy(shop, MONTHLY, GOLD)
    other = shop.world.product(YEARLY, SILVER)
    list_for(shop, product, other.price_points[0])
    assert named(visitor.see(page(shop))) == [other.price_points[0]]
    refused = visitor.see(page(shop, price_point=other.price_points[1], when="now"), status=422)
    assert "This is required." in refused.text, "what is not listed cannot be chosen"
    form = {"price_point": product.price_points[1], "when": "now", "token": "1.".ljust(34, "0")}
    assert visitor.post(page(shop), **form).status == 303, "to choose again"
    assert shop.world.subscription().price_point == product.price_points[0]


@pytest.mark.spec("B-12")
def test_what_cannot_be_sold_to_them_is_not_offered(shop: Shop) -> None:
    trial = replace(GOLD, initial=Initial(0, Span(14, Unit.DAY)))
    visitor, product = buy(shop, MONTHLY, GOLD, trial, replace(MONTHLY))
    assert named(visitor.see(page(shop))) == [product.price_points[1]], "a plan stands there once"
    shop.world.store.commit(Change(product, replace(product, archived=True)))
    assert "There is no other plan to change to" in visitor.see(page(shop)).text


@pytest.mark.spec("B-12", "A-4")
def test_an_old_quote_and_junk_charge_nothing(shop: Shop) -> None:
    visitor, product = buy(shop)
    gold = product.price_points[1]
    token = token_of(visitor.see(page(shop, price_point=gold, when="now")))
    shop.world.now += timedelta(minutes=16)
    visitor = shop.signed_in()
    stale = visitor.post(page(shop), price_point=gold, when="now", token=token)
    assert stale.status == 409 and "The amount has changed" in stale.body
    assert 'name="token"' in stale.body, "the new amount stands there to be confirmed"
    assert visitor.post(page(shop), price_point=gold, when="now", token="junk").status == 303
    assert visitor.post(page(shop)).status == 303
    for wrong in ({"price_point": "x" * 5000}, {"price_point": gold, "when": "never"}):
        assert visitor.browse("GET", f"/portal/acme{page(shop, **wrong)}").status == 422
    assert [amount for _, amount in charged(shop.world)] == [2999]


@pytest.mark.spec("B-12", "A-4")
def test_a_declined_card_is_told_and_the_plan_stays(shop: Shop) -> None:
    visitor, product = buy(shop)
    card = {"payment_method": "pm_card_chargeCustomerFail", "attempt_key": "another-card"}
    assert visitor.post("/cards/new", default="true", **card).status == 303
    gold = product.price_points[1]
    token = token_of(visitor.see(page(shop, price_point=gold, when="now")))
    answer = visitor.post(page(shop), price_point=gold, when="now", token=token)
    assert answer.status == 409 and "declined" in answer.body
    assert shop.world.subscription().price_point == product.price_points[0]


@pytest.mark.spec("B-12", "C-8")
def test_a_coupon_that_does_not_stay_is_said_before(shop: Shop) -> None:
    product = shop.world.product(MONTHLY, GOLD)
    coupon(shop.world, duration=Duration.FOREVER, price_points=(product.price_points[0],))
    shop.world.buy(product, coupon="SPRING")
    shop.world.advance(to=HALF)
    visitor = shop.signed_in()
    shown = visitor.see(page(shop, price_point=product.price_points[1], when="now"))
    assert "Your coupon SPRING doesn't apply to this plan" in shown.text


@pytest.mark.spec("B-12")
def test_plans_are_changed_only_where_the_merchant_allows_it(shop: Shop) -> None:
    visitor, _ = buy(shop)
    shop.set(self_change_plan=False)
    assert "/plan" not in str(modules(visitor)[0])
    assert visitor.browse("GET", f"/portal/acme{page(shop)}").status == 409
    assert visitor.post(page(shop)).status == 409


@pytest.mark.spec("B-12")
def test_what_has_no_other_plan_has_no_button(shop: Shop) -> None:
    shop.world.buy(shop.world.product(MONTHLY), email=BOB)
    four = PriceTerms(PriceType.INSTALLMENT, Money(9900, Currency.USD), Period.MONTHLY, 4)
    shop.world.buy(shop.world.product(four, MONTHLY), email=BOB)
    assert all("/plan" not in str(each) for each in modules(shop.signed_in(BOB)))


@pytest.mark.spec("B-12", "P-1")
def test_a_product_lists_only_recurring_price_points_of_its_merchant() -> None:
    shop = MerchantShop()
    yearly = MONTHLY_BODY | {"period": "1y"}
    once = {"type": "one_time", "price": {"amount": 4900, "currency": "USD"}}
    body = {"name": "Course", "gateways": ["sandbox"], "price_points": [MONTHLY_BODY, yearly, once]}
    made = shop.api.post("/v1/products", body).json
    first, second, single = (each["id"] for each in made["price_points"])
    at = f"/v1/products/{made['id']}"
    assert made["changes_to"] == []
    changed = shop.api.call("PATCH", at, {"changes_to": [second]})
    assert (changed.status, changed.json["changes_to"]) == (200, [second])
    wrong = {
        single: "plan_not_recurring",
        "acme.nothing": "plan_unknown",
        first.replace("acme.", "rival."): "plan_unknown",
    }
    for named, reason in wrong.items():
        refused = shop.api.call("PATCH", at, {"changes_to": [second, named]})
        assert (refused.status, refused.json["reason"]) == (422, reason)
    assert shop.api.call("PATCH", at, {"changes_to": [second, second]}).status == 422
    agent = Agent.of(shop)
    link = f"https://pay.example.com/checkout/{first}?coupon=X"
    form = form_of(agent, made)
    assert second in agent.look(f"/console{at.removeprefix('/v1')}/edit").one("main").text
    sent = agent.send(f"/console{at.removeprefix('/v1')}/edit", **form | {"changes_to": link})
    assert sent.status == 303
    assert shop.api.get(at).json["changes_to"] == [first]
    again = form_of(agent, made) | {"changes_to": single}
    answer = agent.send(f"/console{at.removeprefix('/v1')}/edit", **again)
    assert answer.status == 422 and "only to recurring price points" in answer.body
