"""Figures in the simulated deployment: read from the stream of a seed's writes, once it is over.

Reading them while the seed runs would show no more: they follow from the stream alone, and nothing
follows from them. Batches come again, and die halfway; each record counts once all the same. In the
end the movements are the differences of what subscriptions are worth, a recount finds no cent
wrong, and both are what an oracle makes of the raw orders and states (31).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from billing.figures.flows import books, observe, recount
from billing.figures.movement_kinds import OF_CASES, OF_MRR, OF_OFFERS, MovementKind
from billing.figures.movements import Movement
from billing.figures.records import Record, sequence
from billing.figures.sums import FigureSums
from billing.kernel.customers import PurchaseBillTo
from billing.kernel.invoices import Invoice
from billing.kernel.orders import Order
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import E, Transaction
from billing.refunds.refunds import Refund
from billing.storage.addresses import IndexPartition, Key, Partition, Row
from billing.storage.memory.items import MemoryItems
from billing.storage.store import ItemStore
from sim import figure_cases, figure_totals
from sim import figures_oracle as oracle
from sim.chance import Chance
from sim.figure_dimensions import lose, parts_agree, rebuild_all, same_sums
from sim.invariants import Violation
from sim.items import Put, Table
from sim.virtual_clock import instant

if TYPE_CHECKING:
    from sim.world import World

OWN = "#FIGURES"
STREAM_KEEPS = timedelta(days=1)
"""The time for which a stream keeps a record: none is read while an older one waits elsewhere."""

BATCH_AT_MOST = 60
SHARDS = ("shardId-1", "shardId-2", "shardId-3")
BEGINNING, END = date(2000, 1, 1), date(9000, 1, 1)
MANY = 100_000
REBUILT_EVERY = 4
"""One seed in so many loses its sums, and has them rebuilt: that takes as long as all else here."""


class Died(BaseException):
    """The process that reads the stream is gone."""


class Beside(MemoryItems):
    """A table's items, with the figures in items of their own beside them."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table
        self.writes_left: int | None = None

    def get(self, key: Key[E]) -> E | None:
        return super().get(key) if key.pk.endswith(OWN) else self._table.get(key)

    def get_many(self, keys: Sequence[Key[E]]) -> list[E | None]:
        return [self.get(key) for key in keys]

    def query(
        self, partition: Partition[E], *, newest_first: bool = False, limit: int | None = None
    ) -> list[E]:
        if partition.pk.endswith(OWN):
            return super().query(partition, newest_first=newest_first, limit=limit)
        return self._table.query(partition, newest_first=newest_first, limit=limit)

    def rows(
        self, partition: IndexPartition[E], *, newest_first: bool = False, limit: int | None = None
    ) -> list[Row[E]]:
        return self._table.rows(partition, newest_first=newest_first, limit=limit)

    def write(self, transaction: Transaction) -> None:
        if self.writes_left == 0:
            raise Died
        super().write(transaction)
        if self.writes_left is not None:
            self.writes_left -= 1


class Changes:
    """The stream of a seed: each change of a subscription and of an order, by its customer."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def note(self, puts: Sequence[Put], at: datetime) -> None:
        for _, before, after in puts:
            if isinstance(after, Subscription | Order):
                number = sequence(str(len(self.records)))
                self.records.append(Record(number, at, before, after))


def figures_agree(world: World) -> None:
    """Reads the seed's stream into figures, and checks them."""
    items = Beside(world.table)
    now = instant(world.clockwork.now_us)
    ports = replace(world.ports, store=ItemStore(items), clock=lambda: now)
    _read(world, ports, items)
    for merchant in world.plan.merchants:
        if (seller := ports.store.merchant(merchant)) is None:
            continue
        found = _Found(ports, merchant)
        _movements_agree(world, ports, found, seller.settings.time_zone)
        _sales_agree(world, found, ZoneInfo(seller.settings.time_zone))
        _recount_agrees(ports, found, seller)
        figure_totals.agree(ports, seller, [*found.days, *found.months])
        if world.seed % REBUILT_EVERY == 0:
            _rebuild_agrees(world, ports, found, ZoneInfo(seller.settings.time_zone))


def _read(world: World, ports: Ports, items: Beside) -> None:
    """Reads the shards of the stream side by side, with batches that die and come again."""
    chance, nights = Chance(world.seed, "figures"), Chance(world.seed, "nights of figures")
    now = instant(world.clockwork.now_us)
    shards: dict[str, list[Record]] = defaultdict(list)
    for record in world.changes.records:
        shards[_shard_of(record)].append(record)
    while shards:
        earliest = min(waiting[0].at for waiting in shards.values())
        kept = [of for of, waiting in shards.items() if waiting[0].at < earliest + STREAM_KEEPS]
        shard = chance.pick(sorted(kept))
        batch = shards[shard][: chance.between(1, BATCH_AT_MOST)]
        if chance.happens(0.2):
            items.writes_left = chance.between(0, 6)
        try:
            observe.observe(ports, shard, batch, now=now)
        except Died:
            continue
        finally:
            items.writes_left = None
        if nights.happens(0.02):
            figure_totals.count(ports, world.plan.merchants)
        if chance.happens(0.8):
            shards[shard] = shards[shard][len(batch) :]
        if not shards[shard]:
            del shards[shard]


def _shard_of(record: Record) -> str:
    customer = record.after.customer or ""
    return SHARDS[sum(customer.encode()) % len(SHARDS)]


class _Found:
    """A merchant's figures as they are stored."""

    def __init__(self, ports: Ports, merchant: str) -> None:
        self.merchant = merchant
        self.products = [product.id for product in ports.store.catalog(merchant)[0]]
        self.moved: list[Movement] = []
        for test in (False, True):
            self.moved += ports.store.movements(merchant, BEGINNING, END, limit=MANY, test=test)
        self.days = self._spans(ports, "2000-01-01", "9000-01-01")
        self.months = self._spans(ports, "2000-01", "9000-01")
        self.series = figure_cases.series_of(ports, merchant, self.products)

    def _spans(self, ports: Ports, since: str, until: str) -> list[FigureSums]:
        return [
            row
            for product in ("", *self.products)
            for test in (False, True)
            for row in ports.store.figure_spans(
                self.merchant, since, until, product=product, test=test
            )
        ]


def _movements_agree(world: World, ports: Ports, found: _Found, zone: str) -> None:
    """Checks movements, and the sums of days and months, against the oracle."""
    written: dict[str, list[tuple[datetime, Any, int]]] = defaultdict(list)
    invoices = {each.id: each for each in world.table.all() if isinstance(each, Invoice)}
    orders = [each for each in world.table.all() if isinstance(each, Order)]
    paid: dict[str, list[Order]] = defaultdict(list)
    for order in (record.after for record in world.changes.records):
        if isinstance(order, Order) and order.kind.value in {"sale", "rebill"}:
            paid[order.subscription or ""].append(order)
    for record in world.changes.records:
        if isinstance(record.after, Subscription) and record.after.merchant == found.merchant:
            rate = _rate(record, paid[record.after.id], invoices)
            written[record.after.customer].append((record.at, record.after, rate))
    mrr: Counter[tuple[date, str]] = Counter()
    places: Counter[tuple[date, str, str, str, bool]] = Counter()
    countries = {
        each.purchase: each.bill_to.address.country
        for each in world.table.all()
        if isinstance(each, PurchaseBillTo)
    }
    kinds: Counter[tuple[date, str]] = Counter()
    steps: Counter[tuple[date, str]] = Counter()
    customers = [
        oracle.expected(history, ZoneInfo(zone), countries) for history in written.values()
    ]
    for expected in customers:
        mrr.update(expected.mrr)
        places.update(expected.places)
        kinds.update(expected.kinds)
        steps.update(expected.steps)
    beside = OF_CASES | OF_OFFERS | {MovementKind.MOVED}
    booked = [each for each in found.moved if each.kind not in beside]
    _same("kinds", found, kinds, Signed.of((e.day, e.kind.value, e.minor) for e in booked))
    stepped = ((e.day, e.step.value, e.customers) for e in found.moved if e.step is not None)
    _same("customers", found, steps, Signed.of(stepped))
    worth = ((e.day, e.product, e.minor) for e in found.moved if e.kind in OF_MRR)
    _same("movements", found, mrr, Signed.of(worth))
    parts = [row for row in found.days if row.product]
    by_part = ((date.fromisoformat(r.span), r.product, r.mrr) for r in parts)
    _same("sums by product", found, mrr, Signed.of(by_part))
    for rows, names in ((found.days, "days"), (found.months, "months")):
        of_all = sum(row.mrr for row in rows if not row.product)
        if of_all != sum(mrr.values()):
            raise Violation("31", f"{found.merchant}: the {names} sum up to {of_all}")
    for test in (False, True):
        mine = Counter({key[:4]: minor for key, minor in places.items() if key[4] is test})
        checked = parts_agree(found.merchant, found.days, found.months, mine, test)
        world.oracle.tally["figures_checked"] += checked
    figure_cases.cases_agree(
        *(world.changes.records, orders, invoices, found.merchant),
        *(found.moved, found.series, customers, ZoneInfo(zone)),
    )
    moved = sum(row.moved for row in parts)
    if moved or any(r.moved for r in found.days if not r.product):
        raise Violation("31", f"{found.merchant}: {moved} moved between products")


class Signed(Counter[tuple[date, str]]):
    """Sums by day and name that may be negative; equal where they differ in zeros alone."""

    @classmethod
    def of(cls, entries: Any) -> Signed:
        sums = cls()
        for day, name, minor in entries:
            sums[day, name] += minor
        return sums


def _same(what: str, found: _Found, expected: Any, stored: Any) -> None:
    for key in sorted({*expected, *stored}):
        if expected[key] != stored[key]:
            text = f"{found.merchant}: {what} of {key} are {stored[key]}, not {expected[key]}"
            raise Violation("31", text)


def _rate(record: Record, paid: Sequence[Order], invoices: Mapping[str, Invoice]) -> int:
    """The rate of the last invoice that a subscription had paid by a record, from raw orders."""
    after: Any = record.after
    by_then = [each for each in paid if each.at <= record.at]
    if after.terms.tax.value != "inclusive" or not by_then:
        return 0
    invoice = invoices[max(by_then, key=lambda each: each.at).invoice or ""]
    return sum(
        line.tax.rate_ppm
        for line in invoice.lines
        if line.tax is not None and not line.tax.reverse_charge and line.tax.taxable_minor >= 0
    )


def _sales_agree(world: World, found: _Found, zone: ZoneInfo) -> None:
    """Checks sales, refunds, chargebacks and taxes by day, product and country."""
    everything = world.table.all()
    invoices = {each.id: each for each in everything if isinstance(each, Invoice)}
    refunds = {each.id: each for each in everything if isinstance(each, Refund)}
    expected: Counter[tuple[str, str, str, str]] = Counter()
    for order in everything:
        if not isinstance(order, Order) or order.merchant != found.merchant:
            continue
        invoice = invoices.get(order.invoice or "") if order.customer else None
        sale = oracle.sold(order, invoice, refunds.get(order.refund_id or ""))
        if sale is None:
            continue
        day = order.at.astimezone(zone).date().isoformat()
        country = "-" if invoice is None else invoice.bill_to.address.country
        for where in (("", ""), (order.product, country)):
            expected[day, sale.name, *where] += sale.net
            if sale.name != "chargebacks":
                tax = "tax" if sale.name == "revenue" else "refunded_tax"
                expected[day, tax, *where] += sale.tax
    stored: Counter[tuple[str, str, str, str]] = Counter()
    for row in found.days:
        for name in ("revenue", "tax", "refunds", "refunded_tax", "chargebacks"):
            stored[row.span, name, row.product, row.country] += getattr(row, name)
    _same("sales", found, expected, stored)


def _recount_agrees(ports: Ports, found: _Found, seller: Any) -> None:
    """Checks that a recount finds no sum of any day or month wrong."""
    rows = [*found.days, *found.months, *found.series]
    if not rows:
        return
    book = books.of(ports, [seller.id], now=ports.clock())[seller.id]
    for span in sorted({row.span for row in rows}):
        wrong = recount.compare(ports, seller, book, span)
        if wrong:
            raise Violation("31", f"{seller.id}: a recount of {span} finds {wrong[0]}")


def _rebuild_agrees(world: World, ports: Ports, found: _Found, zone: ZoneInfo) -> None:
    """Checks that sums that are lost are the same when they are rebuilt.

    A rebuild leaves the day that is still under way to the stream.
    """
    rows = [*found.days, *found.months]
    today = ports.clock().astimezone(zone).date().isoformat()
    lose(ports, [row for row in rows if f"{row.span}-01"[: len(today)] < today])
    rebuild_all(ports, found.merchant)
    after = _Found(ports, found.merchant)
    same_sums(found.merchant, rows, [*after.days, *after.months])
    if after.moved != found.moved:
        raise Violation("31", f"{found.merchant}: a rebuild booked movements that were there")
    world.oracle.tally["figures_rebuilt"] += len(rows)
