"""Discounts: what a coupon takes off, of how many payments, and what is charged (C-8, C-10)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.kernel.discounts import Discount, left_after
from billing.kernel.invoice_lines import coupon_of, postponed_minor
from billing.kernel.money import Currency, Money
from billing.kernel.pricing import lines_for
from billing.kernel.taxes import UNTAXED, Taxation, TaxRate
from tests.depth import examples

AMOUNTS = st.integers(1, 99_999_999)
SHARES = st.builds(Discount, st.just("SPRING"), basis_points=st.integers(1, 10_000))
FIXED = st.builds(Discount, st.just("SPRING"), amount_minor=AMOUNTS)
RATES = st.lists(
    st.builds(TaxRate, st.just("US-IL"), st.just("Tax"), st.integers(0, 300_000)), max_size=3
)


def usd(amount_minor: int) -> Money:
    return Money(amount_minor, Currency.USD)


@pytest.mark.spec("C-8")
@settings(max_examples=examples(200))
@given(AMOUNTS, st.integers(1, 10_000))
def test_a_share_is_rounded_half_up(price: int, basis_points: int) -> None:
    exact = Decimal(price) * basis_points / 10_000
    off = Discount("SPRING", basis_points=basis_points).off(usd(price))
    assert off == usd(int(exact.quantize(Decimal(1), ROUND_HALF_UP)))


@pytest.mark.spec("C-8")
@settings(max_examples=examples(200))
@given(AMOUNTS, SHARES | FIXED)
def test_a_price_is_never_lowered_below_nothing(price: int, discount: Discount) -> None:
    off = discount.off(usd(price)).amount_minor
    assert 0 <= off <= price
    assert discount.reduced(usd(price)).amount_minor == price - off
    if discount.amount_minor >= price:
        assert off == price, "what is over leaves no rest"


@pytest.mark.spec("C-8")
@given(st.integers(1, 50), st.integers(0, 80))
def test_it_is_used_up_after_as_many_payments_as_it_says(charges: int, paid: int) -> None:
    left: Discount | None = Discount("SPRING", basis_points=1, charges_left=charges)
    lowered = 0
    for _ in range(paid):
        lowered += left is not None
        left = left_after(left, "SPRING")
    assert lowered == min(paid, charges)
    assert (left is None) == (paid >= charges)


@pytest.mark.spec("C-8")
def test_a_payment_that_another_coupon_lowered_uses_nothing() -> None:
    found = Discount("SPRING", basis_points=1, charges_left=1)
    assert left_after(found, "AUTUMN") == found
    assert left_after(found, None) == found
    forever = Discount("SPRING", basis_points=1)
    assert left_after(forever, "SPRING") == forever
    assert left_after(None, "SPRING") is None


@pytest.mark.spec("C-8")
@pytest.mark.parametrize(
    ("products", "price_points", "is_for"),
    [
        ((), (), True),
        (("prod_1",), (), True),
        (("prod_2",), (), False),
        ((), ("acme.pp1",), True),
        ((), ("acme.pp2",), False),
        (("prod_2",), ("acme.pp1",), True),
    ],
)
def test_it_is_for_its_products_and_its_price_points(
    products: tuple[str, ...], price_points: tuple[str, ...], is_for: bool
) -> None:
    found = Discount("SPRING", products=products, price_points=price_points)
    assert found.is_for("prod_1", "acme.pp1") is is_for


@pytest.mark.spec("C-8", "C-10", "P-18")
@settings(max_examples=examples(300))
@given(AMOUNTS, SHARES | FIXED, RATES, st.booleans(), st.integers(0, 200), st.booleans())
def test_lines_add_up_and_too_little_is_never_charged(
    price: int,
    discount: Discount,
    rates: list[TaxRate],
    inclusive: bool,
    minimum: int,
    follows: bool,
) -> None:
    lines, total = lines_for(
        usd(price),
        "Gold",
        Taxation(tuple(rates)) if rates else UNTAXED,
        inclusive=inclusive,
        discount=discount,
        minimum_minor=minimum,
        follows=follows,
    )
    assert sum(line.amount.amount_minor for line in lines) == total.amount_minor
    assert total.amount_minor == 0 or total.amount_minor >= minimum
    assert coupon_of(lines) == "SPRING"
    left = price - discount.off(usd(price)).amount_minor
    taxed = sum(line.amount.amount_minor for line in lines if line.is_tax)
    if inclusive and total:
        assert total.amount_minor == left
    elif total:
        assert total.amount_minor - taxed == left
    carried = postponed_minor(lines)
    assert carried == 0 or (follows and not total and carried <= left < minimum)
    if not total and not carried:
        assert left < max(1, minimum) and taxed == 0
