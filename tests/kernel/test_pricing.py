"""Quotes show the charges of checkout and after; a quote is the schedule itself (P-19)."""

# ruff: noqa: DTZ001 - a wall time has no zone: that stands beside it

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.catalog import TaxBehavior
from billing.kernel.invoices import InvoiceLine
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Anchor
from billing.kernel.pricing import lines_for, quote
from billing.kernel.schedule import ChargeKind, charges
from billing.kernel.taxes import UNTAXED, Taxation, TaxRate
from billing.kernel.values import replace
from tests.kernel import make_golden as oracle
from tests.kernel.test_schedule import ZONES, any_points, terms_of

NEW_YORK = "America/New_York"
NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)


TWO_TAXES = Taxation(
    (TaxRate("US-NY", "New York", 40_000), TaxRate("US-NY", "Albany County", 45_000))
)


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
    found = quote(terms, "Gold", NOW, NEW_YORK, taxation=TWO_TAXES)
    amounts = [(line.text, line.amount.amount_minor) for line in found.lines]
    assert amounts == [("Gold", 2999), ("New York", 120), ("Albany County", 135)]
    assert found.total == Money(3254, Currency.USD)
    assert found.following[0].amount == terms.price  # before tax


@pytest.mark.spec("C-7")
def test_a_price_that_includes_its_tax_is_charged_as_it_stands() -> None:
    terms = replace(terms_of(oracle.recurring("1m", 11900)), tax=TaxBehavior.INCLUSIVE)
    german = Taxation((TaxRate("DE", "VAT", 190_000),))
    found = quote(terms, "Gold", NOW, NEW_YORK, taxation=german)
    amounts = [(line.text, line.amount.amount_minor) for line in found.lines]
    assert amounts == [("Gold", 10000), ("VAT", 1900)]
    assert found.total == terms.price


def test_without_taxes_the_total_is_the_price() -> None:
    price = Money(2999, Currency.EUR)
    assert lines_for(price, "Gold")[1] == price
    assert lines_for(price, "Gold", UNTAXED, inclusive=True)[1] == price


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
