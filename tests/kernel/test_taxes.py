"""Taxes on an invoice, against published rates and an oracle of decimal fractions (C-7, C-10)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.invoices import InvoiceLine, LineTax
from billing.kernel.money import Currency, Money
from billing.kernel.taxes import UNTAXED, Taxable, Taxation, TaxRate, returned, spread, taxed

USD, EUR = Currency.USD, Currency.EUR


def line(amount_minor: int, kind: str = "charge", currency: Currency = USD) -> InvoiceLine:
    return InvoiceLine(kind, "Gold", Money(amount_minor, currency))


def rates(*named: tuple[str, str, int]) -> Taxation:
    return Taxation(tuple(TaxRate(*each) for each in named))


def amounts(lines: tuple[InvoiceLine, ...]) -> list[tuple[str, int]]:
    return [(each.text, each.amount.amount_minor) for each in lines]


CALIFORNIA = ("US-CA", "California", 60_000)
LOS_ANGELES = ("US-CA", "Los Angeles County", 2_500)
MEASURE = ("US-CA", "Los Angeles district", 22_500)


@pytest.mark.spec("C-7", "C-10")
@pytest.mark.parametrize(
    ("price", "named", "taxes"),
    [
        # Los Angeles: 6 % state, 0.25 % county, 2.25 % district (CDTFA, sales and use tax rates)
        (10000, (CALIFORNIA, LOS_ANGELES, MEASURE), [600, 25, 225]),
        # each jurisdiction rounds its own half cent up: 0.25 % of 2.00 is half a cent
        (200, (LOS_ANGELES,), [1]),
        (199, (LOS_ANGELES,), [0]),
        # 8.875 % of New York City, as one rate: 29.99 x 0.08875 = 2.6616125
        (2999, (("US-NY", "New York City", 88_750),), [266]),
        # Switzerland 8.1 %: 10.00 x 0.081 = 0.81
        (1000, (("CH", "VAT", 81_000),), [81]),
        (0, (CALIFORNIA, LOS_ANGELES), [0, 0]),
    ],
)
def test_each_rate_on_top_is_rounded_once(
    price: int, named: tuple[tuple[str, str, int], ...], taxes: list[int]
) -> None:
    made, total = taxed([Taxable(line(price), rates(*named))])
    assert [each.amount.amount_minor for each in made if each.is_tax] == taxes
    assert total == Money(price + sum(taxes), USD)
    assert all(each.tax is not None and each.tax.taxable_minor == price for each in made[1:])


@pytest.mark.spec("C-7", "C-10")
@pytest.mark.parametrize(
    ("gross", "ppm", "net", "tax"),
    [
        (11900, 190_000, 10000, 1900),  # Germany
        (2999, 190_000, 2520, 479),  # 29.99 x 19/119 = 4.788...
        (2999, 200_000, 2499, 500),  # Austria, France: 4.99833...
        (2999, 210_000, 2479, 520),  # Belgium, Spain: 5.20487...
        (2999, 270_000, 2361, 638),  # Hungary: 6.37583...
        (999, 255_000, 796, 203),  # Finland: 2.02984...
    ],
)
def test_a_price_that_includes_vat_is_its_net_and_its_tax(
    gross: int, ppm: int, net: int, tax: int
) -> None:
    made, total = taxed([Taxable(line(gross, currency=EUR), rates(("DE", "VAT", ppm)), True)])
    assert amounts(made) == [("Gold", net), ("VAT", tax)]
    assert made[1].tax == LineTax(ppm, net, included=True)
    assert total == Money(gross, EUR)


@pytest.mark.spec("C-10")
def test_the_tax_of_all_rates_is_taken_once_out_of_a_price_and_shared_to_the_cent() -> None:
    stacked = rates(("CA-QC", "GST", 50_000), ("CA-QC", "QST", 99_750))
    made, total = taxed([Taxable(line(10000, currency=Currency.CAD), stacked, True)])
    # 100.00 x 0.14975 / 1.14975 = 13.0245... and 5 : 9.975 of it is 4.349 : 8.676
    assert amounts(made) == [("Gold", 8698), ("GST", 435), ("QST", 867)]
    assert total.amount_minor == 10000


@pytest.mark.spec("C-7", "C-10")
def test_reverse_charge_is_a_line_of_nothing_that_says_so() -> None:
    owed = Taxation(reverse_charge=TaxRate("FR", "VAT", 0))
    made, total = taxed([Taxable(line(10000, currency=EUR), owed)])
    assert made[1] == InvoiceLine(
        "FR", "VAT", Money(0, EUR), LineTax(0, 10000, reverse_charge=True)
    )
    assert total == Money(10000, EUR)


@pytest.mark.spec("C-10")
def test_unused_time_takes_off_the_tax_that_it_was_paid_with() -> None:
    now, before = rates(("HU", "VAT", 270_000)), rates(("DE", "VAT", 190_000))
    made, total = taxed(
        [Taxable(line(10000, currency=EUR), now), Taxable(line(-4000, "unused", EUR), before)]
    )
    assert amounts(made) == [("Gold", 10000), ("Gold", -4000), ("VAT", 2700), ("VAT", -760)]
    assert total == Money(10000 + 2700 - 4000 - 760, EUR)


@pytest.mark.spec("C-10")
def test_lines_of_one_rate_are_taxed_together() -> None:
    german = rates(("DE", "VAT", 190_000))
    made, _ = taxed([Taxable(line(10003), german), Taxable(line(-5001, "unused"), german)])
    assert amounts(made) == [("Gold", 10003), ("Gold", -5001), ("VAT", 950)]


@pytest.mark.spec("C-10")
def test_net_credit_on_a_price_that_includes_tax_takes_off_its_tax_too() -> None:
    german = rates(("DE", "VAT", 190_000))
    made, total = taxed(
        [Taxable(line(11900), german, True), Taxable(line(-2000, "credit"), german)]
    )
    assert amounts(made) == [("Gold", 10000), ("Gold", -2000), ("VAT", 1520)]
    assert total.amount_minor == 11900 - 2380


_RATES = st.lists(
    st.tuples(st.sampled_from(["A", "B", "C", "D"]), st.integers(1, 300_000)),
    max_size=4,
    unique_by=lambda rate: rate[0],
)
_PRICES = st.lists(st.integers(-99_999, 9_999_999), min_size=1, max_size=5)


def half_up(exact: Fraction) -> int:
    """Rounds as people do, by the decimal module."""
    size = Decimal(abs(exact).numerator) / Decimal(abs(exact).denominator)
    whole = int(size.quantize(Decimal(1), ROUND_HALF_UP))
    if abs(size - whole) == Decimal("0.5"):  # what the division may have cut
        whole = int(abs(exact) + Fraction(1, 2))
    return whole if exact >= 0 else -whole


@pytest.mark.spec("C-10")
@given(_PRICES, _RATES)
def test_taxes_on_top_are_as_the_oracle_has_them(
    prices: list[int], named: list[tuple[str, int]]
) -> None:
    taxation = rates(*((name, name, ppm) for name, ppm in named))
    made, total = taxed([Taxable(line(price), taxation) for price in prices])
    wanted = [half_up(Fraction(sum(prices) * ppm, 10**6)) for _, ppm in named]
    assert [each.amount.amount_minor for each in made[len(prices) :]] == wanted
    assert [each.amount.amount_minor for each in made[: len(prices)]] == prices
    assert total.amount_minor == sum(prices) + sum(wanted)


@pytest.mark.spec("C-10")
@given(_PRICES, _RATES)
def test_taxes_within_prices_are_as_the_oracle_has_them(
    prices: list[int], named: list[tuple[str, int]]
) -> None:
    taxation = rates(*((name, name, ppm) for name, ppm in named))
    made, total = taxed([Taxable(line(price), taxation, True) for price in prices])
    ppm = sum(each for _, each in named)
    tax = half_up(Fraction(sum(prices) * ppm, 10**6 + ppm))
    nets, taxes = made[: len(prices)], made[len(prices) :]
    assert total.amount_minor == sum(prices), "what the price says is what is paid"
    assert sum(each.amount.amount_minor for each in taxes) == tax * bool(named)
    for each, (_, own) in zip(taxes, named, strict=True):
        assert abs(each.amount.amount_minor - Fraction(tax * own, ppm)) < 1
    whole = sum(prices)
    if whole:
        for each, price in zip(nets, prices, strict=True):
            exact = Fraction((whole - tax * bool(named)) * price, whole)
            assert abs(each.amount.amount_minor - exact) < 1


@given(st.integers(-(10**8), 10**8), st.lists(st.integers(0, 10**7), max_size=9))
def test_a_spread_adds_up_and_is_nowhere_a_unit_off(whole: int, weights: list[int]) -> None:
    parts = spread(whole, weights)
    assert len(parts) == len(weights)
    if weights:
        assert sum(parts) == whole
    if sum(weights):
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part - Fraction(whole * weight, sum(weights))) < 1


@pytest.mark.spec("C-10", "B-7")
@given(
    st.lists(st.integers(0, 99_999), max_size=4),
    st.integers(1, 999_999),
    st.lists(st.integers(1, 99_999), max_size=6),
)
def test_refunds_in_parts_return_each_tax_to_the_cent(
    taxes: list[int], net: int, parts: list[int]
) -> None:
    left, total = list(taxes), net + sum(taxes)
    for part in [*parts, total]:
        part = min(part, total)
        if not part:
            break
        went = returned(left, part, total)
        assert all(0 <= back <= have for back, have in zip(went, left, strict=True))
        assert 0 <= part - sum(went) <= net, "neither more tax nor more net than there is"
        net -= part - sum(went)
        exact = [Fraction(have * part, total) for have in left]
        assert all(abs(back - share) < 1 for back, share in zip(went, exact, strict=True))
        if 0 <= part - sum(map(half_up, exact)) <= net + part - sum(went):
            assert list(went) == [half_up(share) for share in exact]
        left = [have - back for have, back in zip(left, went, strict=True)]
        total -= part
    assert (sum(left), total) == (0, 0), "the last refund takes the rest"


@pytest.mark.spec("C-10", "B-7")
@pytest.mark.parametrize(
    ("left", "part", "total", "went"),
    [
        ([1, 2, 2], 4, 5, (1, 1, 2)),
        ([1, 1, 1], 1, 3, (1, 0, 0)),
        ([1, 1, 1], 1, 4, (0, 0, 0)),
        ([3, -1], 2, 3, (2, -1)),
    ],
)
def test_small_taxes_are_never_rounded_beyond_their_refund(
    left: list[int], part: int, total: int, went: tuple[int, ...]
) -> None:
    assert returned(left, part, total) == went


def test_without_rates_nothing_is_added() -> None:
    assert taxed([Taxable(line(2999), UNTAXED)]) == ((line(2999),), Money(2999, USD))
