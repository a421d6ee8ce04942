"""The cost of a change of plan, against an oracle of fractions (A-4, P-18)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.errors import Refused
from billing.kernel.invoicing import coming
from billing.kernel.money import MAX_AMOUNT_MINOR, Currency, Money
from billing.kernel.periods import Anchor, Period
from billing.kernel.plans import Plan
from billing.kernel.subscription import State, Subscription
from billing.kernel.taxes import BEFORE_TAX
from billing.kernel.values import replace
from billing.plans.plan_change import QUOTE_LIFE, Quote, When, quote, quoted_at, unused_minor

START = datetime(2026, 1, 31, 15, tzinfo=UTC)
ZONE = "America/New_York"

prices = st.integers(1, MAX_AMOUNT_MINOR)
periods = st.sampled_from(Period)
shares = st.fractions(0, 1).filter(lambda share: share < 1)


def terms(price: int, period: Period = Period.MONTHLY) -> PriceTerms:
    return PriceTerms(PriceType.RECURRING, Money(price, Currency.USD), period)


def plan(price: int, period: Period = Period.MONTHLY, name: str = "new") -> Plan:
    return Plan(f"acme.{name}", 1, terms(price, period), "prod_1", "Course", ("course",))


def running(price: int, period: Period = Period.MONTHLY, **fields: object) -> Subscription:
    """One that has paid its first period."""
    found = Subscription(
        id="sub_1",
        merchant="acme",
        customer="cus_1",
        product="prod_1",
        product_name="Course",
        price_point="acme.old",
        price_version=1,
        terms=terms(price, period),
        anchor=Anchor.at(START, ZONE),
        state=State.ACTIVE,
        started_at=START,
        gateway="sandbox",
        gateway_account="sandbox",
        payment_method="pm_1",
        shard=0,
        seq=1,
        period=1,
        payments_made=1,
    )
    return replace(found, due_at=found.period_at, **fields)  # type: ignore[arg-type]


def within(subscription: Subscription, share: Fraction) -> datetime:
    """The whole second at about that share of its period."""
    end = subscription.payment_at(subscription.period)
    start = subscription.payment_at(subscription.period - 1)
    return start + timedelta(seconds=int((end - start).total_seconds() * share))


def asked(
    subscription: Subscription,
    to: Plan,
    at: datetime,
    when: When = When.NOW,
    minimum: int = 1,
) -> Quote:
    return quote(subscription, to, when, at, minimum_minor=minimum, taxes=BEFORE_TAX)


def half_up(amount: Fraction) -> int:
    return int(
        (Decimal(amount.numerator) / Decimal(amount.denominator)).quantize(
            Decimal(1), ROUND_HALF_UP
        )
    )


def expected(price: int, subscription: Subscription, at: datetime) -> int:
    """The oracle: price x unused seconds / seconds of the period, rounded half up."""
    end = subscription.payment_at(subscription.period)
    start = subscription.payment_at(subscription.period - 1)
    whole, unused = int((end - start).total_seconds()), int((end - at).total_seconds())
    return half_up(Fraction(price * unused, whole))


def settled(quoted: Quote) -> int:
    """Returns the amount that a change moves in all: the charge, less what is kept as credit."""
    assert quoted.change is not None
    return quoted.due_now.amount_minor - quoted.change.credit_minor


@pytest.mark.spec("A-4")
@given(prices, prices, periods, shares)
def test_the_same_period_charges_the_new_part_less_the_unused_part(
    old: int, new: int, period: Period, share: Fraction
) -> None:
    subscription = running(old, period)
    at = within(subscription, share)
    quoted = asked(subscription, plan(new, period), at)
    assert settled(quoted) == expected(new, subscription, at) - expected(old, subscription, at)
    assert quoted.due_now.amount_minor == max(0, settled(quoted))
    assert quoted.next_charge_at == subscription.period_at
    assert quoted.change is not None
    assert quoted.change.anchor == subscription.anchor


@pytest.mark.spec("A-4")
@given(prices, prices, periods, periods, shares)
def test_another_period_starts_now_at_the_full_price_less_the_unused_part(
    old: int, new: int, before: Period, after: Period, share: Fraction
) -> None:
    subscription = running(old, before)
    at = within(subscription, share)
    quoted = asked(subscription, plan(new, after), at)
    if before is after:
        return
    assert settled(quoted) == new - expected(old, subscription, at)
    assert quoted.change is not None
    changed = subscription.changed_to(quoted.change)
    assert changed.payment_at(changed.period - 1) == at
    assert quoted.next_charge_at == changed.period_at
    assert quoted.next_charge_at == Anchor.at(at, ZONE).plus(after.length).instant


@pytest.mark.spec("A-4", "P-18")
@given(prices, prices, periods, periods, shares, st.integers(-500, 10**9), st.integers(1, 500))
def test_lines_come_to_what_is_due_and_nothing_is_charged_beyond_the_price(
    old: int,
    new: int,
    before: Period,
    after: Period,
    share: Fraction,
    credit: int,
    minimum: int,
) -> None:
    subscription = running(old, before, credit_minor=credit)
    quoted = asked(subscription, plan(new, after), within(subscription, share), minimum=minimum)
    assert sum(line.amount.amount_minor for line in quoted.lines) == quoted.due_now.amount_minor
    assert quoted.due_now.amount_minor == 0 or quoted.due_now.amount_minor >= minimum
    assert quoted.due_now.amount_minor <= new + max(0, -credit)
    assert quoted.change is not None
    assert quoted.change.credit_minor <= old + max(0, credit)
    assert quoted.change.credit_minor > -minimum
    assert 0 in (quoted.due_now.amount_minor, quoted.change.credit_minor)


@pytest.mark.spec("A-4")
@given(prices, periods, shares)
def test_the_same_price_and_period_costs_nothing(
    price: int, period: Period, share: Fraction
) -> None:
    subscription = running(price, period)
    quoted = asked(subscription, plan(price, period), within(subscription, share))
    assert settled(quoted) == 0
    assert quoted.next_charge == Money(price, Currency.USD)


@pytest.mark.spec("A-4")
@given(st.lists(st.tuples(prices, shares), min_size=1, max_size=6))
def test_changing_to_and_fro_never_creates_money(steps: list[tuple[int, Fraction]]) -> None:
    """Back on the first plan, the amount moved in all is the worth of the other plans' time."""
    first = subscription = running(2999)
    moved, worth = 0, 0
    times = sorted(within(first, share) for _, share in steps)
    prices_then = [price for price, _ in steps]
    for price, at in zip([*prices_then, 2999], [*times, times[-1]], strict=True):
        before = subscription.terms.price.amount_minor
        quoted = asked(subscription, plan(price), at)
        assert quoted.change is not None
        moved += quoted.due_now.amount_minor
        worth += expected(price, first, at) - expected(before, first, at)
        subscription = subscription.changed_to(quoted.change)
    assert moved - subscription.credit_minor == worth
    if len(steps) == 1:
        assert moved - subscription.credit_minor == 0, "up and down at once costs nothing"


@pytest.mark.spec("A-4")
@given(prices, shares)
def test_an_unused_part_is_never_more_than_the_price(price: int, share: Fraction) -> None:
    subscription = running(price)
    start, end = START, subscription.payment_at(1)
    amount = Money(price, Currency.USD)
    assert unused_minor(amount, start, end, start - timedelta(days=1)) == price
    assert unused_minor(amount, start, end, end + timedelta(days=1)) == 0
    assert 0 <= unused_minor(amount, start, end, within(subscription, share)) <= price


@pytest.mark.spec("A-4")
@given(prices, prices, periods, shares)
def test_in_an_initial_period_the_change_is_free_and_the_period_stays(
    old: int, new: int, period: Period, share: Fraction
) -> None:
    trialing = replace(running(old), state=State.TRIALING, period=0, payments_made=0)
    quoted = asked(trialing, plan(new, period), START - timedelta(days=3))
    assert (quoted.due_now.amount_minor, settled(quoted)) == (0, 0)
    assert quoted.next_charge_at == START
    assert quoted.next_charge.amount_minor == new


@pytest.mark.spec("A-4")
@given(prices, prices, periods, periods)
def test_the_next_rebill_moves_nothing_now_and_starts_the_new_period_then(
    old: int, new: int, before: Period, after: Period
) -> None:
    subscription = running(old, before)
    quoted = asked(subscription, plan(new, after), START + timedelta(days=2), When.NEXT_REBILL)
    assert (quoted.due_now.amount_minor, quoted.change) == (0, None)
    assert quoted.next_charge_at == subscription.period_at
    assert quoted.next_charge == Money(new, Currency.USD)
    renewing = replace(subscription, next_plan=quoted.plan).renewing()
    assert renewing.period_at == subscription.period_at
    following = renewing.paid(START, START.date(), None).period_at
    if before is after:
        assert following == subscription.payment_at(2)
    else:
        wall = subscription.anchor.plus(before.length)
        assert following == wall.plus(after.length).instant


@pytest.mark.spec("P-18", "A-4")
@given(prices, st.integers(-500, 10**9), st.integers(1, 500))
def test_credit_is_used_up_by_what_follows_and_never_below_nothing(
    price: int, credit: int, minimum: int
) -> None:
    subscription = running(price, credit_minor=credit)
    found = coming(subscription, minimum)
    charged, used = found.total, found.credit_minor
    assert charged.amount_minor == price - used
    assert 0 <= charged.amount_minor <= price + max(0, -credit)
    if price >= minimum:
        assert charged.amount_minor == 0 or charged.amount_minor >= minimum
    assert used <= max(credit, 0) if credit >= 0 else used == credit


@pytest.mark.spec("A-4")
@given(prices, prices, shares)
def test_a_token_stands_for_one_quote_alone(old: int, new: int, share: Fraction) -> None:
    subscription = running(old)
    at = within(subscription, share) + timedelta(microseconds=7)
    quoted = asked(subscription, plan(new), at)
    assert asked(subscription, plan(new), quoted_at(quoted.token, at)).token == quoted.token
    others = [
        asked(running(old, credit_minor=1), plan(new), at),
        asked(running(old, id="sub_2"), plan(new), at),
        asked(subscription, replace(plan(new), version=2), at),
        asked(subscription, plan(new), at, When.NEXT_REBILL),
        asked(subscription, plan(new, Period.YEARLY), at),
        asked(running(old, price_version=2), plan(new), at),
        asked(subscription, plan(new), at + timedelta(seconds=1)),
    ]
    assert quoted.token not in {other.token for other in others}


@pytest.mark.parametrize("age", [-1, 1 + QUOTE_LIFE.total_seconds()])
def test_a_token_of_the_future_or_of_the_past_is_not_charged(age: float) -> None:
    token = asked(running(2999), plan(4999), START).token
    with pytest.raises(Refused) as refused:
        quoted_at(token, START + timedelta(seconds=age))
    assert refused.value.code == "quote_changed"


@pytest.mark.parametrize("token", ["", ".", "x.y", "f" * 40, "-1.0", "zz.00"])
def test_what_is_no_token_is_not_charged(token: str) -> None:
    with pytest.raises(Refused):
        quoted_at(token, START)
