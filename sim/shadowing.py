"""Before subscriptions are moved: their source's list is read, and they run in its shadow (M-6).

The list is read while its source changes under it, calls are lost and processes die. Then the
source charges for some weeks, a few times wrongly, and each comparison must say exactly that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from billing.jobs.jobs import OVER
from billing.kernel.live_sources import Collected
from billing.migration.flows import listing, shadow, shadow_report
from billing.migration.flows.listing import Listing
from billing.migration.flows.shadow_rows import THERE
from billing.migration.import_rows import ImportedRow
from billing.migration.imports import ImportState
from billing.migration.shadows import Kind
from billing.migration.unchanged import SOON_OVER
from sim.source import Bill, Held

if TYPE_CHECKING:
    from sim.moving import Move

WRONG = 0.01
"""The share of charges that are another amount, are not made, or are made once more."""

TURNS = 600
"""The most ticks of a job that is awaited: days, of which it is held up for hours at most."""

LATER = 1_000_000
"""The number of the first subscription that begins while the list is read."""


def list_all(move: Move, during: float) -> Iterator[str]:
    """Imports the source's own list; yields what is wrong with it. A share changes meanwhile."""
    world = move.world
    at_first = {held.id for held in move.source.held.values() if held.ended_at is None}
    begun = listing.begin(
        world.ports, world.merchant, Listing("sandbox", mails=False), by="sim", now=world.now
    )
    move.import_id = begun.found.id
    found = begun.found
    for turn in range(TURNS):
        found = world.store.import_("acme", move.import_id) or found
        if found.state is not ImportState.CHECKING:
            break
        for held in [*move.source.held.values()]:
            if held.ended_at is None and move.chance("changes") < during:
                move.end_there(held)
        if move.chance("changes") < 0.5:
            move.source.add(move.subscription(LATER + turn, "changes"))
        move.tick(timedelta(minutes=2))
    rows = move.rows()
    read = Counter(each.external_id for each in rows)
    if found.state is not ImportState.CHECKED:
        yield f"the list is {found.state} after {TURNS} turns"
    yield from (f"{name} was read {count} times" for name, count in read.items() if count > 1)
    live = {name for name in at_first if move.source.held[name].ended_at is None}
    yield from (f"{name} was never read" for name in sorted(live - set(read)))
    counted = (found.rows, found.checked, found.ok + found.warnings + found.blocking)
    if counted != (len(rows),) * 3:
        yield f"{len(rows)} rows were read, and {counted} are counted"
    if found.blocking:
        yield f"{found.blocking} rows block, and all could be moved"


def go_wrong(move: Move) -> None:
    """Lets the source charge a few of its last charges wrongly."""
    for held in move.source.held.values():
        if not held.bills or held.bills[-1].collected is not Collected.PAID:
            continue
        last, drawn = held.bills[-1], move.chance("wrong")
        if drawn < WRONG:
            last.amount_minor += 100
        elif drawn < 2 * WRONG:
            last.collected = Collected.VOID
            move.excused.add((held.id, last.at))
        elif drawn < 3 * WRONG:
            move.extra[held.id] = last.at - timedelta(days=4)
            held.bills.insert(-1, Bill(move.extra[held.id], 500, Collected.PAID))
        move.tally["charges that went wrong"] += drawn < 3 * WRONG


def compare(move: Move) -> Iterator[str]:
    """Compares the import with its source; yields what the report leaves out, or makes up."""
    world = move.world
    begun = shadow.begin(world.ports, world.merchant, move.import_id, charges=None, now=world.now)
    before = move.source.calls["stop"]
    for _ in range(TURNS):
        found = shadow.one(world.ports, "acme", move.import_id)
        if found.job.state in OVER:
            break
        move.tick(timedelta(minutes=2))
    if found.totals is None or found.job.created_at != begun.job.created_at:
        yield f"the comparison is {found.job.state} after {TURNS} turns"
        return
    report = shadow_report.first(world.ports, "acme", move.import_id).differences
    said = Counter((each.external_id, each.kind) for each in report)
    rows = [each for each in move.rows() if each.state in THERE]
    must, may = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for row in rows:
        held = move.source.held[row.external_id]
        must.update(_expected(move, row, held, found.job.created_at))
        may.update(_expected(move, row, held, world.now))
    move.tally["differences that were found"] += said.total()
    if not move.moves_meanwhile:
        yield from (f"{each} is not said" for each in must - said)
        yield from (f"{each} is made up" for each in said - may)
        if found.totals.rows != len(rows):
            yield f"{found.totals.rows} rows were compared, and {len(rows)} are there"
    if move.source.calls["stop"] != before and not move.moves_meanwhile:
        yield "the comparison stopped a subscription"


def _expected(
    move: Move, row: ImportedRow, held: Held, until: datetime
) -> Iterator[tuple[str, str]]:
    """Yields what is to be said of a row that has been charged there until an instant."""
    if held.ended_at is not None and held.ended_at <= until:
        yield held.id, "source_ended"
    first = datetime.fromisoformat(row.columns["next_charge_at"])
    bills = {each.at: each for each in held.bills}
    k = 1
    while (date := held.date(k)) <= until - SOON_OVER:
        k += 1
        if date < first:
            continue
        bill = bills.get(date)
        if bill is None or bill.collected is Collected.VOID:
            yield held.id, Kind.NOT_THERE
        elif bill.amount_minor != held.price_minor:
            yield held.id, Kind.AMOUNT
    extra = move.extra.get(held.id)
    if extra is not None and extra >= first - timedelta(days=3):
        yield held.id, Kind.NOT_HERE
