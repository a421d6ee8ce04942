"""Money, dates and terms as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.catalog import Cycle, Initial, PriceTerms, PriceType
from billing.kernel.countries import COUNTRIES
from billing.kernel.money import MAX_AMOUNT_MINOR, Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.values import replace
from billing.render import formats
from billing.render.messages import LANGUAGES
from tests.render.samples import (
    FREE_TRIAL,
    INSTALLMENTS,
    MONTHLY,
    ONCE,
    ONCE_LATER,
    SETS,
    TRIAL,
    usd,
)


@pytest.mark.parametrize(
    ("amount", "language", "shown"),
    [
        (usd(2999), "en", "$29.99"),
        (usd(0), "en", "$0.00"),
        (usd(5), "en", "$0.05"),
        (usd(MAX_AMOUNT_MINOR), "en", "$999,999.99"),
        (Money(2999, Currency.EUR), "en", "€29.99"),
        (Money(2999, Currency.EUR), "de", "29,99\N{NO-BREAK SPACE}€"),
        (Money(2999, Currency.SEK), "sv", "29,99\N{NO-BREAK SPACE}kr"),
        (Money(2999, Currency.AUD), "en", "A$29.99"),
    ],
)
def test_money_is_written_as_the_language_does(amount: Money, language: str, shown: str) -> None:
    assert formats.money(amount, language) == shown


@given(
    st.integers(0, MAX_AMOUNT_MINOR), st.sampled_from(Currency), st.sampled_from(sorted(LANGUAGES))
)
def test_no_digit_of_an_amount_is_lost(minor: int, currency: Currency, language: str) -> None:
    shown = formats.money(Money(minor, currency), language)
    assert int("".join(c for c in shown if c.isdigit())) == minor


def test_a_date_is_that_of_the_zone() -> None:
    just_after_midnight_utc = datetime(2026, 2, 1, 3, 0, tzinfo=UTC)
    assert formats.day(just_after_midnight_utc, "America/New_York", "en") == "January 31, 2026"
    assert formats.day(just_after_midnight_utc, "UTC", "en") == "February 1, 2026"
    assert formats.day(just_after_midnight_utc, "UTC", "de") == "1. Februar 2026"
    assert formats.short_day(just_after_midnight_utc, "America/New_York", "de") == "31.01.2026"


@pytest.mark.spec("C-5")
@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("bg", "декември 2034\N{NARROW NO-BREAK SPACE}г."),
        ("da", "december 2034"),
        ("de", "Dezember 2034"),
        ("en", "December 2034"),
        ("es", "diciembre de 2034"),
        ("fi", "12/2034"),
        ("fr", "décembre 2034"),
        ("it", "dicembre 2034"),
        ("nl", "december 2034"),
        ("no", "desember 2034"),
        ("pl", "grudnia 2034"),
        ("pt", "dezembro de 2034"),
        ("ro", "decembrie 2034"),
        ("sk", "decembra 2034"),
        ("sv", "december 2034"),
    ],
)
def test_a_month_stands_as_a_sentence_of_the_language_wants_it(language: str, shown: str) -> None:
    assert formats.month("2034-12", language) == shown


def test_an_instant_has_date_and_time_of_the_zone() -> None:
    instant = datetime(2026, 7, 1, 14, 5, tzinfo=UTC)
    shown = formats.moment(instant, "America/New_York", "en").replace(
        "\N{NARROW NO-BREAK SPACE}", " "
    )
    assert shown == "Jul 1, 2026, 10:05 AM"
    assert formats.moment(instant, "America/New_York", "de") == "01.07.2026, 10:05"
    assert formats.machine_instant(instant) == "2026-07-01T14:05:00Z"


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (ONCE, "$99.00 once"),
        (ONCE_LATER, "$1.00 today, then $99.00 once after 14 days"),
        (MONTHLY, "$29.99 every month"),
        (TRIAL, "$1.00 for the first 14 days, then $29.99 every month"),
        (FREE_TRIAL, "Free for 14 days, then $29.99 every month"),
        (INSTALLMENTS, "4 payments of $99.00, every 2 weeks"),
        (
            replace(INSTALLMENTS, initial=Initial(5000, Span(1, Unit.MONTH))),
            "$50.00 today, then 4 payments of $99.00, every 2 weeks, starting after 1 month",
        ),
        (SETS, "3 monthly payments of $99.00, every year"),
        (
            replace(SETS, period=Period.EVERY_2_WEEKS, cycle=Cycle.EVERY_2_YEARS),
            "3 payments of $99.00 2 weeks apart, every 2 years",
        ),
        (
            replace(SETS, initial=Initial(0, Span(1, Unit.YEAR))),
            "Free for 1 year, then 3 monthly payments of $99.00, every year",
        ),
    ],
)
def test_terms_are_written_whole(terms: PriceTerms, words: str) -> None:
    assert formats.terms(terms, "en") == words


@pytest.mark.parametrize("period", Period)
def test_every_period_has_words_in_every_type_that_takes_it(period: Period) -> None:
    assert formats.terms(PriceTerms(PriceType.RECURRING, usd(100), period), "en")
    assert formats.terms(PriceTerms(PriceType.INSTALLMENT, usd(100), period, 2), "en")
    if period.length.days or period.length.months <= 2:
        terms = PriceTerms(
            PriceType.RECURRING_INSTALLMENT, usd(100), period, 2, Cycle.EVERY_2_YEARS
        )
        assert formats.terms(terms, "en")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_countries_to_choose_from_are_those_that_an_address_may_name(language: str) -> None:
    countries = formats.countries(language)
    assert {code for code, _ in countries} == COUNTRIES
    assert len({name for _, name in countries}) == len(countries)


def test_a_country_that_nobody_knows_is_shown_by_its_code() -> None:
    assert formats.country("DE", "en") == "Germany"
    assert formats.country("Q1", "en") == "Q1"
