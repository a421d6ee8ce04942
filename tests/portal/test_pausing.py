"""Pausing until a day, resuming, and an announced price, as customers do it (X-11, X-12)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from billing.cancel import pausing
from billing.cancel.flows import pause
from billing.helpdesk.flows import decision, helpdesk
from billing.kernel.customers import Address
from billing.kernel.errors import Invalid
from billing.kernel.merchants import SelfService
from billing.kernel.money import Currency, Money
from billing.kernel.subscription import Source, State, When
from billing.plans.flows import announce_price
from tests.portal.test_purchases import modules
from tests.portal.visitors import Shop, Visitor
from tests.render.html import read

NEW_YORK = Address("1 Main Street", "Albany", "US", postal_code="12207", state="NY")


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.set(self_pause=True)
    return shop


def page(shop: Shop, what: str) -> str:
    return f"/subscriptions/{shop.world.subscription().id}/{what}"


def buy(shop: Shop, **fields: object) -> Visitor:
    shop.world.buy(**fields)  # type: ignore[arg-type]
    return shop.signed_in()


def end(shop: Shop, months: int = 1) -> str:
    return pausing.ends(shop.world.subscription(), shop.world.now)[months - 1].isoformat()


def amounts(shop: Shop) -> list[int]:
    return [int(charge["amount"]["amount"]) for charge in shop.world.charges()]


@pytest.mark.spec("X-11")
def test_a_customer_pauses_until_a_day_is_told_and_it_resumes_by_itself(shop: Shop) -> None:
    visitor = buy(shop)
    assert "/pause" in str(modules(visitor)[0])
    shown = visitor.see(page(shop, "pause")).text
    assert "You have access until February 28, 2026" in shown and "Resume on" in shown
    assert shop.world.subscription().state is State.ACTIVE, "looking does nothing"
    told = visitor.follow(visitor.post(page(shop, "pause"), until=end(shop, 2))).text
    assert "Your subscription is paused" in told and "Paused until March 31, 2026" in told
    visitor.post(page(shop, "pause"), until=end(shop, 2))
    found = shop.world.subscription()
    assert found.resumes_at is not None and found.paused_by is Source.CUSTOMER
    shop.world.advance(to=found.resumes_at - timedelta(days=8))
    assert not any("resumes on" in each for each in shop.mails())
    mail = shop.world.mailer.sent[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "It resumes automatically on March 31, 2026" in mail
    shop.world.advance(days=2)
    assert sum("Course resumes on March 31, 2026" in each for each in shop.mails()) == 1
    assert amounts(shop) == [2999], "nothing was charged meanwhile"
    shop.world.advance(to=found.resumes_at + timedelta(hours=1))
    after = shop.world.subscription()
    assert after.state is State.ACTIVE and after.resumes_at is None
    assert amounts(shop) == [2999, 2999]
    shop.world.advance(days=29)
    assert amounts(shop) == [2999, 2999], "the payment is the new anchor"
    shop.world.advance(days=2)
    assert amounts(shop) == [2999, 2999, 2999]


@pytest.mark.spec("X-11")
def test_resuming_shows_date_and_amount_first(shop: Shop) -> None:
    visitor = buy(shop)
    visitor.post(page(shop, "pause"), until=end(shop))
    assert (
        "Nothing is due today. Your next payment is on February 28"
        in visitor.see(page(shop, "resume")).text
    )
    visitor.follow(visitor.post(page(shop, "resume")))
    assert shop.world.subscription().state is State.ACTIVE
    shop.world.advance(minutes=1)
    visitor.post(page(shop, "pause"), until=end(shop, 3))
    shop.world.advance(days=40)
    visitor = shop.signed_in()
    assert "You pay $29.99 today" in visitor.see(page(shop, "resume")).text
    told = visitor.follow(visitor.post(page(shop, "resume"), at_once="true")).text
    assert "active again" in told
    visitor.post(page(shop, "resume"))
    shop.world.advance(minutes=5)
    assert amounts(shop) == [2999, 2999]


@pytest.mark.spec("X-11")
@pytest.mark.parametrize(
    "until",
    ["", "x", "2026-02-28", "2020-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00", "9" * 99],
)
def test_a_day_that_cannot_be_is_said_at_its_field(shop: Shop, until: str) -> None:
    visitor = buy(shop)
    answer = visitor.browse("POST", f"/portal/acme{page(shop, 'pause')}", {"until": until})
    assert answer.status in {403, 422}
    assert visitor.post(page(shop, "pause"), until=until).status == 422
    assert shop.world.subscription().state is State.ACTIVE


@pytest.mark.spec("X-11")
def test_only_what_its_merchant_offers_and_only_ones_own_pause(shop: Shop) -> None:
    visitor = buy(shop)
    shop.set(self_pause=False)
    assert "/pause" not in str(modules(visitor)[0])
    assert visitor.post(page(shop, "pause"), until=end(shop)).status == 409
    pause.pause(shop.world.ports, shop.world.subscription(), now=shop.world.now)
    shop.set(self_pause=True)
    assert "/resume" not in str(modules(visitor)[0])
    assert visitor.post(page(shop, "resume")).status == 409
    assert shop.world.subscription().state is State.PAUSED, "its merchant paused it, without an end"
    shop.world.advance(days=400)
    assert shop.world.subscription().state is State.PAUSED


@pytest.mark.spec("X-11", "X-5")
def test_a_pause_whose_end_came_during_a_cancellation_ends_with_its_undoing(shop: Shop) -> None:
    world = shop.world
    buy(shop)
    world.advance(days=1)
    pause.pause(
        world.ports, world.subscription(), now=world.now, until=world.now + timedelta(days=5)
    )
    world.cancel(When.PERIOD_END)
    world.advance(days=10)
    assert world.subscription().state is State.CANCEL_PENDING
    visitor = shop.signed_in()
    visitor.follow(visitor.post(page(shop, "undo-cancel")))
    world.advance(minutes=10)
    assert world.subscription().state is State.ACTIVE
    world.advance(to=datetime(2026, 3, 1, tzinfo=UTC))
    assert amounts(shop) == [2999, 2999], "no payment fell due in the pause"


@pytest.mark.spec("X-11")
def test_an_end_is_ahead_and_at_most_three_months(shop: Shop) -> None:
    buy(shop)
    for days in (-1, 0, 95):
        until = shop.world.now + timedelta(days=days)
        with pytest.raises(Invalid):
            pause.pause(
                shop.world.ports, shop.world.subscription(), now=shop.world.now, until=until
            )


@pytest.mark.spec("X-12")
def test_a_customer_agrees_to_the_price_that_they_were_shown(shop: Shop) -> None:
    visitor = buy(shop, address=NEW_YORK)
    world, price = shop.world, Money(3999, Currency.USD)
    assert visitor.browse("GET", f"/portal/acme{page(shop, 'price')}").status == 303
    announce_price.announce(world.ports, world.subscription(), price, world.now, now=world.now)
    world.advance(days=10)
    visitor = shop.signed_in()
    assert "View the new price" in visitor.see("").text
    shown = visitor.see(page(shop, "price")).text
    assert "costs $39.99 instead of $29.99" in shown and "Agree to the new price" in shown
    assert visitor.post(page(shop, "price"), change="another").status == 409
    change = world.subscription().price_change
    assert change is not None
    told = visitor.follow(visitor.post(page(shop, "price"), change=change.id)).text
    assert "You have agreed to the new price" in told
    assert "Agree to the new price" not in visitor.see(page(shop, "price")).text
    world.advance(days=20)
    assert amounts(shop) == [2999, 3999]


@pytest.mark.spec("X-11")
def test_what_was_shown_as_later_is_not_charged_at_once_by_a_form_that_was_left_open(
    shop: Shop,
) -> None:
    visitor = buy(shop)
    visitor.post(page(shop, "pause"), until=end(shop, 3))
    shop.world.advance(to=datetime(2026, 2, 28, 14, 55, tzinfo=UTC))
    visitor = shop.signed_in()
    assert "Nothing is due today" in visitor.see(page(shop, "resume")).text
    shop.world.advance(minutes=10)
    sent = visitor.post(page(shop, "resume"))
    assert sent.status == 409 and "You pay $29.99 today" in read(sent.body).text
    assert shop.world.subscription().state is State.PAUSED
    assert amounts(shop) == [2999]
    visitor.follow(visitor.post(page(shop, "resume"), at_once="true"))
    shop.world.advance(minutes=5)
    assert amounts(shop) == [2999, 2999]


@pytest.mark.spec("X-11", "H-4")
def test_a_held_payment_that_resuming_charges_moves_no_later_ones_and_says_so(shop: Shop) -> None:
    world = shop.world
    shop.set(self_cancel=SelfService.MANUAL)
    visitor = buy(shop)
    world.advance(to=datetime(2026, 2, 27, 15, tzinfo=UTC))
    visitor = shop.signed_in()
    visitor.follow(visitor.post(page(shop, "cancel")))
    world.advance(days=2)  # February's payment is held
    visitor = shop.signed_in()
    visitor.follow(visitor.post(page(shop, "pause"), until=end(shop)))
    (asked,) = helpdesk.waiting(world.ports, world.merchant)
    decision.decline(world.ports, world.merchant, asked.id, "No.", by="agent", now=world.now)
    world.advance(days=3)
    visitor = shop.signed_in()
    shown = visitor.see(page(shop, "resume")).text
    visitor.follow(visitor.post(page(shop, "resume"), at_once="true"))
    world.advance(minutes=5)
    assert amounts(shop) == [2999, 2999]
    coming = world.subscription().next_charge_at
    assert coming is not None and coming.date() == date(2026, 3, 31), "the anchor stayed"
    assert "follow from today" not in shown and "$29.99" in shown
    assert "March 4, 2026" in shown, "and is not dated as of a month ago"
