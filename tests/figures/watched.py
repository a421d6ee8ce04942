"""A world whose table has a stream, and the figures that are read from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from billing.figures.flows import observe
from billing.figures.movement_kinds import OF_CASES, OF_MRR, OF_OFFERS
from billing.figures.movements import Movement
from billing.figures.records import Record, sequence
from billing.figures.sums import AMOUNTS, FigureSums
from billing.kernel.invoices import Invoice
from billing.kernel.orders import Order
from billing.kernel.subscription import Subscription
from tests.world import World

SHARD = "shardId-00000001414576573621-f55eea83"
FAR = date(9000, 1, 1)
LONG = ("2000-01-01", "9000-01-01")


class Watched(World):
    """A world that keeps the records of its table's stream, and reads them when asked."""

    def __init__(self, **operation: Any) -> None:
        super().__init__(**operation)
        self.records: list[Record] = []
        self.read = 0
        self.invoices: dict[str, Invoice] = {}
        items: Any = self.store._items
        put: Callable[..., Any] = items._put

        def noted(key: Any, entity: Any) -> Any:
            before = put(key, entity)
            if isinstance(entity, Invoice):
                self.invoices[entity.id] = entity
            if isinstance(entity, Subscription | Order):
                number = sequence(str(400_000_000_000_000_000_000 + len(self.records)))
                self.records.append(Record(number, self.now, before, entity))
            return before

        items._put = noted

    def observe(self, records: Iterable[Record] | None = None, *, shard: str = SHARD) -> None:
        """Reads the stream from where it was left, or the given records."""
        if records is None:
            records, self.read = self.records[self.read :], len(self.records)
        observe.observe(self.ports, shard, list(records), now=self.now)

    def movements(self, *, test: bool = True) -> list[Movement]:
        """Returns the movements of recurring revenue, of trials' and of what is about to end."""
        return [each for each in self._booked(test=test) if each.kind not in OF_CASES | OF_OFFERS]

    def case_steps(self, *, test: bool = True) -> list[Movement]:
        """Returns the steps of trials, failed payments and cancellations."""
        return [each for each in self._booked(test=test) if each.kind in OF_CASES]

    def _booked(self, *, test: bool) -> list[Movement]:
        return self.store.movements("acme", date(2000, 1, 1), FAR, limit=10_000, test=test)

    def sums(
        self, *, test: bool = True, product: str = "", length: str = "day", series: str = ""
    ) -> list[FigureSums]:
        """Returns the sums of all days or months, or the rows of a series."""
        since, until = ("2000-01", "9000-01") if length == "month" or series else LONG
        return self.store.figure_spans(
            "acme", since, until, product=product, test=test, series=series
        )

    def total(self, name: str, **where: Any) -> int:
        return sum(getattr(row, name) for row in self.sums(**where))

    def mrr(self, **where: Any) -> int:
        return sum(row.mrr for row in self.sums(**where))


def by_day(rows: Iterable[FigureSums]) -> dict[tuple[str, str], int]:
    """Adds rows up by span and field, without zeros."""
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        for name in AMOUNTS:
            found[row.span, name] += getattr(row, name)
    return {key: amount for key, amount in found.items() if amount}


def mrr_of(movements: Iterable[Movement]) -> int:
    return sum(each.minor for each in movements if each.kind in OF_MRR)


__all__ = ["Watched", "by_day", "datetime", "mrr_of"]
