"""Money as integer minor units with one of sixteen currencies (P-18, P-20)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents) of one currency; sums never mix currencies."""

    amount_minor: int
    currency: Currency

    def __add__(self, other: Money) -> Money:
        assert self.currency == other.currency, "a sum of two currencies is a bug"
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        assert self.currency == other.currency, "a difference of two currencies is a bug"
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __bool__(self) -> bool:
        return self.amount_minor != 0


def half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` rounded half up (0.5 -> 1); for amounts, never negative (A-4)."""
    assert numerator >= 0 and denominator > 0, "amounts are not negative"
    return (2 * numerator + denominator) // (2 * denominator)
