"""A dry run: what an import would charge per day and currency, beside the source's dates (M-6)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime

from billing.kernel.forecasts import DayKey
from billing.kernel.money import Currency
from billing.kernel.values import Value

DAYS = 90
"""The days that a dry run looks ahead."""


class DryDay(Value):
    """One local day in one currency: what would be charged here, and what by the source's dates."""

    date: date
    currency: Currency
    test: bool
    minor: int = 0
    charges: int = 0
    source_minor: int = 0
    source_charges: int = 0


class Sums(Value):
    """The days of some rows in order; `rows` were forecast, `blocked` cannot be imported now."""

    days: tuple[DryDay, ...]
    rows: int
    blocked: int


class Tally:
    """Adds up charges by day."""

    def __init__(self) -> None:
        self._sums: Counter[tuple[DayKey, int]] = Counter()
        self.rows = self.blocked = 0

    def here(self, day: DayKey, minor: int, charges: int = 1) -> None:
        """Counts charges that would be made here."""
        self._sums[day, 0] += minor
        self._sums[day, 1] += charges

    def there(self, day: DayKey, minor: int, charges: int = 1) -> None:
        """Counts charges by the source's own dates."""
        self._sums[day, 2] += minor
        self._sums[day, 3] += charges

    def add(self, more: Sums) -> None:
        """Adds the days of other rows."""
        self.rows += more.rows
        self.blocked += more.blocked
        for each in more.days:
            key = (each.date, each.currency, each.test)
            self.here(key, each.minor, each.charges)
            self.there(key, each.source_minor, each.source_charges)

    def sums(self) -> Sums:
        """Returns what was added up."""
        keys = sorted({key for key, _ in self._sums})
        days = tuple(DryDay(*key, *(self._sums[key, n] for n in range(4))) for key in keys)
        return Sums(days, self.rows, self.blocked)


def written(sums: Sums) -> bytes:
    """Returns sums as JSON."""
    days = [
        (
            *(each.date.isoformat(), each.currency.value, each.test),
            *(each.minor, each.charges, each.source_minor, each.source_charges),
        )
        for each in sums.days
    ]
    found = {"days": days, "rows": sums.rows, "blocked": sums.blocked}
    return json.dumps(found, separators=(",", ":")).encode()


def read(text: bytes) -> Sums:
    """Returns sums from JSON."""
    found = json.loads(text)
    days = tuple(
        DryDay(date.fromisoformat(day), Currency(currency), test, *counts)
        for day, currency, test, *counts in found["days"]
    )
    return Sums(days, found["rows"], found["blocked"])


def merged(parts: Iterable[Sums]) -> Sums:
    """Returns the sums of all parts."""
    tally = Tally()
    for each in parts:
        tally.add(each)
    return tally.sums()


def name_of(import_id: str, asked_at: datetime) -> str:
    """Returns the name of a run among the files of its import."""
    return f"{import_id}/dry-{asked_at:%Y%m%d%H%M%S%f}"
