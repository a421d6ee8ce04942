"""Validity of price points: each bound just inside and just outside, and every mixture."""

from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.catalog import (
    INITIAL_MOST,
    SET_MOST_A_YEAR,
    Cancellation,
    Cycle,
    Initial,
    PriceTerms,
    PriceType,
    Product,
    check_gateways,
)
from billing.kernel.errors import Invalid
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Anchor, Period, Span, Unit
from billing.kernel.schedule import charges, ends_at
from billing.kernel.values import replace

MOST = 99_999_999
NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)
ANCHOR = Anchor(datetime.fromisoformat("2024-02-29T10:00"), "America/New_York")
USD = Currency.USD
VALID: dict[PriceType, dict[str, Any]] = {
    PriceType.ONE_TIME: {},
    PriceType.RECURRING: {"period": Period.MONTHLY},
    PriceType.INSTALLMENT: {"period": Period.EVERY_2_WEEKS, "installments": 4},
    PriceType.RECURRING_INSTALLMENT: {
        "period": Period.MONTHLY,
        "installments": 3,
        "cycle": Cycle.YEARLY,
    },
}


def terms(kind: PriceType, amount: int = 2999, **fields: Any) -> PriceTerms:
    return PriceTerms(kind, Money(amount, USD), **(VALID[kind] | fields))


def wrong_field(kind: PriceType, amount: int = 2999, **fields: Any) -> str:
    with pytest.raises(Invalid) as caught:
        terms(kind, amount, **fields)
    assert caught.value.reason
    assert caught.value.code == "invalid"
    return caught.value.field


def initial(amount: int, count: int, unit: Unit) -> Initial:
    return Initial(amount, Span(count, unit))


@pytest.mark.spec("P-2")
def test_there_are_exactly_four_types() -> None:
    agreed = ["one_time", "recurring", "installment", "recurring_installment"]
    assert [str(kind) for kind in PriceType] == agreed
    assert all(terms(kind).type is kind for kind in PriceType)


@pytest.mark.spec("P-18")
@pytest.mark.parametrize("kind", PriceType)
def test_a_price_is_one_minor_unit_or_more(kind: PriceType) -> None:
    assert terms(kind, 1).price == Money(1, USD)
    assert terms(kind, MOST).price == Money(MOST, USD)
    for amount in (0, -1, MOST + 1, 10**30):
        assert wrong_field(kind, amount) == "price.amount"


@pytest.mark.spec("P-5", "P-6", "P-7")
@pytest.mark.parametrize("kind", PriceType)
@pytest.mark.parametrize("name", ["period", "installments", "cycle"])
def test_a_field_is_there_exactly_where_the_type_needs_it(kind: PriceType, name: str) -> None:
    if name in VALID[kind]:
        assert wrong_field(kind, **{name: None}) == name
    else:
        given_value = VALID[PriceType.RECURRING_INSTALLMENT][name]
        assert wrong_field(kind, **{name: given_value}) == name


@pytest.mark.spec("P-6")
@pytest.mark.parametrize("period", Period)
def test_installments_are_2_to_120_with_any_of_the_eight_recurrences(period: Period) -> None:
    kind = PriceType.INSTALLMENT
    for n in (2, 120):
        assert terms(kind, period=period, installments=n).standard_payments == n
    for n in (-1, 0, 1, 121, 10**30):
        assert wrong_field(kind, period=period, installments=n) == "installments"


@pytest.mark.spec("P-7", "P-9")
@pytest.mark.parametrize(
    ("period", "cycle", "most"),
    [
        ("1w", "1y", 52),
        ("2w", "1y", 26),
        ("1m", "1y", 12),
        ("2m", "1y", 6),
        ("1w", "2y", 104),
        ("2w", "2y", 52),
        ("1m", "2y", 24),
        ("2m", "2y", 12),
    ],
)
def test_a_set_has_no_more_payments_than_fall_before_the_next_cycle(
    period: str, cycle: str, most: int
) -> None:
    kind, fields = (
        PriceType.RECURRING_INSTALLMENT,
        {"period": Period(period), "cycle": Cycle(cycle)},
    )
    for n in (2, most):
        assert terms(kind, installments=n, **fields).installments == n
    for n in (-1, 0, 1, most + 1, 10**30):
        assert wrong_field(kind, installments=n, **fields) == "installments"
    with pytest.raises(Invalid, match="installments_beyond_cycle") as beyond:
        terms(kind, installments=most + 1, **fields)
    assert beyond.value.parameters == {"most": most, "period": period}


@pytest.mark.spec("P-7")
@pytest.mark.parametrize("period", ["3m", "6m", "1y", "2y"])
@pytest.mark.parametrize("cycle", Cycle)
def test_a_set_is_paid_weekly_two_weekly_monthly_or_two_monthly_only(
    period: str, cycle: Cycle
) -> None:
    found = wrong_field(PriceType.RECURRING_INSTALLMENT, period=Period(period), cycle=cycle)
    assert found == "period"


@pytest.mark.spec("P-7")
def test_cycles_are_of_one_or_two_years() -> None:
    assert [(str(cycle), cycle.length) for cycle in Cycle] == [
        ("1y", Span(1, Unit.YEAR)),
        ("2y", Span(2, Unit.YEAR)),
    ]


@pytest.mark.spec("P-10")
@pytest.mark.parametrize("kind", PriceType)
@pytest.mark.parametrize(
    ("unit", "most"),
    [(Unit.DAY, 3650), (Unit.WEEK, 521), (Unit.MONTH, 120), (Unit.YEAR, 10)],
)
def test_an_initial_period_is_bounded_with_all_four_types(
    kind: PriceType, unit: Unit, most: int
) -> None:
    for count in (1, most):
        assert terms(kind, initial=initial(0, count, unit)).initial == initial(0, count, unit)
    for count in (-1, 0, most + 1, 10**30):
        assert wrong_field(kind, initial=initial(0, count, unit)) == f"initial.period.{unit}"


@pytest.mark.spec("P-10", "P-18")
@pytest.mark.parametrize("kind", PriceType)
def test_an_initial_amount_may_be_nothing(kind: PriceType) -> None:
    for amount in (0, 1, MOST):
        found = terms(kind, initial=initial(amount, 1, Unit.MONTH))
        assert found.due_today == Money(amount, USD)
    for amount in (-1, MOST + 1):
        assert wrong_field(kind, initial=initial(amount, 1, Unit.MONTH)) == "initial.amount"


@pytest.mark.spec("P-3", "P-4")
def test_everything_rebills_but_a_plain_one_time_price() -> None:
    start = initial(0, 1, Unit.DAY)
    assert not terms(PriceType.ONE_TIME).rebills
    assert terms(PriceType.ONE_TIME, initial=start).rebills
    for kind in set(PriceType) - {PriceType.ONE_TIME}:
        assert terms(kind).rebills
        assert terms(kind, initial=start).rebills


@pytest.mark.spec("P-3", "P-5", "P-6", "P-7")
def test_one_time_prices_and_installments_complete_and_the_others_run_on() -> None:
    payments = {kind: terms(kind).standard_payments for kind in PriceType}
    assert payments == {
        PriceType.ONE_TIME: 1,
        PriceType.RECURRING: None,
        PriceType.INSTALLMENT: 4,
        PriceType.RECURRING_INSTALLMENT: None,
    }


@pytest.mark.spec("P-15")
def test_cancellation_is_instant_unless_delayed_is_on() -> None:
    assert terms(PriceType.RECURRING).cancellation is Cancellation.INSTANT
    for kind in PriceType:  # accepted, and without effect, where nothing rebills
        assert terms(kind, cancellation=Cancellation.DELAYED).cancellation is Cancellation.DELAYED


NUMBERS = st.one_of(
    st.integers(-2, 130), st.sampled_from([520, 521, 522, 3650, 3651, 10**9]), st.integers()
)


@pytest.mark.spec("P-2", "P-9", "P-18")
@given(
    kind=st.sampled_from(PriceType),
    amount=st.one_of(st.integers(-1, 2), st.integers(MOST - 1, MOST + 1), st.integers()),
    currency=st.sampled_from(Currency),
    period=st.none() | st.sampled_from(Period),
    installments=st.none() | NUMBERS,
    cycle=st.none() | st.sampled_from(Cycle),
    start=st.none() | st.builds(Initial, NUMBERS, st.builds(Span, NUMBERS, st.sampled_from(Unit))),
    cancellation=st.sampled_from(Cancellation),
)
def test_any_mixture_of_fields_is_invalid_or_has_a_schedule(
    kind: PriceType,
    amount: int,
    currency: Currency,
    period: Period | None,
    installments: int | None,
    cycle: Cycle | None,
    start: Initial | None,
    cancellation: Cancellation,
) -> None:
    price = Money(amount, currency)
    refused: Invalid | None = None
    try:
        found = PriceTerms(kind, price, period, installments, cycle, start, cancellation)
    except Invalid as error:
        refused = error
    if refused is None:
        _has_a_schedule(found)
    else:
        named = refused.field.split(".")[0]
        assert named in {"price", "period", "installments", "cycle", "initial"}
        assert refused.reason


@pytest.mark.spec("P-2", "P-9", "P-10")
@given(
    st.sampled_from(PriceType),
    st.sampled_from(Period),
    st.integers(1, 121),
    st.sampled_from(Cycle),
    st.none()
    | st.builds(initial, st.integers(0, MOST), st.integers(1, 3650), st.sampled_from(Unit)),
)
def test_what_is_nearly_valid_is_invalid_or_has_a_schedule(
    kind: PriceType, period: Period, installments: int, cycle: Cycle, start: Initial | None
) -> None:
    values = {"period": period, "installments": installments, "cycle": cycle}
    fields = {name: values[name] for name in VALID[kind]}
    in_bounds = start is None or start.length.count <= INITIAL_MOST[start.length.unit]
    if kind is PriceType.INSTALLMENT:
        in_bounds = in_bounds and 2 <= installments <= 120
    if kind is PriceType.RECURRING_INSTALLMENT:
        most = SET_MOST_A_YEAR.get(period, 0) * cycle.years
        in_bounds = in_bounds and 2 <= installments <= most
    if in_bounds:
        _has_a_schedule(terms(kind, initial=start, **fields))
    else:
        with pytest.raises(Invalid):
            terms(kind, initial=start, **fields)


def _has_a_schedule(found: PriceTerms) -> None:
    entries = list(islice(charges(found, ANCHOR), 130))
    total = found.standard_payments
    assert len(entries) == (130 if total is None else total + (found.initial is not None))
    assert (ends_at(found, ANCHOR) is None) is (total is None)
    assert all(earlier.at < later.at for earlier, later in pairwise(entries))
    assert entries[0].amount == found.due_today


# ---- Products


def product(*price_points: str, default: str | None = None) -> Product:
    return Product(
        id="prod_1",
        merchant="mer_1",
        name="Gold",
        created_at=NOW,
        gateways=("sandbox",),
        grants=("prod_1",),
        price_points=price_points,
        default_price_point=default or price_points[0],
    )


@pytest.mark.spec("P-14")
def test_a_product_always_has_exactly_one_default() -> None:
    for wrong in ("c", ""):
        with pytest.raises(AssertionError):
            replace(product("a", "b"), default_price_point=wrong)
    with pytest.raises(AssertionError):
        replace(product("a"), price_points=())


@pytest.mark.spec("P-14")
def test_a_further_price_point_leaves_the_default_where_it_is() -> None:
    found = product("a").with_price_point("b")
    assert (found.price_points, found.default_price_point) == (("a", "b"), "a")


@pytest.mark.spec("P-14")
def test_the_default_can_be_changed_to_another_of_its_price_points_only() -> None:
    found = product("a", "b", "c").with_default("b")
    assert (found.price_points, found.default_price_point) == (("a", "b", "c"), "b")
    with pytest.raises(Invalid) as caught:
        found.with_default("z")
    assert caught.value.field == "default"


@pytest.mark.spec("P-14")
def test_removing_the_default_moves_it_and_removing_another_does_not() -> None:
    three = product("a", "b", "c", default="b")
    found = three.without_price_point("b")
    assert (found.price_points, found.default_price_point) == (("a", "c"), "a")
    assert three.without_price_point("c").default_price_point == "b"
    assert three.without_price_point("z") == three
    with pytest.raises(Invalid) as caught:
        product("a").without_price_point("a")
    assert caught.value.field == "price_points"


@pytest.mark.spec("P-14")
@given(st.lists(st.tuples(st.sampled_from(["add", "move", "remove"]), st.sampled_from("abcde"))))
def test_whatever_is_done_to_a_product_one_of_its_price_points_is_the_default(
    steps: list[tuple[str, str]],
) -> None:
    found = product("a")
    for step, name in steps:
        if step == "add" and name in found.price_points:
            continue
        act = {
            "add": found.with_price_point,
            "move": found.with_default,
            "remove": found.without_price_point,
        }[step]
        with suppress(Invalid):
            found = act(name)
        assert found.price_points.count(found.default_price_point) == 1


@pytest.mark.spec("P-17")
def test_paypal_is_refused_on_a_product_with_recurring_installments() -> None:
    cannot = {"paypal": {PriceType.RECURRING_INSTALLMENT}}
    types = {PriceType.RECURRING, PriceType.RECURRING_INSTALLMENT}
    with pytest.raises(Invalid, match="gateway_lacks_type") as caught:
        check_gateways(("sandbox", "paypal"), types, cannot)
    assert caught.value.field == "gateways"
    assert caught.value.parameters == {"gateway": "paypal", "type": "recurring installment"}


@pytest.mark.spec("P-17")
def test_a_gateway_is_fine_for_all_that_it_can_charge() -> None:
    cannot = {"paypal": {PriceType.RECURRING_INSTALLMENT}, "stripe": set[PriceType]()}
    can = set(PriceType) - {PriceType.RECURRING_INSTALLMENT}
    check_gateways(("paypal", "stripe"), can, cannot)
    check_gateways(("stripe", "sandbox"), set(PriceType), cannot)
    check_gateways(("paypal",), set(), cannot)
    check_gateways((), set(PriceType), cannot)


@pytest.mark.spec("P-17")
@given(
    st.lists(st.sampled_from(["paypal", "stripe", "sandbox"]), unique=True),
    st.sets(st.sampled_from(PriceType)),
    st.dictionaries(st.sampled_from(["paypal", "stripe"]), st.sets(st.sampled_from(PriceType))),
)
def test_gateways_are_refused_exactly_when_one_of_them_cannot(
    gateways: list[str], types: set[PriceType], cannot: dict[str, set[PriceType]]
) -> None:
    if any(cannot.get(gateway, set()) & types for gateway in gateways):
        with pytest.raises(Invalid):
            check_gateways(tuple(gateways), types, cannot)
    else:
        check_gateways(tuple(gateways), types, cannot)
