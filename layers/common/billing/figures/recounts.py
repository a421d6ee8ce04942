"""Counts of days and months as far as a job has come with them, kept between its slices (M-10).

A count adds up page by page, so what is kept of it grows with its rows, not with what they are
counted from.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from hashlib import blake2s

from billing.figures.movements import Movement
from billing.figures.sums import Added, FigureSums
from billing.kernel.money import Currency
from billing.kernel.values import Value, from_json, to_json

LIVE, TEST, ORDERS, END = "live", "test", "orders", "end"
"""The lists that a count reads, in their order: movements of both modes, then a day's orders."""

SumKind = tuple[bool, str]
"""Whether sums are of the test mode, and their series."""


class Attempt(Value):
    """An attempt at a count, the first of which is `number` 1; a change of its sums needs another.

    `before` is the digest of the stored sums as they were when it began, None until they are read.
    Stored sums are looked for of `products` that are in no catalog any more, and of `kinds` without
    sums of all. `reads` is the list that is read; `last` and `cursor` are the places in it.
    """

    number: int = 1
    products: tuple[str, ...] = ()
    kinds: tuple[SumKind, ...] = ()
    before: str | None = None
    reads: str = LIVE
    last: Movement | None = None
    cursor: str | None = None


class Progress:
    """The counts of one step of a job: those that are `done`, with how many rows were wrong, and
    the one under way.

    `sums` is what the attempt has added up so far. `slices` ended in the middle of the count.
    """

    def __init__(self) -> None:
        self.done: dict[str, int] = {}
        self.span = ""
        self.attempt = Attempt()
        self.sums: Added = {}
        self.slices = 0

    def begin(self, span: str) -> None:
        """Begins the count of a day or month, unless it is the one under way."""
        if self.span != span:
            self.span, self.attempt, self.sums, self.slices = span, Attempt(), {}, 0

    def again(self, products: Iterable[str] = (), kinds: Iterable[SumKind] = ()) -> None:
        """Begins another attempt, which looks for sums of more products and kinds."""
        was = self.attempt
        self.attempt = Attempt(was.number + 1, (*was.products, *products), (*was.kinds, *kinds))
        self.sums = {}


class _Row(Value):
    """A row of a count, without its merchant and span, and what is added to it."""

    currency: str
    test: bool
    product: str
    country: str
    series: str
    cohort: str
    label: str
    amounts: dict[str, int]


class _Kept(Value):
    """A progress as it is stored."""

    done: dict[str, int]
    span: str
    attempt: Attempt
    slices: int
    rows: list[_Row]


def digest(rows: Iterable[FigureSums]) -> str:
    """Returns a text that is another one for other sums, whatever their order."""
    found = blake2s()
    for text in sorted(map(repr, rows)):
        found.update(text.encode())
    return found.hexdigest()


def kinds_of(rows: Iterable[FigureSums]) -> Set[SumKind]:
    return {(row.test, row.series) for row in rows}


def written(progress: Progress) -> bytes:
    """Returns a progress as JSON."""
    rows = [
        _Row(
            *(row.currency.value, row.test, row.product, row.country),
            *(row.series, row.cohort, row.label, amounts),
        )
        for row, amounts in progress.sums.values()
    ]
    kept = _Kept(progress.done, progress.span, progress.attempt, progress.slices, rows)
    return to_json(kept)


def read(merchant: str, text: bytes) -> Progress:
    """Returns a merchant's progress from JSON; an empty one for what another version of the code
    wrote in another form."""
    found = Progress()
    kept = from_json(text, _Kept)
    if kept is None:
        return found
    found.done, found.span, found.slices = kept.done, kept.span, kept.slices
    found.attempt = kept.attempt
    for each in kept.rows:
        row = FigureSums(
            *(merchant, kept.span, Currency(each.currency), 0, each.test),
            *(each.product, each.country),
            series=each.series,
            cohort=each.cohort,
            label=each.label,
        )
        found.sums[row.place] = row, each.amounts
    return found
