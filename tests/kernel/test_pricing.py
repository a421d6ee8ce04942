"""Quotes show the charges of checkout and after; a quote is the schedule itself (P-19)."""

# ruff: noqa: DTZ001 - a wall time has no zone: that stands beside it

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.customers import Address
from billing.kernel.invoices import InvoiceLine
from billing.kernel.money import Currency, Money, half_up
from billing.kernel.periods import Anchor
from billing.kernel.pricing import lines_for, quote, untaxed
from billing.kernel.schedule import ChargeKind, charges
from tests.kernel import make_golden as oracle
from tests.kernel.test_schedule import ZONES, any_points, terms_of

NEW_YORK = "America/New_York"
NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)
ADDRESS = Address("1 Main St", "Albany", "US", state="NY")


def two_taxes(amount: Money, address: Address | None) -> Iterable[InvoiceLine]:
    """A fake table: state and local tax for whoever has an address."""
    if address is None:
        return
    for kind, permille in (("state", 40), ("local", 45)):
        tax = half_up(amount.amount_minor * permille, 1000)
        yield InvoiceLine(kind, kind, Money(tax, amount.currency))


@pytest.mark.spec("C-1")
def test_a_quote_has_todays_amount_and_the_three_charges_that_follow() -> None:
    found = quote(terms_of(oracle.recurring("1m", 2999)), "Gold", NOW, NEW_YORK)
    assert found.kind is ChargeKind.STANDARD
    assert found.total == Money(2999, Currency.USD)
    assert found.lines == (InvoiceLine("charge", "Gold", Money(2999, Currency.USD)),)
    dates = [charge.at.date().isoformat() for charge in found.following]
    assert dates == ["2026-02-28", "2026-03-31", "2026-04-30"]
    assert [charge.n for charge in found.following] == [2, 3, 4]


@pytest.mark.spec("P-10", "C-1")
def test_a_quote_of_a_free_start_charges_nothing_today() -> None:
    trial = oracle.with_initial(oracle.one_time(4900), 0, 14, "days")
    found = quote(terms_of(trial), "Course", NOW, NEW_YORK)
    assert found.kind is ChargeKind.INITIAL
    assert found.total == Money(0, Currency.USD)
    (later,) = found.following
    assert later.amount == Money(4900, Currency.USD)
    assert later.at == NOW + timedelta(days=14)


@pytest.mark.spec("P-3")
def test_nothing_follows_a_one_time_price() -> None:
    assert quote(terms_of(oracle.one_time()), "Book", NOW, NEW_YORK).following == ()


@pytest.mark.spec("P-19", "C-7")
def test_tax_is_on_top_in_lines_of_its_own() -> None:
    terms = terms_of(oracle.recurring("1m", 2999))
    found = quote(terms, "Gold", NOW, NEW_YORK, ADDRESS, tax=two_taxes)
    amounts = [(line.kind, line.amount.amount_minor) for line in found.lines]
    assert amounts == [("charge", 2999), ("state", 120), ("local", 135)]
    assert found.total == Money(3254, Currency.USD)
    assert found.following[0].amount == terms.price  # before tax


def test_without_an_address_or_a_table_there_is_no_tax() -> None:
    price = Money(2999, Currency.EUR)
    assert list(untaxed(price, ADDRESS)) == []
    assert lines_for(price, "Gold", None, two_taxes)[1] == price
    assert lines_for(price, "Gold", ADDRESS)[1] == price


@given(st.integers(0, 99_999_999), st.sampled_from(Currency))
def test_a_total_is_the_sum_of_its_lines(amount: int, currency: Currency) -> None:
    lines, total = lines_for(Money(amount, currency), "Gold", ADDRESS, two_taxes)
    assert total.amount_minor == sum(line.amount.amount_minor for line in lines)
    assert {line.amount.currency for line in lines} == {currency}


@pytest.mark.spec("P-19")
@given(
    any_points,
    st.datetimes(datetime(1970, 1, 2), datetime(2100, 12, 30)),
    ZONES,
    st.integers(0, 30),
)
def test_a_quote_is_the_beginning_of_the_schedule(
    point: dict[str, Any], utc: datetime, zone: str, following: int
) -> None:
    terms, start = terms_of(point), utc.replace(tzinfo=UTC)
    found = quote(terms, "Gold", start, zone, following=following)
    assert found.anchor == Anchor.at(start, zone)
    today, *later = islice(charges(terms, found.anchor), following + 1)
    assert (found.kind, found.total) == (today.kind, today.amount)
    assert found.total == terms.due_today
    assert list(found.following) == later
