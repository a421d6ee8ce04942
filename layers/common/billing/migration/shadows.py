"""The shadow of an import: what we would have charged, against what its source did charge (M-6).

Charges of both sides are paired, nearest in time first. What has no pair, or differs from it, is a
difference of its row. A charge of nothing is none; a void one was not made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from billing.kernel.live_sources import Collected, SourceCharge, SourceState, SourceSubscription
from billing.kernel.money import Money
from billing.kernel.periods import zone_named
from billing.kernel.subscription import State
from billing.kernel.values import Value, field, replace
from billing.migration import unchanged
from billing.migration.import_rows import ImportRow
from billing.migration.parsing import parse

NEAR = timedelta(days=3)
"""The longest time between two charges that are for the same date: less than half a week's."""

Ours = Sequence[tuple[datetime, Money]]
"""The charges that we would have made, soonest first."""


class Kind(StrEnum):
    """The differences of charges, cards and dates; a state at the source has a name of its own."""

    AMOUNT = "amount"
    CURRENCY = "currency"
    DATE = "date"
    NOT_THERE = "not_charged_there"
    NOT_HERE = "not_charged_here"
    NOT_COLLECTED = "not_collected_there"
    CARD = "card"
    NEXT_DATE = "next_date"
    CHANGED = "changed"
    CHARGE_UNREADABLE = "charge_unreadable"
    UNANSWERED = "source_unanswered"


class Side(Value):
    """One side of a difference: an instant, an amount in minor units of a currency, or a text."""

    at: datetime | None = None
    minor: int | None = None
    currency: str = ""
    text: str = ""


class Difference(Value):
    """A difference of a row; `kind` names its text, `column` the cell that it is about.

    `number` is the row's, or the line of a file of charges that cannot be read.
    """

    number: int
    external_id: str
    kind: str
    here: Side = Side()
    there: Side = Side()
    column: str | None = None


class Totals(Value):
    """The counts of a comparison.

    `rows` were compared, `different` of them have differences, by `kinds`. `charges` is how many of
    ours were looked for. `moved` rows are charged here by now, `blocked` ones cannot be imported.
    """

    rows: int = 0
    different: int = 0
    charges: int = 0
    moved: int = 0
    blocked: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)

    @property
    def same(self) -> int:
        return self.rows - self.different

    def plus(self, more: Totals) -> Totals:
        """Returns the counts of both."""
        return Totals(
            self.rows + more.rows,
            self.different + more.different,
            self.charges + more.charges,
            self.moved + more.moved,
            self.blocked + more.blocked,
            dict(Counter(self.kinds) + Counter(more.kinds)),
        )

    def with_row(self, found: Sequence[Difference], charges: int) -> Totals:
        """Returns the counts with a row that was compared."""
        kinds = Counter(each.kind for each in found)
        return self.plus(Totals(1, int(bool(found)), charges, kinds=kinds))


class Compared(Value):
    """The source's charges of a subscription; `card` is the last one that a file names."""

    charges: Sequence[SourceCharge]
    card: str | None = None


def of_charges(
    ours: Ours, theirs: Sequence[SourceCharge], *, since: datetime, now: datetime, zone: str
) -> Iterator[tuple[Kind, Side, Side]]:
    """Yields how the charges of both sides from `since` on differ.

    One that is not two hours old may still be made by the other side, so it is only paired. Days
    are those of `zone`.
    """
    here = [each for each in ours if each[1].amount_minor]
    there = [each for each in theirs if each.amount_minor and each.collected is not Collected.VOID]
    latest = now - unchanged.SOON_OVER
    pairs = dict(_pairs([at for at, _ in here], [each.at for each in there]))
    for number, (at, amount) in enumerate(here):
        if number in pairs:
            yield from _of_pair((at, amount), there[pairs[number]], latest, zone)
        elif since <= at <= latest:
            yield Kind.NOT_THERE, _ours(at, amount), Side()
    paired = set(pairs.values())
    for number, charge in enumerate(there):
        if number not in paired and since <= charge.at <= latest:
            is_paid = charge.collected is Collected.PAID
            yield Kind.NOT_HERE if is_paid else Kind.NOT_COLLECTED, Side(), _theirs(charge)


def _pairs(here: Sequence[datetime], there: Sequence[datetime]) -> Iterator[tuple[int, int]]:
    """Yields which charge of one side is which of the other, the nearest ones first."""
    near = sorted(
        (abs(a - b), i, k)
        for i, a in enumerate(here)
        for k, b in enumerate(there)
        if abs(a - b) <= NEAR
    )
    ours: set[int] = set()
    theirs: set[int] = set()
    for _, i, k in near:
        if i not in ours and k not in theirs:
            ours.add(i)
            theirs.add(k)
            yield i, k


def _of_pair(
    ours: tuple[datetime, Money], charge: SourceCharge, latest: datetime, zone: str
) -> Iterator[tuple[Kind, Side, Side]]:
    at, amount = ours
    here, there = _ours(at, amount), _theirs(charge)
    if charge.collected is Collected.OPEN:
        if charge.at <= latest:
            yield Kind.NOT_COLLECTED, here, there
        return
    if charge.currency != amount.currency.value:
        yield Kind.CURRENCY, here, there
    elif charge.amount_minor != amount.amount_minor:
        yield Kind.AMOUNT, here, there
    if not is_same_date(at, charge.at, zone):
        yield Kind.DATE, here, there


def is_same_date(one: datetime, other: datetime, zone: str) -> bool:
    """Tests whether two instants are on one local day, or as near as a source is slow."""
    if abs(one - other) <= unchanged.SOON_OVER:
        return True
    local = zone_named(zone)
    return one.astimezone(local).date() == other.astimezone(local).date()


def of_standing(
    row: ImportRow,
    live: SourceSubscription,
    next_at: datetime | None,
    *,
    mark: str,
    now: datetime,
    zone: str,
) -> Iterator[tuple[str, Side, Side, str | None]]:
    """Yields how a subscription at its source differs from its row, as it would be moved now.

    `next_at` is when we would charge it next. What is paused, or ends, in the row is not compared.
    """
    if row.status not in {State.ACTIVE, State.TRIALING}:
        return
    reason = unchanged.cannot_move(live, mark)
    is_movable = reason in {None, unchanged.WAITS}
    if not is_movable:
        yield str(reason), Side(), Side(), None
    if live.state is not SourceState.RUNNING:
        return
    found = parse(live.cells, zone=row.zone).row
    column = None if found is None else unchanged.changed(row, found)
    if is_movable and found is not None and column is not None:
        here, there = (Side(text=_text(getattr(each, column))) for each in (row, found))
        yield Kind.CHANGED, here, there, column
    yield from _of_card(row, live, next_at or now)
    there_at = live.next_charge_at
    if next_at is None or there_at is None or there_at <= now or next_at <= now:
        return  # it is being renewed there
    if not is_same_date(next_at, there_at, zone):
        yield Kind.NEXT_DATE, Side(at=next_at), Side(at=there_at), None


def _of_card(
    row: ImportRow, live: SourceSubscription, next_at: datetime
) -> Iterator[tuple[str, Side, Side, str | None]]:
    reason = unchanged.card_problem(live.method, next_at, row.zone)
    if reason is not None or live.method is None:
        yield reason or "card_missing", Side(), Side(), None
    elif not same_card(row.payment_method, live.method.token):
        here = Side(text=row.payment_method or "")
        yield Kind.CARD, here, Side(text=live.method.token), "payment_method"


def same_card(named: str | None, token: str | None) -> bool:
    """Tests whether a card of the source is the one that a row names, with its customer or not."""
    if named is None or token is None:
        return True
    return named == token or token.rpartition(":")[2] == named.rpartition(":")[2]


def numbered(found: Difference, number: int, external_id: str) -> Difference:
    """Returns a difference as that of a row."""
    return replace(found, number=number, external_id=external_id)


def _ours(at: datetime, amount: Money) -> Side:
    return Side(at, amount.amount_minor, amount.currency.value)


def _theirs(charge: SourceCharge) -> Side:
    return Side(charge.at, charge.amount_minor, charge.currency)


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value.decimal} {value.currency}" if isinstance(value, Money) else str(value)
