"""Sums of figures by day and month: of all, and of each product and country (M-10).

Days have everything; months have only what movements change, so that the start of a period is the
sum of few rows. Sums are kept in shards, so that a busy merchant does not wait for one item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from hashlib import blake2s
from operator import attrgetter
from typing import Any
from zlib import crc32

from billing.figures.movement_kinds import OF_CASES, OF_OFFERS, CustomerStep, MovementKind
from billing.figures.movements import Movement
from billing.kernel.money import Currency
from billing.kernel.periods import Anchor
from billing.kernel.save_offers import OfferKind
from billing.kernel.values import Value, replace
from billing.kernel.writes import Entity

SEEN_MOST = 8
"""The most shards of the stream that a row remembers; a row is to stay under a kilobyte.

A shard is read whole before those that follow it are, every four hours or so. So eight are more
than are ever read at the same time for one row.
"""

A_DAY = timedelta(days=1)
SHARD_NAME_BYTES = 6
MONTH_LENGTH = len("2026-01")


class FigureSums(Entity):
    """The sums of one day or month in one currency, of all or of one product and country.

    `span` is the day, as 2026-01-31, or the month, as 2026-01. Amounts are minor units before tax;
    those of movements are signed. `start_..` are the parts of customers who were live when the
    month began. `product` and `country` are empty for the sums of all. `seen` has the last record
    of each shard of the stream whose orders are in it; customers' figures have that of movements.
    Rows of a `series` follow customers or cases of the month `cohort`: `cases` counts the steps of
    a `label`. `renewals` and `renewed` are the payments and the revenue of renewals alone.
    `offers_..` are a day's save offers, by kind.
    """

    merchant: str
    span: str
    currency: Currency
    shard: int
    test: bool = False
    product: str = ""
    country: str = ""
    new: int = 0
    expansion: int = 0
    contraction: int = 0
    churn: int = 0
    reactivation: int = 0
    paused: int = 0
    resumed: int = 0
    imported: int = 0
    moved: int = 0
    trial: int = 0
    pending: int = 0
    start_expansion: int = 0
    start_contraction: int = 0
    start_churn: int = 0
    customers_new: int = 0
    customers_returned: int = 0
    customers_imported: int = 0
    customers_ended: int = 0
    start_ended: int = 0
    payments: int = 0
    revenue: int = 0
    tax: int = 0
    refunds: int = 0
    refunded_tax: int = 0
    chargebacks: int = 0
    failed: int = 0
    cancel_requests: int = 0
    seen: tuple[str, ...] = ()
    series: str = ""
    cohort: str = ""
    label: str = ""
    cases: int = 0
    cases_minor: int = 0
    renewals: int = 0
    renewed: int = 0
    offers_shown_discount: int = 0
    offers_shown_pause: int = 0
    offers_shown_freeze: int = 0
    offers_shown_downgrade: int = 0
    offers_taken_discount: int = 0
    offers_taken_pause: int = 0
    offers_taken_freeze: int = 0
    offers_taken_downgrade: int = 0

    @property
    def place(self) -> tuple[Any, ...]:
        """The values that name the row; two rows of the same place are one item."""
        return (
            self.merchant,
            self.span,
            self.currency,
            self.shard,
            self.test,
            self.product,
            self.country,
            self.series,
            self.cohort,
            self.label,
        )

    @property
    def mrr(self) -> int:
        """The change of recurring revenue."""
        return sum(getattr(self, name) for name in MOVEMENTS)

    @property
    def customers(self) -> int:
        """The change of the number of live customers."""
        came = self.customers_new + self.customers_returned + self.customers_imported
        return came - self.customers_ended

    def plus(self, amounts: Mapping[str, int]) -> FigureSums:
        """Returns it with amounts added by the names of fields."""
        sums = {name: getattr(self, name) + amount for name, amount in amounts.items()}
        return replace(self, **sums)

    def has_seen(self, shard: str) -> str:
        """Returns the number of the last record of a shard that it has, or an empty text."""
        name = _shard_name(shard)
        return next((e.removeprefix(name) for e in self.seen if e.startswith(name)), "")

    def seeing(self, shard: str, sequence: str) -> FigureSums:
        """Returns it with a later last record of a shard; shards long closed are forgotten."""
        name = _shard_name(shard)
        others = [each for each in self.seen if not each.startswith(name)]
        return replace(self, seen=(*others, name + sequence)[-SEEN_MOST:])


def _shard_name(shard: str) -> str:
    return f"{blake2s(shard.encode(), digest_size=SHARD_NAME_BYTES).hexdigest()}:"


MOVEMENTS = (
    "new",
    "expansion",
    "contraction",
    "churn",
    "reactivation",
    "paused",
    "resumed",
    "imported",
    "moved",
)
"""The fields whose sum is the change of recurring revenue."""

_NO_AMOUNTS = frozenset(
    {
        *("merchant", "span", "currency", "shard", "test", "product", "country", "seen"),
        *("series", "cohort", "label"),
    }
)

AMOUNTS = tuple(name for name in FigureSums.__struct_fields__ if name not in _NO_AMOUNTS)
"""The fields that are added up."""

_OF_START = {
    MovementKind.EXPANSION: "start_expansion",
    MovementKind.CONTRACTION: "start_contraction",
    MovementKind.CHURN: "start_churn",
}


class FigureBook(Entity):
    """The beginning of a merchant's figures, and the zones that their days are in.

    A day is fixed by the zone at its time, so that another zone moves nothing. `cases_since` is the
    time from which trials, failed payments and cancellations are followed, and cohorts kept: later
    than `since` for figures that were kept before there was any of that.
    """

    merchant: str
    since: datetime
    zones: tuple[ZoneSince, ...]
    cases_since: datetime | None = None

    def follows(self, at: datetime) -> bool:
        """Tests whether a case that begins then is followed."""
        return self.cases_since is not None and at >= self.cases_since

    def follows_all_of(self, month: str, since: datetime) -> bool:
        """Tests whether all cases that began in a month are followed, for a merchant who began
        `since`: those of a later month, or of each month if there were cases from the first day
        on."""
        if self.cases_since is None:
            return False
        began = Anchor.at(self.cases_since, self.zone_at(self.cases_since)).wall.date()
        return self.cases_since <= since + A_DAY or month > month_of(began)

    def has_cohort(self, at: datetime) -> bool:
        """Tests whether customers who begin then are in a cohort: in all, or in later ones."""
        since = self.cases_since
        return since is not None and (at >= since or since <= self.since)

    def counts_renewals(self, day: str) -> bool:
        """Tests whether a local day has the sums of its renewals: those after cases began."""
        since = self.cases_since
        if since is None:
            return False
        return day > Anchor.at(since, self.zone_at(since)).wall.date().isoformat()

    def zone_at(self, at: datetime) -> str:
        """Returns the zone that an instant's local day is in."""
        found = [each.zone for each in self.zones if each.since <= at]
        return found[-1] if found else self.zones[0].zone


class ZoneSince(Value):
    """A merchant's time zone, since an instant."""

    since: datetime
    zone: str


def row_shard(stream_shard: str, shards: int) -> int:
    """Returns the shard of the rows that a shard of the stream adds to.

    So a batch writes each row once, and a table that is busy enough to be split has rows that are.
    """
    return crc32(stream_shard.encode()) % shards


def month_of(day: date) -> str:
    """Returns the month of a day, as 2026-01."""
    return day.isoformat()[:MONTH_LENGTH]


def of_movement(movement: Movement, shard: int) -> list[tuple[FigureSums, dict[str, int]]]:
    """Returns the rows of its day and month, with nothing in them, and what a movement adds."""
    if movement.kind in OF_CASES:
        return []
    if movement.kind in OF_OFFERS:
        return _of_offer(movement, shard)
    amounts = {movement.kind.value: movement.minor}
    if movement.of_start and movement.kind in _OF_START:
        amounts[_OF_START[movement.kind]] = movement.minor
    of_all = {} if movement.kind is MovementKind.MOVED else dict(amounts)
    if movement.step is not None:
        of_all[_STEPS[movement.step]] = movement.customers
    if movement.first_end:
        of_all["start_ended"] = 1
    rows = []
    for span in (movement.day.isoformat(), month_of(movement.day)):
        row = FigureSums(movement.merchant, span, movement.currency, shard, movement.test)
        if of_all:
            rows.append((row, of_all))
        part = replace(row, product=movement.product, country=movement.country)
        rows.append((part, amounts))
    return rows


def _of_offer(movement: Movement, shard: int) -> list[tuple[FigureSums, dict[str, int]]]:
    """Returns the rows of the day of an offer; what became of it has rows in its series alone."""
    done = _OFFERS.get(movement.kind)
    if done is None:
        return []
    amounts = {f"offers_{done}_{movement.label}": 1}
    day = movement.day.isoformat()
    row = FigureSums(movement.merchant, day, movement.currency, shard, movement.test)
    part = replace(row, product=movement.product, country=movement.country)
    return [(row, amounts), (part, amounts)]


_OFFERS = {MovementKind.OFFER_SHOWN: "shown", MovementKind.OFFER_TAKEN: "taken"}

OFFERS = tuple(f"offers_{done}_{kind.value}" for done in _OFFERS.values() for kind in OfferKind)
"""The fields that count save offers."""

_STEPS = {step: f"customers_{step.value}" for step in CustomerStep}


Added = dict[tuple[Any, ...], tuple[FigureSums, dict[str, int]]]
"""Rows by their places, each with what is added to it."""


def added(
    parts: Iterable[tuple[FigureSums, Mapping[str, int]]], onto: Added | None = None
) -> Added:
    """Adds up what is added to each row, by its place; onto what was added before, if that is
    given."""
    found: Added = {} if onto is None else onto
    for row, amounts in parts:
        _, sums = found.setdefault(row.place, (row, {}))
        for name, amount in amounts.items():
            sums[name] = sums.get(name, 0) + amount
    return found


def total(rows: Iterable[FigureSums], names: tuple[str, ...] = AMOUNTS) -> dict[str, int]:
    """Adds some fields of rows up, by their names; there are two or more.

    A page adds up thousands of rows: each is read by one call, and each column is summed by one.
    """
    columns = zip(*map(_amounts_of(names), rows), strict=True)
    return dict.fromkeys(names, 0) | dict(zip(names, map(sum, columns), strict=False))


@cache
def _amounts_of(names: tuple[str, ...]) -> Callable[[FigureSums], tuple[int, ...]]:
    return attrgetter(*names)
