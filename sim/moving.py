"""Two engines, one customer: an import of thousands moved under faults, and judged (M-6).

    python -m sim.moving --subscriptions 10000 --seed 1 [--undo] [--listed]

A source shaped like Stripe renews its subscriptions while they are moved. Calls to it are lost,
answered late or carried out late, processes die, customers cancel at either side, and some are
undone. In the end every date of every subscription was charged once, by one of the two, or was not
to be charged at all. With `--listed` the import is the source's own list, read under the same
faults, and the subscriptions run in its shadow for some weeks before they are moved
(`shadowing.py`).
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from billing.aws.sqs_queue import leases_of
from billing.cancel.flows import cancel
from billing.jobs.flows import sweep as jobs_sweep
from billing.jobs.flows import work as jobs_work
from billing.kernel.errors import Unreachable
from billing.kernel.gateways import SavedMethod
from billing.kernel.live_sources import Collected
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Anchor, Period
from billing.kernel.ports import Consumer
from billing.kernel.subscription import Source as By
from billing.kernel.subscription import State, When
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.migration.flows import cut_over, undo
from billing.migration.import_rows import ImportedRow, Result, RowState
from billing.migration.imports import Import, ImportState
from billing.runtime import handlers, job_kinds
from sim import shadowing
from sim.chance import digest, share
from sim.source import Held, Source
from tests.world import World

LOST, UNDONE_LATE, KILLED = 0.01, 0.005, 0.002
DAY = timedelta(days=1)


class Died(BaseException):
    """A process that dies; nothing catches this but whoever starts processes."""


class Move:
    """A run: the world, its source, and what the customers of both do."""

    def __init__(self, subscriptions: int, seed: int, *, listed: bool = False) -> None:
        self._seed, self._drawn = seed, Counter[str]()
        self._stream = "moving"
        self.excused: set[tuple[str, datetime]] = set()
        self.extra: dict[str, datetime] = {}
        self.moves_meanwhile = False
        self.world = World()
        self.source = Source(lambda: self.world.now, "sandbox", self._line)
        self.world.ports = replace(
            self.world.ports, source=lambda account: self.source, consumers=_without_mails
        )
        self.product = self.world.product()
        self.later: list[tuple[datetime, Callable[[], object]]] = []
        self.faults = True
        self.tally: Counter[str] = Counter()
        self.cancelled_at: dict[str, datetime] = {}
        for number in range(subscriptions):
            self.source.add(self.subscription(number, "moving"))
        self.import_id = "imp_20260131150000simulated"
        self._listed = listed
        if not listed:
            self._store()

    def chance(self, stream: str) -> float:
        """Returns the next draw of a stream, from 0 to just under 1."""
        self._drawn[stream] += 1
        return share(int.from_bytes(digest(self._seed, stream, self._drawn[stream], 4), "big"))

    def subscription(self, number: int, stream: str) -> Held:
        """Makes a subscription that began some days ago."""
        back = timedelta(seconds=int(self.chance(stream) * 27 * 86_400))
        name = f"sub_{number}"
        card = SavedMethod(f"pm_card_visa.{name}", "visa", "4242", "2034-12", f"fp_{name}")
        saved = self.world.sandbox.save_method(
            "pm_card_visa", owner=name, key=f"card:{name}", verify=False
        )
        card = saved if isinstance(saved, SavedMethod) else card
        return Held(
            name,
            f"buyer{number}@example.com",
            Anchor((self.world.now - back).replace(tzinfo=None), "UTC"),
            Period.MONTHLY,
            2999,
            card,
        )

    def _store(self) -> None:
        rows = list(self.source.held.values())
        found = Import(
            self.import_id,
            "acme",
            "sandbox",
            "canonical",
            self.world.now,
            "up_1",
            state=ImportState.CHECKED,
            rows=len(rows),
            ok=len(rows),
        )
        self.world.store.commit(Insert(found))
        point = {"price_point": self.product.default_price_point}
        for number, held in enumerate(rows, 1):
            cells = json.dumps({**dict(self.source.cells(held)), **point})
            row = ImportedRow("acme", found.id, number, held.id, cells, Result.OK)
            self.world.store.commit(Insert(row))

    def _line(self, name: str, act: Callable[[], object]) -> object:
        """Carries a call to the source, or loses it, its answer or the process."""
        drawn = self.chance(self._stream) if self.faults else 1.0
        if drawn < LOST:
            self.tally["calls that did nothing"] += 1
            raise Unreachable("lost")
        if drawn < 2 * LOST:
            act()
            self.tally["answers lost"] += 1
            raise Unreachable("answer lost")
        if drawn < 2 * LOST + UNDONE_LATE and name != "cancel":
            self.tally["calls carried out late"] += 1
            late = timedelta(seconds=1 + int(self.chance(self._stream) * 299))
            self.later.append((self.world.now + late, act))
            raise Unreachable("late")
        done = act()
        if self.faults and self.chance(self._stream) < KILLED:
            self.tally["processes that died"] += 1
            raise Died
        return done

    def tick(self, step: timedelta) -> None:
        """Lets time pass: the source renews, late calls land, jobs and charges do their work."""
        world = self.world
        world.now += step
        due = [each for each in self.later if each[0] <= world.now]
        self.later = [each for each in self.later if each[0] > world.now]
        for _, act in due:
            with suppress(Unreachable):
                act()
        self.source.pass_time()
        jobs_sweep.sweep(world.ports, now=world.now)
        while world.jobs.bodies:
            (lease,) = leases_of(world.jobs.bodies.pop(0))
            with suppress(Died):
                jobs_work.take(
                    world.ports, job_kinds.KINDS, lease, now=world.now, keep_going=lambda: True
                )
        cancel.sweep(world.ports, now=world.now)
        with suppress(Died):
            world.sweep()
        with suppress(Died):
            world.work()

    def customers_cancel(self, share: float) -> None:
        """Lets some customers cancel, at the source or here, with their period or at once."""
        for held in self.source.held.values():
            if held.id in self.cancelled_at or self.chance("moving") >= share:
                continue
            if held.ended_at is None and self.chance("moving") < 0.5:
                self.end_there(held)
                continue
            owner = self.world.store.customer_by_email("acme", held.email)
            if owner is None:
                continue
            for found in self.world.store.holdings("acme", owner).subscriptions:
                if found.state is State.ACTIVE and found.open_invoice is None:
                    cancel.request(
                        self.world.ports,
                        found,
                        when=When.NOW,
                        source=By.CUSTOMER,
                        now=self.world.now,
                    )
                    self.cancelled_at[held.id] = self.world.now
                    self.tally["cancelled here"] += 1

    def end_there(self, held: Held) -> None:
        """Lets a customer cancel at the source, at once."""
        self.source.end(held)
        self.cancelled_at[held.id] = self.world.now
        self.tally["cancelled there"] += 1

    def rows(self) -> list[ImportedRow]:
        """Returns all rows of the import."""
        return self.world.store.imported_rows("acme", self.import_id, limit=1_000_000)

    def _before(self) -> Iterator[str]:
        """Reads the source's list, and runs in its shadow until everything is moved."""
        self._stream = "before"
        yield from shadowing.list_all(self, during=0.002)
        yield from shadowing.compare(self)
        for _ in range(35 * 3):
            self.tick(timedelta(hours=8))
        self.customers_cancel(0.01)
        shadowing.go_wrong(self)
        yield from shadowing.compare(self)
        self._stream = "moving"

    def run(self, *, undoes: bool) -> list[str]:
        """Moves everything, undoes it where that is asked for, and returns the violations."""
        world = self.world
        found = list(self._before()) if self._listed else []
        cut_over.start(world.ports, world.merchant, self.import_id, by=None, now=world.now)
        for _ in range(36):
            self.tick(timedelta(minutes=20))
        self.customers_cancel(0.01)
        for _ in range(20):
            self.tick(timedelta(hours=2))
        if self._listed:
            self._stream = "before"
            self.moves_meanwhile = True
            found += shadowing.compare(self)
            self._stream = "moving"
        if undoes:
            undo.start(world.ports, world.merchant, self.import_id, by=None, now=world.now)
        for _ in range(40):
            self.tick(timedelta(hours=6))
        self.customers_cancel(0.01)
        for _ in range(112):
            self.tick(timedelta(hours=6))
        self.faults = False
        for _ in range(28):
            self.tick(timedelta(hours=6))
        if self._listed and not undoes:
            self.moves_meanwhile = False
            found += shadowing.compare(self)
        return [*found, *self.violations()]

    def violations(self) -> Iterator[str]:
        """Yields what is wrong at the end, by the books of both engines."""
        imported = self.world.store.import_("acme", self.import_id)
        assert imported is not None
        states: Counter[RowState] = Counter()
        rows = {each.external_id: each for each in self.rows()}
        for held in self.source.held.values():
            row = rows.get(held.id)
            if row is not None and row.reason == "source_period_void":  # the merchant is told
                void = (each.at for each in held.bills if each.collected is Collected.VOID)
                self.excused.update((held.id, at) for at in void)
            yield from self._of_dates(held, row)
            if row is None:  # it began while the list was read
                continue
            states[row.state] += 1
            if row.state is RowState.READY:
                yield f"{held.id} is still ready: {row.reason}"
            if row.state is RowState.CONFIRMED and held.ended_at is None:
                yield f"{held.id} was charged here, and is not cancelled there"
            is_theirs = row.state in {RowState.UNDONE, RowState.SKIPPED, RowState.NEW}
            if is_theirs and held.stopped and held.ended_at is None:
                yield f"{held.id} is stopped there though it is {row.state} here"
        self.tally.update({f"rows {state}": count for state, count in states.items()})
        for state in (RowState.ACTIVE, RowState.CONFIRMED, RowState.UNDONE, RowState.SKIPPED):
            counted = getattr(imported, state.value)
            if counted != states[state]:
                yield f"{counted} rows are counted as {state}, and {states[state]} are"

    def _of_dates(self, held: Held, row: ImportedRow | None) -> Iterator[str]:
        there = [each.at for each in held.bills if each.collected is Collected.PAID]
        here = list(self._charged_here(held))
        stops = self.cancelled_at.get(held.id, self.world.now - DAY)
        last = min(stops, self.world.now - DAY)
        k, charged = 1, [*there, *here]
        while (date := held.date(k)) <= self.world.now:
            times = sum(date <= at < date + 8 * DAY for at in charged)
            if times > 1:
                yield f"{held.id} was charged {times} times for {date:%d %b}"
            is_excused = (held.id, date) in self.excused or date <= self.world.merchant.created_at
            if not times and date < last - DAY and not is_excused:
                state = None if row is None else row.state
                yield f"{held.id} was charged by nobody for {date:%d %b}: {state}"
            if times and date > stops + DAY:
                yield f"{held.id} was charged for {date:%d %b} after it was cancelled"
            k += 1

    def _charged_here(self, held: Held) -> Iterator[datetime]:
        owner = self.world.store.customer_by_email("acme", held.email)
        if owner is not None:
            for each in self.world.store.history("acme", owner).orders:
                if each.kind is OrderKind.REBILL:
                    yield each.at


def _without_mails() -> Sequence[Consumer]:
    """Returns the consumers that move something: a run has no reader of 10,000 receipts."""
    return [
        each for each in handlers.CONSUMERS if each.name in {"credit", "sources", "withdrawals"}
    ]


def main() -> None:
    """Runs from the command line; ends with 1 where there is a violation."""
    parser = argparse.ArgumentParser(prog="sim.moving")
    parser.add_argument("--subscriptions", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--undo", action="store_true")
    parser.add_argument("--listed", action="store_true")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    move = Move(given.subscriptions, given.seed, listed=given.listed)
    violations = move.run(undoes=given.undo)
    for each in violations[:20]:
        print(each)
    for name, count in sorted(move.tally.items()):
        print(f"{count:8d} {name}")
    took = time.monotonic() - began
    print(f"{given.subscriptions} subscriptions, {len(violations)} violations, {took:.0f} s")
    raise SystemExit(bool(violations))


if __name__ == "__main__":
    main()
