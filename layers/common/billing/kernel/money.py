"""Money as integer minor units with one of sixteen currencies (P-18, P-20)."""

from __future__ import annotations

from enum import StrEnum

from billing.kernel.errors import Invalid
from billing.kernel.values import Value

MAX_AMOUNT_MINOR = 99_999_999


class Currency(StrEnum):
    """The sixteen account currencies (P-20); each has two decimals (ISO 4217)."""

    USD = "USD"
    AUD = "AUD"
    BRL = "BRL"
    CAD = "CAD"
    CHF = "CHF"
    DKK = "DKK"
    EUR = "EUR"
    GBP = "GBP"
    HKD = "HKD"
    INR = "INR"
    NOK = "NOK"
    NZD = "NZD"
    PLN = "PLN"
    RUB = "RUB"
    SGD = "SGD"
    SEK = "SEK"


MINOR_DIGITS = 2
MOST_DIGITS = 12


class Money(Value):
    """An amount in minor units (cents) of one currency; sums never mix currencies."""

    amount_minor: int
    currency: Currency

    def __add__(self, other: Money) -> Money:
        assert self.currency == other.currency, "a sum of two currencies is a bug"
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        assert self.currency == other.currency, "a difference of two currencies is a bug"
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    @classmethod
    def typed(cls, text: str, currency: Currency, *, field: str) -> Money:
        """Parses an amount as people write it: 12, 12.5, 12,50; raises `Invalid`.

        No thousands separators: 1,234 could mean two things.
        """
        whole, _, fraction = text.strip().replace(",", ".").partition(".")
        digits = whole + fraction.ljust(MINOR_DIGITS, "0")
        if not whole or not digits.isascii() or not digits.isdigit() or len(digits) > MOST_DIGITS:
            raise Invalid("amount_malformed", field=field)
        if len(fraction) > MINOR_DIGITS:
            raise Invalid("amount_malformed", field=field)
        return cls(int(digits), currency)

    @property
    def decimal(self) -> str:
        """The amount without its currency, as `typed` reads it: 29.99."""
        whole, fraction = divmod(self.amount_minor, 10**MINOR_DIGITS)
        return f"{whole}.{fraction:0{MINOR_DIGITS}}"

    def __bool__(self) -> bool:
        return self.amount_minor != 0


def half_up(numerator: int, denominator: int) -> int:
    """Returns `numerator / denominator` rounded half up (0.5 -> 1); for amounts, never negative
    (A-4)."""
    assert numerator >= 0 and denominator > 0, "amounts are not negative"
    return (2 * numerator + denominator) // (2 * denominator)
