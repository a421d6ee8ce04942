"""Keys of a merchant's tax setup, rates and sums."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from billing.storage.addresses import Key, Partition, SortKeyRange

if TYPE_CHECKING:
    from billing.tax.rates import Place, TaxPlace
    from billing.tax.registrations import TaxSetup
    from billing.tax.sums import SalesYear, TaxDay


def setup(merchant: str) -> Key[TaxSetup]:
    return Key(_taxes_of(merchant), "SETUP")


def table(merchant: str, generation: int) -> Partition[TaxPlace]:
    """Returns where a generation of a merchant's rates is, in order of its places."""
    return Partition(_taxes_of(merchant), SortKeyRange.of(f"RATE#{generation:06d}#"))


def tables(merchant: str) -> Partition[TaxPlace]:
    """Returns where all generations of a merchant's rates are."""
    return Partition(_taxes_of(merchant), SortKeyRange.of("RATE#"))


def place(merchant: str, generation: int, of: Place | TaxPlace) -> Key[TaxPlace]:
    code = of.postal_code or ""
    return Key(_taxes_of(merchant), f"RATE#{generation:06d}#{of.country}#{of.state or ''}#{code}")


def days(merchant: str, since: date, until: date) -> Partition[TaxDay]:
    """Returns where the sums of days are, from `since` to `until`, both included."""
    return Partition(_taxes_of(merchant), SortKeyRange(f"DAY#{since}", f"DAY#{until}#\U0010ffff"))


def day(of: TaxDay) -> Key[TaxDay]:
    rate = f"{of.currency}#{'TEST' if of.test else 'LIVE'}#{of.jurisdiction}#{of.ppm}#{of.name}"
    return Key(_taxes_of(of.merchant), f"DAY#{of.day}#{of.shard}#{rate}")


def year(of: SalesYear) -> Key[SalesYear]:
    return Key(_taxes_of(of.merchant), f"YEAR#{of.year}#{of.jurisdiction}#{of.currency}#{of.shard}")


def _taxes_of(merchant: str) -> str:
    return f"M#{merchant}#TAX"
