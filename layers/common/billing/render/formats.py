"""Money, dates, lengths of time and terms in words of a language; amounts are never floats."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from billing.gateways import registry
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.customers import PaymentMethod
from billing.kernel.issued_documents import PaidWith
from billing.kernel.money import MINOR_DIGITS, Money
from billing.kernel.periods import Period, Span, zone_named
from billing.render.collation import sort_key
from billing.render.messages import locale, text

if TYPE_CHECKING:
    from markupsafe import Markup

REMEMBERED = 512
"""The amounts and dates whose words are kept: a page shows the same ones again and again."""


MINUS = "\N{MINUS SIGN}"
"""The sign of a negative amount, as wide as a plus; some languages have a hyphen in CLDR."""


@lru_cache(REMEMBERED)
def money(amount: Money, language: str) -> str:
    """Formats an amount as people of that language write it: $29.99, 29,99 €."""
    from babel.numbers import format_currency

    value = Decimal(amount.amount_minor).scaleb(-MINOR_DIGITS)
    shown = format_currency(value, amount.currency.value, locale=locale(language))
    return shown.replace("-", MINUS) if amount.amount_minor < 0 else shown


def rate(ppm: int, language: str) -> str:
    """Formats a tax rate in millionths: 7.25%, 7,25 %."""
    from babel.numbers import format_percent

    value = Decimal(ppm).scaleb(-6)
    return format_percent(value, locale=locale(language), decimal_quantization=False)


def day(instant: datetime, zone: str, language: str) -> str:
    """Formats the date of an aware instant in `zone`: January 31, 2026."""
    return _date(instant.astimezone(zone_named(zone)).date(), "long", language)


def day_before(instant: datetime, zone: str, language: str) -> str:
    """Formats the date of the day before an instant's."""
    on = instant.astimezone(zone_named(zone)).date() - timedelta(days=1)
    return _date(on, "long", language)


def short_day(instant: datetime, zone: str, language: str) -> str:
    """Formats the same date for a column of dates: Jan 31, 2026."""
    return _date(instant.astimezone(zone_named(zone)).date(), "medium", language)


@lru_cache(REMEMBERED)
def _date(on: date, length: str, language: str) -> str:
    from babel.dates import format_date

    return format_date(on, format=length, locale=locale(language))


def days(first: date, last: date, language: str) -> str:
    """Formats a time from its first day to its last: Jan 31 – Feb 27, 2026."""
    from babel.dates import format_interval

    return str(format_interval(first, last, "yMMMd", locale=locale(language)))


def month(year_and_month: str, language: str) -> str:
    """Formats a month inside a sentence, from `YYYY-MM`: December 2034, grudnia 2034."""
    from babel.dates import format_date, format_skeleton

    first = date.fromisoformat(f"{year_and_month}-01")
    pattern = _MONTH.get(language)
    if pattern is None:
        return format_skeleton("yMMMM", first, locale=locale(language))
    return format_date(first, format=pattern, locale=locale(language))


def short_period(period: str, language: str) -> str:
    """Formats a month or day of figures, from `YYYY-MM` or `YYYY-MM-DD`: Nov 2026, Nov 3, 2026.

    What is neither, such as what somebody typed, stays as it is.
    """
    from babel.dates import format_skeleton

    is_month = len(period) == len("YYYY-MM")
    try:
        first = date.fromisoformat(f"{period}-01" if is_month else period)
    except ValueError:
        return period
    if is_month:
        return format_skeleton("yMMM", first, locale=locale(language))
    return _date(first, "medium", language)


_MONTH = {"fi": "M/y", "pl": "MMMM y", "sk": "MMMM y"}
"""Month patterns for languages in which CLDR's has the nominative and our sentences want the
genitive.

Finnish has it in neither pattern, so there it is a number.
"""


def moment(instant: datetime, zone: str, language: str) -> str:
    """Formats date and time of an aware instant in `zone`: Jan 31, 2026, 10:00 AM."""
    from babel.dates import format_date, format_time

    local = instant.astimezone(zone_named(zone))
    on = format_date(local.date(), format="medium", locale=locale(language))
    return f"{on}, {format_time(local.time(), format='short', locale=locale(language))}"


def machine_instant(instant: datetime) -> str:
    """Formats an instant for the `<time>` element: RFC 3339 in UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def span(length: Span, language: str) -> str:
    """Formats a length of time: 14 days, 1 month."""
    return text(language, f"span.{length.unit}", count=length.count)


def lasting(duration: timedelta, language: str) -> str:
    """Formats a duration to its largest unit: 3 hours."""
    from babel.dates import format_timedelta

    return format_timedelta(duration, threshold=1.5, locale=locale(language))


def every(period: Period, language: str) -> str:
    """Formats how often a period recurs: every month, every 2 weeks."""
    return text(language, f"every.{period}")


def terms(terms: PriceTerms, language: str) -> str:
    """Formats a price point's whole price: $1.00 for the first 14 days, then $29.99 every month."""
    plain = _standard_terms(terms, language)
    if terms.initial is None:
        return plain
    free = "free" if terms.initial.amount_minor == 0 else "paid"
    return text(
        language,
        f"terms.initial.{free}.{terms.type}",
        amount=money(terms.due_today, language),
        length=span(terms.initial.length, language),
        standard=plain,
    )


def _standard_terms(terms: PriceTerms, language: str) -> str:
    price = money(terms.price, language)
    if terms.type is PriceType.ONE_TIME:
        return text(language, "terms.one_time", price=price)
    assert terms.period is not None
    if terms.type is PriceType.RECURRING:
        return text(language, "terms.recurring", price=price, every=every(terms.period, language))
    assert terms.installments is not None
    if terms.type is PriceType.INSTALLMENT:
        return text(
            language,
            "terms.installment",
            count=terms.installments,
            price=price,
            every=every(terms.period, language),
        )
    assert terms.cycle is not None
    return text(
        language,
        f"terms.set.{terms.period}",
        count=terms.installments,
        price=price,
        cycle=text(language, f"every.{terms.cycle}"),
    )


@cache
def countries(language: str) -> tuple[tuple[str, str], ...]:
    """Lists the countries that an address may have as (code, name), sorted as the language does:
    those of ISO 3166-1 and Kosovo."""
    names = [
        (code, name)
        for code, name in locale(language).territories.items()
        if len(code) == 2 and code.isalpha() and code not in _NOT_OFFERED
    ]
    return tuple(sorted(names, key=lambda pair: sort_key(pair[1], language)))


@cache
def _country_options(language: str) -> str:
    from markupsafe import escape

    return "\n".join(
        f'<option value="{code}">{escape(name)}</option>' for code, name in countries(language)
    )


def country_options(selected: object, language: str) -> Markup:
    """Returns the countries as options of a select: made once, for there are 249 of them."""
    from markupsafe import Markup

    here = f'value="{selected}"'
    options = _country_options(language).replace(here, f"{here} selected", 1)
    return Markup(options)  # noqa: S704  # nosec B704


def country(code: str, language: str) -> str:
    """Returns the name of a country, or the code itself where it is unknown."""
    return str(locale(language).territories.get(code, code))


_NOT_OFFERED = frozenset(
    ("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ")
)
"""Codes of CLDR for what has no addresses of its own: unions, exclaves, pseudo-locales."""


_BRANDS = {"amex": "American Express", "unionpay": "UnionPay"}


def language_name(code: str, language: str) -> str:
    """Names one of our languages."""
    return locale(code).get_display_name(locale(language)) or code


def brand(name: str) -> str:
    """Returns a brand as it writes itself; a wallet is named as the gateway that it is at."""
    if name in registry.specs():
        return registry.specs()[name].display_name
    return _BRANDS.get(name, name.replace("_", " ").title())


def means(method: PaymentMethod | PaidWith, language: str) -> str:
    """Names a payment method: a card by brand and last four digits, others by their name (B-9)."""
    name = brand(method.brand)
    if not method.last4:
        return name
    return text(language, "means.card", brand=name, last4=method.last4)
