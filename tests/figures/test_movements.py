"""Recurring revenue and its movements, beside an oracle that shares no code (M-10)."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.figures.monthly import Standing, monthly_minor, outstanding_minor, standing_of
from billing.figures.movements import (
    OF_MRR,
    CustomerFigures,
    CustomerStep,
    Movement,
    MovementKind,
    changed,
)
from billing.kernel.catalog import Cycle, PriceTerms, PriceType, TaxBehavior
from billing.kernel.discounts import Discount
from billing.kernel.periods import Anchor, Period
from billing.kernel.subscription import Source, Subscription
from billing.kernel.values import replace
from sim import figures_oracle as oracle
from tests.depth import examples
from tests.figures.lives import BEGIN, Happened, bought, discounts, dollars, lives, paid, terms

ZONE = "America/New_York"
PPM = 190_000

MONTHLY = PriceTerms(PriceType.RECURRING, dollars(1_000), Period.MONTHLY)


def told(written: list[Happened], ppm: int = PPM) -> tuple[CustomerFigures, list[Movement]]:
    """Returns a customer's figures, and all movements, after what was written."""
    figures, found = CustomerFigures("mer_1", "cus_1"), list[Movement]()
    for number, (at, each) in enumerate(written):
        standing = standing_of(each, figures.standing(each.id), country="US", ppm=ppm)
        ended = not each.is_live
        happened = min(each.ends_at, at) if ended and each.ends_at else at
        day = Anchor.at(happened, ZONE).wall.date()
        figures, moved = changed(
            figures, standing, ended=ended, day=day, at=happened, cause=f"{number:04d}"
        )
        found += moved
    return figures, found


def kinds_of(movements: list[Movement]) -> list[tuple[str, int]]:
    return [(each.kind.value, each.minor) for each in movements]


@pytest.mark.spec("M-10")
@settings(max_examples=examples(1_000))
@given(terms(), discounts, st.integers(0, 300_000))
def test_a_monthly_value_is_the_exact_fraction_rounded_half_up_once(
    found: PriceTerms, discount: Discount | None, ppm: int
) -> None:
    assert monthly_minor(found, discount, ppm) == oracle.a_month(found, discount, ppm)


@pytest.mark.spec("M-10")
@pytest.mark.parametrize(
    ("found", "minor"),
    [
        (replace(MONTHLY, period=Period.WEEKLY), 4_333),
        (replace(MONTHLY, period=Period.EVERY_2_WEEKS), 2_167),
        (replace(MONTHLY, period=Period.YEARLY), 83),
        (replace(MONTHLY, period=Period.EVERY_2_YEARS), 42),
        (
            PriceTerms(
                PriceType.RECURRING_INSTALLMENT, dollars(1_000), Period.MONTHLY, 3, Cycle.YEARLY
            ),
            250,
        ),
        (
            PriceTerms(
                PriceType.RECURRING_INSTALLMENT,
                dollars(1_000),
                Period.MONTHLY,
                3,
                Cycle.EVERY_2_YEARS,
            ),
            125,
        ),
        (PriceTerms(PriceType.INSTALLMENT, dollars(1_000), Period.MONTHLY, 3), 0),
        (PriceTerms(PriceType.ONE_TIME, dollars(1_000)), 0),
    ],
)
def test_a_month_has_52_weeks_in_12_and_counts_a_set_of_installments_by_its_cycle(
    found: PriceTerms, minor: int
) -> None:
    assert monthly_minor(found, None, 0) == minor


@pytest.mark.spec("M-10")
def test_a_price_with_tax_in_it_counts_without_that_tax() -> None:
    assert monthly_minor(replace(MONTHLY, tax=TaxBehavior.INCLUSIVE), None, PPM) == 840
    assert monthly_minor(MONTHLY, None, PPM) == 1_000


@pytest.mark.spec("M-10")
def test_only_a_coupon_for_ever_lowers_recurring_revenue() -> None:
    for_ever = Discount("A", basis_points=2_500)
    assert monthly_minor(MONTHLY, for_ever, 0) == 750
    assert monthly_minor(MONTHLY, replace(for_ever, charges_left=3), 0) == 1_000


@pytest.mark.spec("M-10")
def test_a_contract_of_installments_is_outstanding_and_not_recurring() -> None:
    found = PriceTerms(PriceType.INSTALLMENT, dollars(1_000), Period.MONTHLY, 3)
    held = bought("sub_1", found, None, BEGIN)
    assert outstanding_minor(held, 0) == 2_000
    _, moved = told([Happened(BEGIN, held)])
    assert moved == []
    done = paid(paid(held, BEGIN), BEGIN)
    assert outstanding_minor(done, 0) == 0
    assert kinds_of(told([Happened(BEGIN, held), Happened(BEGIN, done)])[1]) == []


@pytest.mark.spec("M-10")
@settings(max_examples=examples(600), deadline=None)
@given(lives())
def test_start_plus_movements_is_the_end_for_each_day_product_and_kind(
    written: list[Happened],
) -> None:
    figures, moved = told(written)
    expected = oracle.expected([(*each, PPM) for each in written], ZoneInfo(ZONE), {})
    mrr: Counter[tuple[date, str]] = Counter()
    kinds: Counter[tuple[date, str]] = Counter()
    steps: Counter[tuple[date, str]] = Counter()
    for each in moved:
        if each.kind in OF_MRR:
            mrr[each.day, each.product] += each.minor
        if each.kind is not MovementKind.MOVED:
            kinds[each.day, each.kind.value] += each.minor
        if each.step is not None:
            steps[each.day, each.step.value] += each.customers
    assert without_zeros(mrr) == without_zeros(expected.mrr)
    assert without_zeros(kinds) == without_zeros(expected.kinds)
    assert without_zeros(steps) == without_zeros(expected.steps)
    assert sum(e.minor for e in moved if e.kind is MovementKind.MOVED) == 0
    assert sum(e.minor for e in moved if e.kind in OF_MRR) == sum(
        s.minor for s in figures.standings
    )


def without_zeros(counted: Counter[tuple[date, str]]) -> dict[tuple[date, str], int]:
    return {key: number for key, number in counted.items() if number}


@pytest.mark.spec("M-10")
@settings(max_examples=examples(300), deadline=None)
@given(lives())
def test_a_change_told_twice_moves_nothing_the_second_time(written: list[Happened]) -> None:
    twice = [each for each in written for _ in range(2)]
    assert kinds_of(told(written)[1]) == kinds_of(told(twice)[1])


# ---- Decided cases


def at(day: int) -> datetime:
    return BEGIN + timedelta(days=day)


def held(name: str = "sub_1", minor: int = 1_000) -> Subscription:
    return bought(name, replace(MONTHLY, price=dollars(minor)), None, BEGIN)


@pytest.mark.spec("M-10")
def test_a_second_subscription_is_expansion_and_losing_one_of_two_contraction() -> None:
    one, two = held(), held("sub_2", 500)
    _, moved = told(
        [
            Happened(at(0), one),
            Happened(at(1), two),
            Happened(at(2), two.cancelled(at(2), Source.CUSTOMER)),
            Happened(at(3), one.cancelled(at(3), Source.CUSTOMER)),
            Happened(at(4), held("sub_3", 700)),
        ]
    )
    assert kinds_of(moved) == [
        ("new", 1_000),
        ("expansion", 500),
        ("contraction", -500),
        ("churn", -1_000),
        ("reactivation", 700),
    ]
    assert [e.step for e in moved] == [
        CustomerStep.NEW,
        None,
        None,
        CustomerStep.ENDED,
        CustomerStep.RETURNED,
    ]


@pytest.mark.spec("M-10")
def test_retries_used_up_are_churn_and_the_payment_after_all_is_reactivation() -> None:
    failed = replace(held(), open_invoice="x").declined(at(30), at(30)).unpaid()
    asked = failed.asked_to_pay(at(40))
    _, moved = told(
        [
            Happened(at(0), held()),
            Happened(at(31), failed),
            Happened(at(40), asked),
            Happened(at(41), paid(asked, at(41))),
        ]
    )
    assert kinds_of(moved) == [("new", 1_000), ("churn", -1_000), ("reactivation", 1_000)]


@pytest.mark.spec("M-10", "H-4")
def test_nobody_ends_before_the_day_on_which_they_came() -> None:
    """A request to cancel from before the first payment is granted after it, as of then."""
    ended = held().cancelled(at(0), Source.CUSTOMER)
    _, moved = told([Happened(at(1), held()), Happened(at(2), ended)])
    assert [(each.kind.value, each.day) for each in moved] == [
        ("new", at(1).date()),
        ("churn", at(1).date()),
    ]


@pytest.mark.spec("M-10")
def test_of_start_marks_customers_who_were_live_when_the_month_began() -> None:
    one = held()
    ended = one.cancelled(at(40), Source.CUSTOMER)
    _, moved = told([Happened(at(0), one), Happened(at(40), ended)])
    assert [(e.kind.value, e.of_start, e.first_end) for e in moved] == [
        ("new", False, False),
        ("churn", True, True),
    ]
    _, moved = told([Happened(at(0), one), Happened(at(5), one.cancelled(at(5), Source.CUSTOMER))])
    assert [e.of_start for e in moved] == [False, False]


@pytest.mark.spec("M-10")
def test_an_imported_subscription_is_imported_and_not_new() -> None:
    standing = Standing("sub_1", "gold", dollars(1).currency, "US", minor=900)
    _, moved = changed(
        CustomerFigures("mer_1", "cus_1"),
        standing,
        ended=False,
        day=date(2026, 1, 1),
        at=BEGIN,
        cause="1",
        imported=True,
    )
    assert kinds_of(list(moved)) == [("imported", 900)]
    assert moved[0].step is CustomerStep.IMPORTED
