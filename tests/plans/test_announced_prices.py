"""Another price for a subscription that runs: announced, agreed to, charged, taken back (X-12)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from billing.aws.sqs_queue import leases_of
from billing.cards.flows import addresses
from billing.jobs.flows import sweep, work
from billing.jobs.jobs import JobState
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.customers import Address
from billing.kernel.errors import Conflict, Invalid, Refused
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.plans.flows import announce_price, change_plan
from billing.plans.plan_change import When as PlanWhen
from billing.rebill import charge_steps
from billing.rebill.flows import forecast
from billing.runtime import job_kinds
from tests.hurry import room_for
from tests.world import MONTHLY, World

OLD, NEW = Money(2999, Currency.USD), Money(3999, Currency.USD)
NEW_YORK = Address("1 Main Street", "Albany", "US", postal_code="12207", state="NY")
INSTALLMENTS = PriceTerms(PriceType.INSTALLMENT, OLD, Period.MONTHLY, installments=6)
DAY = timedelta(days=1)


def announce(world: World, price: Money = NEW, starts_at: datetime | None = None) -> None:
    at = starts_at or world.now + DAY
    announce_price.announce(world.ports, world.subscription(), price, at, now=world.now)


def amounts(world: World) -> list[int]:
    return [int(charge["amount"]["amount"]) for charge in world.charges()]


def subjects(world: World, words: str) -> list[str]:
    return [each for each in world.subjects() if words in each]


@pytest.mark.spec("X-12", "P-18")
def test_the_first_renewal_that_was_told_of_in_time_has_the_new_price(world: World) -> None:
    world.buy(world.product(MONTHLY))
    announce(world)
    world.advance(days=8)
    (mail,) = [m for m in world.mailer.sent if "price of Course changes" in m["Subject"]]
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "From February 28, 2026, your subscription to Course costs $39.99" in text
    assert "instead of $29.99" in text and "you can cancel before February 28" in text
    world.advance(days=60)
    assert amounts(world) == [2999, 3999, 3999]
    assert len(subjects(world, "price of Course changes")) == 1
    assert world.subscription().price_change is None
    assert world.subscription().terms.price == NEW
    proofs = world.store.notice_records("acme", world.subscription().customer, None, 9)
    assert [proof.kind for proof in proofs] == ["price_changing"]


@pytest.mark.spec("X-12", "P-18")
@pytest.mark.parametrize(("days_before", "paid"), [(8, 3999), (7, 2999)])
def test_each_side_of_the_window_has_its_own_price(
    world: World, days_before: int, paid: int
) -> None:
    world.buy(world.product(MONTHLY))
    renews_at = world.subscription().next_charge_at
    assert renews_at is not None
    world.advance(to=renews_at - days_before * DAY)
    announce(world)
    world.advance(to=renews_at + DAY)
    assert amounts(world) == [2999, paid]
    world.advance(days=31)
    assert amounts(world) == [2999, paid, 3999]
    assert len(subjects(world, "price of Course changes")) == 1


@pytest.mark.spec("X-12")
@pytest.mark.parametrize(("after_renewal", "paid"), [(-1, 3999), (0, 3999), (1, 2999)])
def test_a_price_holds_from_its_day_on(world: World, after_renewal: int, paid: int) -> None:
    world.buy(world.product(MONTHLY))
    renews_at = world.subscription().next_charge_at
    assert renews_at is not None
    announce(world, starts_at=renews_at + timedelta(seconds=after_renewal))
    world.advance(to=renews_at + DAY)
    assert amounts(world) == [2999, paid]


@pytest.mark.spec("X-12")
@pytest.mark.parametrize(("agrees", "paid"), [(True, 3999), (False, 2999)])
def test_a_rise_that_needs_consent_and_has_none_leaves_the_old_price(
    world: World, agrees: bool, paid: int
) -> None:
    world.buy(world.product(MONTHLY), address=NEW_YORK)
    announce(world)
    change = world.subscription().price_change
    assert change is not None and change.needs_consent
    world.advance(days=9)
    text = world.mailer.sent[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "If you don't agree, you keep paying $29.99" in text
    for _ in range(2 if agrees else 0):
        announce_price.agree(world.ports, world.subscription(), change.id, now=world.now)
    with pytest.raises(Refused, match="no_price_change"):
        announce_price.agree(world.ports, world.subscription(), "another", now=world.now)
    world.advance(days=60)
    assert amounts(world) == [2999, paid, paid]


@pytest.mark.spec("X-12", "X-10")
def test_a_state_that_its_buyer_wrote_out_has_its_law(world: World) -> None:
    world.buy(world.product(MONTHLY), address=replace(NEW_YORK, state="New York"))
    announce(world)
    world.advance(days=70)
    assert amounts(world) == [2999, 2999, 2999], "nobody agreed"


@pytest.mark.spec("X-12", "X-10", "B-8")
@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize(("agrees", "paid"), [(True, 3999), (False, 2999)])
def test_who_moves_to_where_a_rise_needs_consent_is_asked(
    world: World, told: bool, agrees: bool, paid: int
) -> None:
    world.buy(world.product(MONTHLY))
    announce(world)
    world.advance(days=9 if told else 1)
    assert len(subjects(world, "price of Course changes")) == told
    found = world.subscription()
    addresses.change(
        world.ports,
        world.merchant,
        found.customer,
        [found.id],
        name="Ann Example",
        address=NEW_YORK,
        now=world.now,
    )
    world.work()
    world.advance(days=10)
    text = world.mailer.sent[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "If you don't agree, you keep paying $29.99" in text
    change = world.subscription().price_change
    assert change is not None and change.needs_consent
    if agrees:
        announce_price.agree(world.ports, world.subscription(), change.id, now=world.now)
    world.advance(days=50)
    assert amounts(world) == [2999, paid, paid]
    proofs = world.store.notice_records("acme", found.customer, None, 9)
    assert len(proofs) == 1 + told


@pytest.mark.spec("X-12")
def test_a_lower_price_needs_no_consent(world: World) -> None:
    world.buy(world.product(MONTHLY), address=NEW_YORK)
    announce(world, Money(1999, Currency.USD))
    world.advance(days=31)
    assert amounts(world) == [2999, 1999]


@pytest.mark.spec("X-12")
def test_a_price_taken_back_is_never_charged_and_who_was_told_is_told(world: World) -> None:
    world.buy(world.product(MONTHLY))
    announce(world)
    announce_price.take_back(world.ports, world.subscription(), now=world.now)
    world.advance(days=3)
    assert subjects(world, "price of Course") == [], "nobody had been told"
    announce(world)
    world.advance(days=10)
    announce_price.take_back(world.ports, world.subscription(), now=world.now)
    world.advance(days=60)
    assert amounts(world) == [2999, 2999, 2999]
    assert len(subjects(world, "price of Course doesn't change")) == 1
    with pytest.raises(Refused, match="no_price_change"):
        announce_price.take_back(world.ports, world.subscription(), now=world.now)


@pytest.mark.spec("X-12", "A-4")
def test_another_plan_drops_the_price_that_was_announced_for_the_old_one(world: World) -> None:
    product = world.product(MONTHLY, replace(MONTHLY, price=Money(4999, Currency.USD)))
    world.buy(product)
    announce(world)
    other = product.price_points[1]
    change_plan.change(
        world.ports, world.subscription(), other, PlanWhen.NEXT_REBILL, now=world.now
    )
    world.advance(days=60)
    assert amounts(world) == [2999, 4999, 4999]
    assert world.subscription().price_change is None


@pytest.mark.spec("X-12", "P-19")
def test_the_forecast_shows_the_price_that_will_be_charged(world: World) -> None:
    world.buy(world.product(MONTHLY))
    announce(world)
    coming = forecast.next_charges(
        world.ports, world.merchant, world.subscription(), most=2, now=world.now
    )
    assert [money for _, money in coming] == [NEW, NEW]


@pytest.mark.spec("X-12", "A-4")
def test_what_was_paid_at_the_old_price_is_worth_that_after_a_change(world: World) -> None:
    world.buy(world.product(MONTHLY))
    announce(world)
    world.advance(days=10)
    before = world.subscription()
    after = before.renewing()
    assert after.terms.price == NEW
    assert after.money == before.money and after.money.in_use_minor == 2999


@pytest.mark.spec("X-12", "P-4")
def test_what_cannot_have_another_price_is_refused_in_words(world: World) -> None:
    world.buy(world.product(INSTALLMENTS))
    with pytest.raises(Refused, match="price_not_changeable"):
        announce(world)
    other = World()
    other.buy(other.product(MONTHLY))
    with pytest.raises(Refused, match="same_price"):
        announce(other, OLD)
    with pytest.raises(Refused, match="other_currency"):
        announce(other, Money(3999, Currency.EUR))
    with pytest.raises(Invalid):
        announce(other, Money(0, Currency.USD))
    for at in (other.now - 2 * DAY, other.now + 5000 * DAY):
        with pytest.raises(Invalid):
            announce(other, starts_at=at)
    starts_at = other.now + DAY
    announce(other, starts_at=starts_at)
    announce(other, starts_at=starts_at)
    with pytest.raises(Refused, match="price_change_present"):
        announce(other, Money(4999, Currency.USD))
    other.cancel(When.NOW)
    with pytest.raises(Refused, match="not_active"):
        announce(other)


@pytest.mark.spec("X-12")
def test_all_at_a_price_point_are_told_by_a_job_and_undone_by_another(world: World) -> None:
    product = world.product(MONTHLY)
    for name in ("ann", "bob", "cy"):
        world.buy(product, email=f"{name}@example.com")
    world.buy(world.product(MONTHLY), email="dan@example.com")
    world.advance(days=1)
    point, at = product.default_price_point, world.now + DAY
    announce_price.announce_to_all(world.ports, "acme", point, NEW, at, world.now)
    with pytest.raises(Refused, match="price_change_under_way"):
        announce_price.announce_to_all(world.ports, "acme", point, NEW, at, world.now)
    world.advance(minutes=10)
    prices = [world.subscription(f"{n}@example.com").price_change for n in ("ann", "bob", "cy")]
    assert [found.price for found in prices if found is not None] == [NEW] * 3
    assert world.subscription("dan@example.com").price_change is None
    announce_price.take_back_of_all(world.ports, "acme", point, world.now)
    world.advance(minutes=10)
    assert world.subscription("bob@example.com").price_change is None


@pytest.mark.spec("X-12")
def test_each_subscription_that_is_told_by_a_job_is_counted_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announce_price, "PAGE", 2)
    product = world.product(MONTHLY)
    for name in ("ann", "bob", "cy"):
        world.buy(product, email=f"{name}@example.com")
    point, at = product.default_price_point, world.now + DAY
    job = announce_price.announce_to_all(world.ports, "acme", point, NEW, at, world.now)
    for _ in range(9):
        sweep.sweep(world.ports, now=world.now)
        bodies, world.jobs.bodies = world.jobs.bodies, []
        for lease in (each for body in bodies for each in leases_of(body)):
            work.take(world.ports, job_kinds.KINDS, lease, now=world.now, keep_going=room_for(0))
    done = world.store.job("acme", job.id)
    assert done is not None
    assert (done.state, done.done) == (JobState.DONE, 3)


@pytest.mark.spec("X-12", "R-1")
def test_a_renewal_is_not_opened_at_a_price_that_was_taken_back_meanwhile(world: World) -> None:
    world.buy(world.product(MONTHLY))
    announce(world)
    world.advance(days=10)
    stale = world.subscription()
    announce_price.take_back(world.ports, stale, now=world.now)
    again = world.subscription()
    opened = charge_steps._opened(stale, replace(world.history().invoices[0], seq=2))
    with pytest.raises(Conflict):
        world.store.commit(opened)
    assert world.subscription() == again


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.spec("X-12", "A-4", "P-19")
def test_a_quote_of_staying_on_a_plan_has_the_price_that_was_announced_for_it(
    world: World,
) -> None:
    """Another plan was asked for after the price was announced; then they stay after all."""
    product = world.product(MONTHLY, replace(MONTHLY, price=Money(4999, Currency.USD)))
    world.buy(product)
    announce(world)
    world.advance(days=8)
    stays, other = product.price_points

    def change(price_point: str, token: str | None = None) -> None:
        change_plan.change(
            world.ports,
            world.subscription(),
            price_point,
            PlanWhen.NEXT_REBILL,
            token=token,
            now=world.now,
        )

    change(other)
    quoted = change_plan.quote(
        world.ports, world.subscription(), stays, PlanWhen.NEXT_REBILL, now=world.now
    )
    world.now += timedelta(minutes=1)
    change(stays, quoted.token)
    world.advance(days=30)
    assert amounts(world)[1] == quoted.next_charge.amount_minor == NEW.amount_minor


@pytest.mark.spec("X-12", "A-4", "R-8")
def test_nobody_is_told_of_a_price_of_the_plan_that_they_leave(world: World) -> None:
    product = world.product(MONTHLY, replace(MONTHLY, price=Money(4999, Currency.USD)))
    world.buy(product)
    announce(world)
    stays, other = product.price_points
    for price_point, told in ((other, 0), (stays, 1)):
        found = world.subscription()
        change_plan.change(world.ports, found, price_point, PlanWhen.NEXT_REBILL, now=world.now)
        world.tick()
        world.advance(days=8)
        assert len(subjects(world, "price of Course changes")) == told
    world.advance(days=60)
    assert amounts(world) == [2999, 3999, 3999]
