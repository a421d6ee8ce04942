"""Every date and amount of all four types, judged by an oracle that shares no code with them."""

# ruff: noqa: DTZ001 - a wall time has no zone: that stands beside it

import json
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from billing.kernel.catalog import (
    SET_MOST_A_YEAR,
    Cancellation,
    Cycle,
    Initial,
    PriceTerms,
    PriceType,
)
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Anchor, Period, Span, Unit, nth
from billing.kernel.schedule import (
    ChargeKind,
    ScheduledCharge,
    charges,
    ends_at,
    standard_anchor,
    standard_at,
)
from tests.kernel import make_golden as oracle
from tests.kernel.make_golden import GOLDEN

NEW_YORK = "America/New_York"
ZONES = st.sampled_from(
    [*oracle.ZONES, "America/St_Johns", "America/Sao_Paulo", "Europe/London", "Africa/Casablanca"]
)
WALLS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 12, 31, 23, 59, 59))
AMOUNTS = st.integers(1, 99_999_999)
PERIODS = st.sampled_from([*oracle.PERIODS])
CASES = json.loads(GOLDEN.read_text(encoding="utf-8"))

points = st.one_of(
    st.builds(oracle.one_time, AMOUNTS),
    st.builds(oracle.recurring, PERIODS, AMOUNTS),
    st.builds(oracle.installment, st.integers(2, 120), PERIODS, AMOUNTS),
    *(
        st.builds(
            oracle.recurring_installment,
            st.integers(2, most * years),
            st.just(period),
            st.just(f"{years}y"),
            AMOUNTS,
        )
        for period, most in (("1w", 52), ("2w", 26), ("1m", 12), ("2m", 6))
        for years in (1, 2)
    ),
)
initials = st.one_of(
    *(
        st.fixed_dictionaries(
            {
                "amount": st.integers(0, 99_999_999),
                "period": st.fixed_dictionaries({unit: st.integers(1, most)}),
            }
        )
        for unit, most in (("days", 3650), ("weeks", 521), ("months", 120), ("years", 10))
    )
)
points_with_initial = st.builds(
    lambda point, initial: point | {"initial": initial}, points, initials
)
any_points = points | points_with_initial


def terms_of(point: dict[str, Any]) -> PriceTerms:
    """The terms that a price point in CONTRACT.md's JSON stands for."""
    initial = None
    if "initial" in point:
        ((unit, count),) = point["initial"]["period"].items()
        initial = Initial(point["initial"]["amount"], Span(count, Unit(unit)))
    return PriceTerms(
        PriceType(point["type"]),
        Money(point["price"]["amount"], Currency(point["price"]["currency"])),
        Period(point["period"]) if "period" in point else None,
        point.get("installments"),
        Cycle(point["cycle"]) if "cycle" in point else None,
        initial,
        Cancellation.DELAYED,
    )


def local_dates(found: list[ScheduledCharge], zone: str) -> list[str]:
    return [Anchor.at(charge.at, zone).wall.date().isoformat() for charge in found]


def schedule(point: dict[str, Any], start: str, zone: str, count: int) -> list[ScheduledCharge]:
    anchor = Anchor(datetime.fromisoformat(start), zone)
    return list(islice(charges(terms_of(point), anchor), count))


# ---- The sources' worked examples and the specification's own


@pytest.mark.spec("P-10", "P-11")
def test_nothing_today_then_29_99_after_14_days_and_every_month() -> None:
    trial = oracle.with_initial(oracle.recurring("1m", 2999), 0, 14, "days")
    found = schedule(trial, "2026-01-05T09:30", NEW_YORK, 5)
    assert [(charge.n, str(charge.kind), charge.amount.amount_minor) for charge in found] == [
        (1, "initial", 0),
        (2, "standard", 2999),
        (3, "standard", 2999),
        (4, "standard", 2999),
        (5, "standard", 2999),
    ]
    assert [charge.at.isoformat() for charge in found] == [
        "2026-01-05T14:30:00+00:00",
        "2026-01-19T14:30:00+00:00",
        "2026-02-19T14:30:00+00:00",
        "2026-03-19T13:30:00+00:00",  # the local time stays, so the instant is an hour less
        "2026-04-19T13:30:00+00:00",
    ]


@pytest.mark.spec("P-6")
def test_four_of_99_every_two_weeks_is_exactly_four_charges() -> None:
    found = schedule(oracle.installment(4, "2w", 9900), "2026-01-05T09:30", NEW_YORK, 100)
    dates = ["2026-01-05", "2026-01-19", "2026-02-02", "2026-02-16"]
    assert local_dates(found, NEW_YORK) == dates
    assert {charge.amount for charge in found} == {Money(9900, Currency.USD)}


@pytest.mark.spec("P-7", "P-8")
def test_three_of_99_monthly_every_year_from_the_first_of_january() -> None:
    point = oracle.recurring_installment(3, "1m", "1y", 9900)
    found = schedule(point, "2026-01-01T09:30", NEW_YORK, 7)
    assert local_dates(found, NEW_YORK) == [
        *("2026-01-01", "2026-02-01", "2026-03-01"),
        *("2027-01-01", "2027-02-01", "2027-03-01"),
        "2028-01-01",
    ]
    assert {charge.amount.amount_minor for charge in found} == {9900}


@pytest.mark.spec("P-8")
def test_recurring_installments_from_a_leap_day_are_clamped_once() -> None:
    point = oracle.recurring_installment(3, "1m", "1y")
    found = schedule(point, "2024-02-29T12:00", NEW_YORK, 15)
    assert local_dates(found, NEW_YORK) == [
        *("2024-02-29", "2024-03-29", "2024-04-29"),
        *("2025-02-28", "2025-03-29", "2025-04-29"),
        *("2026-02-28", "2026-03-29", "2026-04-29"),
        *("2027-02-28", "2027-03-29", "2027-04-29"),
        *("2028-02-29", "2028-03-29", "2028-04-29"),
    ]


@pytest.mark.spec("P-8")
def test_weekly_recurring_installments_are_whole_weeks_from_the_first_date_of_their_cycle() -> None:
    point = oracle.recurring_installment(3, "2w", "1y")
    found = schedule(point, "2024-02-29T12:00", NEW_YORK, 6)
    assert local_dates(found, NEW_YORK) == [
        *("2024-02-29", "2024-03-14", "2024-03-28"),
        *("2025-02-28", "2025-03-14", "2025-03-28"),
    ]


@pytest.mark.spec("P-11")
def test_the_regular_cycle_is_anchored_at_the_end_of_the_initial_period() -> None:
    point = oracle.with_initial(oracle.recurring("1m"), 0, 1, "months")
    found = schedule(point, "2026-01-31T10:00", NEW_YORK, 4)
    dates = ["2026-01-31", "2026-02-28", "2026-03-28", "2026-04-28"]
    assert local_dates(found, NEW_YORK) == dates


@pytest.mark.spec("P-3")
def test_a_one_time_price_is_charged_once_at_checkout() -> None:
    (only,) = schedule(oracle.one_time(4900), "2026-01-31T10:00", "UTC", 9)
    assert only == ScheduledCharge(
        1, ChargeKind.STANDARD, datetime(2026, 1, 31, 10, tzinfo=UTC), Money(4900, Currency.USD)
    )


@pytest.mark.spec("P-4")
@pytest.mark.parametrize("amount", [0, 100])
def test_a_one_time_price_with_an_initial_amount_rebills_exactly_once(amount: int) -> None:
    point = oracle.with_initial(oracle.one_time(4900), amount, 1, "months")
    found = schedule(point, "2026-01-31T10:00", "UTC", 9)
    assert [(str(charge.kind), charge.amount.amount_minor) for charge in found] == [
        ("initial", amount),
        ("standard", 4900),
    ]
    assert found[1].at == datetime(2026, 2, 28, 10, tzinfo=UTC)


@pytest.mark.spec("P-10")
def test_an_initial_payment_is_in_addition_to_the_installments() -> None:
    point = oracle.with_initial(oracle.installment(4, "1m"), 100, 1, "weeks")
    assert len(schedule(point, "2026-01-31T10:00", "UTC", 99)) == 5


@pytest.mark.spec("P-13")
def test_an_initial_period_that_ends_in_a_gap_leaves_the_cycle_at_its_own_time() -> None:
    point = oracle.with_initial(oracle.recurring("1m"), 0, 1, "weeks")
    found = schedule(point, "2026-03-01T02:30", NEW_YORK, 3)
    shown = [Anchor.at(charge.at, NEW_YORK).wall for charge in found]
    assert shown == [
        datetime(2026, 3, 1, 2, 30),
        datetime(2026, 3, 8, 3, 30),
        datetime(2026, 4, 8, 2, 30),
    ]


# ---- The golden cases


def test_there_are_more_than_two_hundred_golden_cases_that_ask_for_everything() -> None:
    assert len(CASES) >= 200
    assert {case["price_point"]["type"] for case in CASES} == {str(kind) for kind in PriceType}
    asked = {case["price_point"].get("period") for case in CASES}
    assert asked == {None, *(str(period) for period in Period)}
    units = {u for case in CASES for u in case["price_point"].get("initial", {}).get("period", ())}
    assert units == {str(unit) for unit in Unit}


@pytest.mark.spec("P-19")
@pytest.mark.parametrize("case", CASES, ids=[str(number) for number in range(len(CASES))])
def test_a_schedule_is_the_golden_one(case: dict[str, Any]) -> None:
    found = schedule(case["price_point"], case["start"], case["time_zone"], case["count"])
    assert [
        f"{charge.kind} {as_text(charge.at)} {date} {charge.amount.amount_minor}"
        for charge, date in zip(found, local_dates(found, case["time_zone"]), strict=True)
    ] == case["charges"]
    assert [charge.n for charge in found] == list(range(1, len(found) + 1))
    start = Anchor(datetime.fromisoformat(case["start"]), case["time_zone"])
    end = ends_at(terms_of(case["price_point"]), start)
    assert (None if end is None else as_text(end)) == case["ends"]


def as_text(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


# ---- Any price point, any start, any zone


@pytest.mark.spec("P-3", "P-4", "P-5", "P-6", "P-7", "P-8", "P-10", "P-11", "P-12", "P-13")
@given(any_points, WALLS, ZONES, st.integers(1, 60))
def test_any_schedule_is_the_one_of_the_oracle(
    point: dict[str, Any], wall: datetime, zone: str, count: int
) -> None:
    terms, start = terms_of(point), Anchor(wall, zone)
    expected = list(islice(oracle.charges(point, wall, zone), count))
    found = list(islice(charges(terms, start), count))
    assert [
        oracle.Expected(
            str(charge.kind),
            charge.at,
            Anchor.at(charge.at, zone).wall.date(),
            charge.amount.amount_minor,
        )
        for charge in found
    ] == expected
    assert [charge.n for charge in found] == list(range(1, len(found) + 1))
    assert {charge.amount.currency for charge in found} == {Currency.USD}


@pytest.mark.spec("P-6")
@given(any_points, WALLS, ZONES)
def test_what_completes_ends_with_its_last_charge(
    point: dict[str, Any], wall: datetime, zone: str
) -> None:
    terms, start = terms_of(point), Anchor(wall, zone)
    assert ends_at(terms, start) == oracle.ends(point, wall, zone)
    if terms.standard_payments is not None:
        found = list(charges(terms, start))
        assert len(found) == terms.standard_payments + (terms.initial is not None)
        assert ends_at(terms, start) == found[-1].at


@pytest.mark.spec("P-5", "P-7")
@given(any_points, WALLS, ZONES)
def test_charges_come_one_after_the_other(point: dict[str, Any], utc: datetime, zone: str) -> None:
    # From a purchase, that is from an instant: a wall time that never was is nobody's.
    start = Anchor.at(utc.replace(tzinfo=UTC), zone)
    found = list(islice(charges(terms_of(point), start), 150))
    for earlier, later in pairwise(found):
        assert earlier.at < later.at
    assert all(charge.kind is ChargeKind.STANDARD for charge in found[1:])
    assert (found[0].kind is ChargeKind.INITIAL) is ("initial" in point)


@pytest.mark.spec("P-9")
@given(
    st.sampled_from([*SET_MOST_A_YEAR]),
    st.sampled_from(Cycle),
    WALLS,
    ZONES,
    st.integers(0, 30),
)
@example(Period.WEEKLY, Cycle.YEARLY, datetime(2023, 2, 28), "UTC", 0)
@example(Period.WEEKLY, Cycle.YEARLY, datetime(2024, 2, 29), "UTC", 0)
@example(Period.MONTHLY, Cycle.EVERY_2_YEARS, datetime(2024, 2, 29), "UTC", 1)
@example(Period.EVERY_2_MONTHS, Cycle.YEARLY, datetime(2026, 12, 31), "Asia/Beirut", 1)
def test_at_the_bound_all_payments_of_a_set_fall_before_the_next_cycle(
    period: Period, cycle: Cycle, wall: datetime, zone: str, number: int
) -> None:
    most = SET_MOST_A_YEAR[period] * cycle.years
    terms = PriceTerms(PriceType.RECURRING_INSTALLMENT, Money(1, Currency.USD), period, most, cycle)
    anchor = Anchor(wall, zone)
    last_of_set = standard_at(terms, anchor, (number + 1) * most - 1)
    next_cycle = standard_at(terms, anchor, (number + 1) * most)
    assert next_cycle == nth(anchor, Period(cycle.value), number + 1)
    assert last_of_set < next_cycle
    # And the bound is tight: one payment more would fall on the next cycle's first day or a day
    # or two before it, too close to be a period of its own.
    one_more = anchor.plus(cycle.length, number).plus(period.length, most).instant
    assert one_more > next_cycle - timedelta(days=6)


@pytest.mark.spec("P-19")
@given(any_points, WALLS, ZONES, st.integers(0, 119))
def test_a_later_payment_is_found_without_the_ones_before_it(
    point: dict[str, Any], wall: datetime, zone: str, k: int
) -> None:
    terms, start = terms_of(point), Anchor(wall, zone)
    if terms.standard_payments is not None:
        k = min(k, terms.standard_payments - 1)
    entry = k + (terms.initial is not None)
    expected = next(islice(charges(terms, start), entry, None))
    assert standard_at(terms, standard_anchor(terms, start), k) == expected.at


@pytest.mark.spec("P-19")
@pytest.mark.parametrize("period", Period)
def test_five_hundred_charges_from_the_last_day_of_2100_can_be_listed(period: Period) -> None:
    terms = terms_of(oracle.with_initial(oracle.recurring(period.value), 0, 10, "years"))
    start = Anchor(datetime(2100, 12, 31, 23, 59, 59), "Pacific/Pago_Pago")
    found = list(islice(charges(terms, start), 500))
    assert len(found) == 500
