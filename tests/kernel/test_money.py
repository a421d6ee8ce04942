"""Money: integer minor units, one currency at a time, one rounding rule."""

from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from billing.kernel.money import MAX_AMOUNT_MINOR, MINOR_DIGITS, Currency, Money, half_up

AMOUNTS = st.integers(-MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR)


@pytest.mark.spec("P-20")
def test_there_are_exactly_the_sixteen_currencies() -> None:
    agreed = "USD AUD BRL CAD CHF DKK EUR GBP HKD INR NOK NZD PLN RUB SGD SEK"
    assert [str(currency) for currency in Currency] == agreed.split()
    assert MINOR_DIGITS == 2


@pytest.mark.spec("P-18")
@given(AMOUNTS, AMOUNTS, st.sampled_from(Currency))
def test_sums_and_differences_are_exact(a: int, b: int, currency: Currency) -> None:
    first, second = Money(a, currency), Money(b, currency)
    assert first + second == Money(a + b, currency)
    assert first + second - second == first
    assert bool(first) is (a != 0)
    assert isinstance((first + second).amount_minor, int)


@pytest.mark.spec("P-18")
@given(st.permutations(list(Currency)))
def test_two_currencies_are_never_added(currencies: list[Currency]) -> None:
    first, second = Money(1, currencies[0]), Money(1, currencies[1])
    with pytest.raises(AssertionError):
        first + second
    with pytest.raises(AssertionError):
        first - second


@pytest.mark.spec("P-18", "A-4")
@given(st.integers(0, 10**20), st.integers(1, 10**12))
@example(1, 2)
@example(MAX_AMOUNT_MINOR * 63_113_904, 63_113_904)
def test_half_up_is_what_exact_fractions_say(numerator: int, denominator: int) -> None:
    assert half_up(numerator, denominator) == floor(
        Fraction(numerator, denominator) + Fraction(1, 2)
    )


@pytest.mark.spec("P-18", "A-4")
@given(st.integers(0, 10**15), st.sampled_from([1, 2, 4, 5, 8, 10, 20, 100, 1000]))
def test_half_up_is_what_decimal_says(numerator: int, denominator: int) -> None:
    # These denominators divide a power of ten, so the decimal quotient is exact.
    exact = Context(prec=60).divide(Decimal(numerator), Decimal(denominator))
    assert half_up(numerator, denominator) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(0, 7, 0), (1, 2, 1), (3, 2, 2), (5, 2, 3), (1, 3, 0), (2, 3, 1), (49, 100, 0), (50, 100, 1)],
)
def test_half_a_cent_is_rounded_up(numerator: int, denominator: int, expected: int) -> None:
    assert half_up(numerator, denominator) == expected


@pytest.mark.parametrize(("numerator", "denominator"), [(-1, 2), (1, 0), (1, -2)])
def test_negative_amounts_are_not_rounded(numerator: int, denominator: int) -> None:
    with pytest.raises(AssertionError):
        half_up(numerator, denominator)
