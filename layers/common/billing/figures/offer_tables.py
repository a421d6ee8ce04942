"""Tables of save offers, computed from rows of sums (X-11, M-10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from billing.figures.movement_kinds import MovementKind
from billing.figures.offers import KEPT_AFTER
from billing.figures.periods import ratio
from billing.figures.sums import FigureSums
from billing.kernel.save_offers import OfferKind
from billing.kernel.values import Value

A_MONTH = timedelta(days=31)


class Offers(Value):
    """The save offers of a kind, or of a month: shown, taken, and taken by subscriptions that were
    `lost` within 90 days.

    `settled` were taken in months for which these days are over; `settled_lost` of them were lost.
    """

    name: str
    shown: int = 0
    taken: int = 0
    lost: int = 0
    settled: int = 0
    settled_lost: int = 0

    @property
    def share(self) -> Decimal | None:
        """The share of those shown that was taken."""
        return ratio(self.taken, self.shown)

    @property
    def kept(self) -> Decimal | None:
        """The share of those settled whose subscription went on; None while none are."""
        return ratio(self.settled - self.settled_lost, self.settled)


def by_kind(rows: Iterable[FigureSums], months: Sequence[str], today: date) -> tuple[Offers, ...]:
    """Returns the offers of months by their kind; kinds that were never shown or taken are left
    out."""
    found = _offers(rows, months, today, _kind_of, [kind.value for kind in OfferKind])
    return tuple(each for each in found if each.shown or each.taken)


def by_month(rows: Iterable[FigureSums], months: Sequence[str], today: date) -> tuple[Offers, ...]:
    """Returns the offers of months by the month in which they were shown, or taken."""
    return _offers(rows, months, today, lambda row: row.cohort, months)


def all_offers(found: Sequence[Offers]) -> Offers:
    """Returns offers of several months together."""
    fields = Offers.__struct_fields__[1:]
    return Offers("", *(sum(getattr(each, name) for each in found) for name in fields))


def is_settled(month: str, today: date) -> bool:
    """Tests whether each offer of a month has had its days to keep a subscription."""
    after = (date.fromisoformat(f"{month}-01") + A_MONTH).replace(day=1)
    return today > after + KEPT_AFTER


def _offers(
    rows: Iterable[FigureSums],
    months: Sequence[str],
    today: date,
    by: Callable[[FigureSums], str],
    names: Sequence[str],
) -> tuple[Offers, ...]:
    wanted = [row for row in rows if row.cohort in set(months)]
    settled = [row for row in wanted if is_settled(row.cohort, today)]
    all_of, over = _counted(wanted, by), _counted(settled, by)
    return tuple(
        Offers(
            name,
            all_of[name, MovementKind.OFFER_SHOWN],
            all_of[name, MovementKind.OFFER_TAKEN],
            all_of[name, MovementKind.OFFER_LOST],
            over[name, MovementKind.OFFER_TAKEN],
            over[name, MovementKind.OFFER_LOST],
        )
        for name in names
    )


def _counted(
    rows: Iterable[FigureSums], by: Callable[[FigureSums], str]
) -> Counter[tuple[str, str]]:
    count: Counter[tuple[str, str]] = Counter()
    for row in rows:
        count[by(row), row.label.partition(":")[0]] += row.cases
    return count


def _kind_of(row: FigureSums) -> str:
    return row.label.partition(":")[2]
