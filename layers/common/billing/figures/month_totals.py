"""The totals of a month up to a day, over all shards: what a page reads instead of its days (M-10).

They are counted from the sums of days by a nightly job, so that no renewal pays for them. What
comes late to a counted day says so on the month, which is then read by its days until it is counted
again.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from billing.figures.sums import AMOUNTS, MONTH_LENGTH, FigureBook, FigureSums, month_of, total
from billing.kernel.money import Currency
from billing.kernel.periods import Anchor
from billing.kernel.values import Value, replace
from billing.kernel.writes import Entity

A_DAY = timedelta(days=1)

RESTS_FOR = timedelta(days=3)
"""The age of the newest day that is counted."""

LATE_AFTER = timedelta(days=1)
"""The time after a day's end from which on what comes for it is late.

It is a day less than what is counted rests for at least: no record is read for that long, so what
was not late when it was read is in its day before the day is counted.
"""


class Scope(Value):
    """The part of a merchant's figures that totals are of; empty texts are all."""

    product: str = ""
    country: str = ""


class MonthTotals(Entity):
    """The totals of a month up to the day `through`, of a scope; or those of a series of it.

    `sums` is text, as a forecast's is: an entry for each currency, cohort and label.
    """

    merchant: str
    month: str
    test: bool
    product: str
    country: str
    series: str
    through: str
    sums: str

    def rows(self) -> list[FigureSums]:
        """Returns the totals as rows of the month."""
        return [
            FigureSums(
                *(self.merchant, self.month, Currency(currency), 0, self.test),
                *(self.product, self.country),
                series=self.series,
                cohort=cohort,
                label=label,
                **amounts,
            )
            for currency, cohort, label, amounts in json.loads(self.sums)
        ]


class CountedMonth(Entity):
    """The day up to which the totals of a month are right; empty from what is late until they are
    counted again. `revision` grows with each of both."""

    merchant: str
    month: str
    test: bool
    through: str
    revision: int

    @property
    def is_whole(self) -> bool:
        """True if all days of the month are counted."""
        return self.through == last_day(self.month)

    def changed(self, through: str) -> CountedMonth:
        """Returns it counted up to a day, or as not counted."""
        return replace(self, through=through, revision=self.revision + 1)


def last_day(month: str) -> str:
    """Returns the last day of a month."""
    first = date.fromisoformat(f"{month}-01")
    return ((first + 31 * A_DAY).replace(day=1) - A_DAY).isoformat()


def next_month(month: str) -> str:
    return month_of(date.fromisoformat(last_day(month)) + A_DAY)


def month_before(month: str) -> str:
    return month_of(date.fromisoformat(f"{month}-01") - A_DAY)


def newest_counted(book: FigureBook, now: datetime) -> str:
    """Returns the newest local day that has rested long enough to be counted."""
    at = now - RESTS_FOR
    return (Anchor.at(at, book.zone_at(at)).wall.date() - A_DAY).isoformat()


def is_late(book: FigureBook, day: str, now: datetime) -> bool:
    """Tests whether what comes now for a local day may be for one that is counted."""
    at = now - LATE_AFTER
    return day < Anchor.at(at, book.zone_at(at)).wall.date().isoformat()


def scopes_of(rows: Iterable[FigureSums]) -> dict[Scope, list[FigureSums]]:
    """Returns the rows of each scope: of all, of products, countries, and products in countries."""
    found: dict[Scope, list[FigureSums]] = defaultdict(list)
    for row in rows:
        found[Scope(row.product, row.country)].append(row)
        if row.product:
            found[Scope(row.product)].append(row)
            found[Scope(country=row.country)].append(row)
    return found


def text_of(rows: Iterable[FigureSums]) -> str:
    """Returns the totals of rows as they are stored, without zeros, always in the same order."""
    by_place: dict[tuple[str, str, str], list[FigureSums]] = defaultdict(list)
    for row in rows:
        by_place[row.currency.value, row.cohort, row.label].append(row)
    entries = [
        [
            *place,
            {name: amount for name, amount in total(by_place[place], AMOUNTS).items() if amount},
        ]
        for place in sorted(by_place)
    ]
    return json.dumps(entries, separators=(",", ":"))


def uncounted(counted: Iterable[str], first: str, last: str) -> Iterator[tuple[str, str]]:
    """Yields the spans of months, from `first` to `last`, without those that are counted."""
    start = first
    for month in sorted(each for each in counted if first <= each <= last):
        if start < month:
            yield start, month_before(month)
        start = next_month(month)
    if start <= last:
        yield start, last


def to_count(
    known: Mapping[str, str], months: Sequence[str], newest: str, most: int
) -> list[tuple[str, str]]:
    """Returns the months that a night counts, each with the day up to which.

    That is what is not counted, newest first; and of what is, one in turn, so that nothing stays
    wrong for ever. `known` are the days up to which months are counted, by their names.
    """
    ends = {month: min(last_day(month), newest) for month in months}
    right = [m for m in months if m in known and known[m] == ends[m]]
    left = [month for month in reversed(months) if month not in set(right)][:most]
    if right:
        left.append(right[date.fromisoformat(newest).toordinal() % len(right)])
    return [(month, ends[month]) for month in left]


def day_after(day: str) -> str:
    return (date.fromisoformat(day) + A_DAY).isoformat()


def month_in(span: str) -> str:
    """Returns the month of a day or month."""
    return span[:MONTH_LENGTH]
