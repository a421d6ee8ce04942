"""Another plan and the way out of a freeze, by the console's pages (M-4, A-4, A-5)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from tests.console.agent import Agent
from tests.render.html import Element
from tests.web.shop import MONTHLY, Shop

YEARLY = MONTHLY | {"price": {"amount": 29900, "currency": "USD"}, "period": "1y"}
DEARER = MONTHLY | {"price": {"amount": 5999, "currency": "USD"}}


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    product = shop.api.post(
        "/v1/products",
        {"name": "Course", "gateways": ["sandbox"], "price_points": [MONTHLY, DEARER, YEARLY]},
    ).json
    bought = shop.world.ports.store.product("acme", product["id"])
    assert bought is not None
    shop.world.buy(bought)
    return shop


def here(shop: Shop) -> str:
    return f"/console/subscriptions/{shop.world.subscription().id}"


def dearer(shop: Shop) -> str:
    product = shop.world.store.product("acme", shop.world.subscription().product)
    assert product is not None
    return product.price_points[1]


def quoted(shop: Shop, when: str = "now") -> tuple[Element, str]:
    page = Agent.of(shop).look(f"{here(shop)}/plan?price_point={dearer(shop)}&when={when}")
    return page, token_of(page)


def token_of(page: Element) -> str:
    fields = (f.attributes for f in page.all("input"))
    (token,) = {str(f["value"]) for f in fields if f.get("name") == "token"}
    return token


@pytest.mark.spec("M-4", "A-4")
def test_the_plans_of_its_product_are_offered_and_looking_changes_nothing(shop: Shop) -> None:
    before = shop.world.subscription()
    page = Agent.of(shop).look(f"{here(shop)}/plan")
    assert "$59.99 every month" in page.text and "$299.00 every year" in page.text
    assert "Charged now" not in page.text
    page, _ = quoted(shop)
    assert "Charged now" in page.text and "$30.00" in page.text
    assert shop.world.subscription() == before


@pytest.mark.spec("M-4", "A-4")
def test_the_plan_changes_for_the_amount_that_was_shown(shop: Shop) -> None:
    _, token = quoted(shop)
    agent = Agent.of(shop)
    answer = agent.send(f"{here(shop)}/plan", price_point=dearer(shop), when="now", token=token)
    assert "The plan has been changed" in agent.follow(answer).text
    assert shop.world.subscription().terms.price.amount_minor == 5999
    assert sum(o.amount.amount_minor for o in shop.world.orders()) == 2999 + 3000
    again = agent.send(f"{here(shop)}/plan", price_point=dearer(shop), when="now", token=token)
    assert again.status == 409
    assert sum(o.amount.amount_minor for o in shop.world.orders()) == 2999 + 3000


@pytest.mark.spec("M-4", "A-4")
def test_a_stale_quote_charges_nothing_and_shows_the_new_amount(shop: Shop) -> None:
    _, token = quoted(shop)
    before = shop.world.subscription()
    shop.world.advance(days=10)
    answer = Agent.of(shop).send(
        f"{here(shop)}/plan", price_point=dearer(shop), when="now", token=token
    )
    assert answer.status == 409 and "Charged now" in answer.body
    assert shop.world.subscription().terms == before.terms


@pytest.mark.spec("M-4", "A-4")
def test_a_change_with_the_next_period_charges_nothing_now(shop: Shop) -> None:
    _, token = quoted(shop, "next_rebill")
    agent = Agent.of(shop)
    sent = agent.send(
        f"{here(shop)}/plan", price_point=dearer(shop), when="next_rebill", token=token
    )
    agent.follow(sent)
    assert len(shop.world.orders()) == 1
    planned = shop.world.subscription().next_plan
    assert planned is not None and planned.price_point == dearer(shop)


@pytest.mark.spec("M-4", "A-4")
def test_a_checkout_link_names_a_plan_of_another_product(shop: Shop) -> None:
    other = shop.api.post(
        "/v1/products", {"name": "Club", "gateways": ["sandbox"], "price_points": [DEARER]}
    ).json
    link = other["price_points"][0]["checkout_url"]
    page = Agent.of(shop).look(f"{here(shop)}/plan?other={link}&when=now")
    assert "Club, $59.99 every month" in page.text and "Charged now" in page.text


@pytest.mark.spec("M-4", "M-3")
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("price_point=pp_none&when=now", 409),
        ("price_point=acme.pp_none&when=someday", 422),
        ("price_point=%00&when=now", 422),
        (f"other={'x' * 400}&when=now", 422),
        ("when=now", 200),
    ],
)
def test_a_wrong_choice_is_told_in_words(shop: Shop, query: str, status: int) -> None:
    page = Agent.of(shop).look(f"{here(shop)}/plan?{query}", status=status)
    assert ("Nothing was changed" in page.text) == (status != 200)


@pytest.mark.spec("M-4", "A-5")
def test_a_freeze_is_undone_before_it_begins_and_paid_off_after(shop: Shop) -> None:
    agent = Agent.of(shop)
    agent.send(f"{here(shop)}/do/freeze")
    assert "hasn't begun" in agent.look(f"{here(shop)}/unfreeze").text
    agent.follow(agent.send(f"{here(shop)}/unfreeze"))
    assert shop.world.subscription().freezes_at is None
    shop.world.now += timedelta(seconds=1)
    agent.follow(agent.send(f"{here(shop)}/do/freeze"))
    shop.world.advance(days=35)
    assert shop.world.subscription().is_frozen
    agent = Agent.of(shop)
    page = agent.look(f"{here(shop)}/unfreeze")
    assert "Charged now" in page.text
    token = token_of(page)
    assert agent.send(f"{here(shop)}/unfreeze", token=f"0.{'0' * 32}").status == 409
    agent.follow(agent.send(f"{here(shop)}/unfreeze", token=token))
    assert shop.world.subscription().state is State.ACTIVE
    assert agent.look(f"{here(shop)}/unfreeze", status=409)


@pytest.mark.spec("M-3")
def test_nobody_quotes_or_changes_another_merchants_plan(shop: Shop) -> None:
    before = shop.world.subscription()
    rival = Agent.of(shop, "rival")
    for part in ("plan", "unfreeze"):
        rival.look(f"{here(shop)}/{part}", status=404)
        assert rival.send(f"{here(shop)}/{part}", token=f"0.{'0' * 32}").status == 404
    assert shop.world.subscription() == before


@pytest.mark.spec("M-4", "A-4")
def test_a_declined_change_is_told_and_changes_nothing(shop: Shop) -> None:
    subscription, method = shop.world.subscription(), shop.world.history().methods[0]
    refused = "pm_card_chargeCustomerFail"
    card = replace(method, id=f"{refused}:saved", fingerprint=refused)
    moved = replace(subscription, payment_method=card.id)
    shop.world.store.commit(Insert(card), Change(subscription, moved))
    agent = Agent.of(shop)
    page = agent.look(f"{here(shop)}/plan?price_point={dearer(shop)}&when=now")
    token = token_of(page)
    answer = agent.send(f"{here(shop)}/plan", price_point=dearer(shop), when="now", token=token)
    assert answer.status == 409 and "The payment was declined" in answer.body
    assert shop.world.subscription().terms.price.amount_minor == 2999
