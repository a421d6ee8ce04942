"""Freezing and unfreezing in the portal, where the merchant offers it (A-5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from billing.kernel.subscription import State
from tests.portal.test_purchases import modules
from tests.portal.visitors import Shop, Visitor
from tests.render.html import Element


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.set(self_freeze=True)
    return shop


def page(shop: Shop, what: str) -> str:
    return f"/subscriptions/{shop.world.subscription().id}/{what}"


def token_of(shown: Element) -> str:
    """The token of the quote that a page shows."""
    fields = (e.attributes for e in shown.all("input"))
    (token,) = {str(f["value"]) for f in fields if f.get("name") == "token"}
    return token


def buy(shop: Shop) -> Visitor:
    shop.world.buy()
    return shop.signed_in()


@pytest.mark.spec("A-5")
def test_a_customer_freezes_sees_what_it_costs_and_thaws_for_what_is_shown(shop: Shop) -> None:
    visitor = buy(shop)
    assert "/freeze" in str(modules(visitor)[0])
    shown = visitor.see(page(shop, "freeze")).text
    assert "From February 28, 2026" in shown and "$9.99 a month" in shown
    assert shop.world.subscription().freezes_at is None, "looking does nothing"
    told = visitor.follow(visitor.post(page(shop, "freeze"))).text
    assert "Frozen from February 28, 2026" in told
    assert "Next payment: $9.99 on February 28, 2026" in told
    assert "[TEST] Your subscription to Course will be frozen" in shop.mails()
    shop.world.advance(to=datetime(2026, 3, 14, 14, tzinfo=UTC))
    visitor = shop.signed_in()
    assert "only pay the freeze price" in visitor.see("").text
    thawing = visitor.see(page(shop, "unfreeze"))
    amount = shop.world.charges()[-1]["amount"]["amount"]
    assert amount == 999
    found = re.search(r"Unfreeze and pay ([$][0-9.]+)", thawing.text)
    assert found is not None
    after = visitor.follow(visitor.post(page(shop, "unfreeze"), token=token_of(thawing)))
    assert "Your subscription will continue" in after.text
    assert shop.world.subscription().state is State.ACTIVE
    charged = shop.world.charges()[-1]["amount"]["amount"]
    assert f"${charged / 100:.2f}" == found[1]


@pytest.mark.spec("A-5")
def test_before_it_begins_a_freeze_is_undone_with_one_button(shop: Shop) -> None:
    visitor = buy(shop)
    visitor.post(page(shop, "freeze"))
    assert "Don't freeze" in visitor.see("").text
    assert visitor.browse("GET", f"/portal/acme{page(shop, 'unfreeze')}").status == 303
    visitor.follow(visitor.post(page(shop, "unfreeze")))
    assert shop.world.subscription().freezes_at is None


@pytest.mark.spec("A-5")
def test_an_old_quote_charges_nothing(shop: Shop) -> None:
    visitor = buy(shop)
    visitor.post(page(shop, "freeze"))
    shop.world.advance(days=30)
    visitor = shop.signed_in()
    token = token_of(visitor.see(page(shop, "unfreeze")))
    shop.world.now += timedelta(minutes=16)
    before = shop.world.charges()
    assert visitor.post(page(shop, "unfreeze"), token=token).status == 409
    assert visitor.post(page(shop, "unfreeze"), token="junk").status == 409
    assert shop.world.charges() == before


@pytest.mark.spec("A-5")
@pytest.mark.parametrize("setting", [{"self_freeze": False}, {"freeze_price_minor": None}])
def test_where_it_is_not_offered_it_is_not_there(shop: Shop, setting: dict[str, object]) -> None:
    shop.set(**setting)
    visitor = buy(shop)
    assert "/freeze" not in str(modules(visitor)[0])
    assert visitor.post(page(shop, "freeze")).status == 409
    assert visitor.browse("GET", f"/portal/acme{page(shop, 'freeze')}").status == 409
    assert shop.world.subscription().freezes_at is None
