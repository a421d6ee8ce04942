"""Runs that have time for a few things only, over items that our code fails on (27).

In a hurried seed each sweep learns that its time is over after some looks, reads lists in pages of
two, and meets items that it cannot handle until somebody has fixed them. Whatever is due must be
looked at all the same, within as many runs as its place in the line says, while nothing else fails.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from billing.accounts.flows import account_life
from billing.cancel.flows import cancel
from billing.declarations.flows import look
from billing.helpdesk.flows import decision
from billing.kernel.due import DueKind
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.storage import Due
from billing.kernel.writes import Entity
from billing.notices.flows import remind
from billing.outbox.flows import deliver
from billing.privacy.flows import erase
from billing.storage.addresses import Key
from billing.storage.due_keys import owner_key
from billing.storage.entity_keys import key_of
from billing.storage.store import ItemStore
from sim.chance import WORD, digest
from sim.faults import Faults
from sim.invariants import Violation
from sim.items import Table
from sim.virtual_clock import Invocation

BROKEN = 0.15
"""The share of the items that our code fails on."""

MENDED_AFTER = 80
"""The number of times our code fails before somebody has fixed it."""

ALONE = 5
"""The times that a failure counts after a run that had looks to spare.

It kept nobody waiting, and to wait for eighty of those took most of a hurried seed's time."""

PATIENCE = 12
"""The most runs that may pass an item over, beside two for each other item that waits.

That is more than there are kinds and shards to begin with."""

KINDS: dict[str, tuple[DueKind, ...]] = {
    "sweep": (DueKind.CHECKOUT, DueKind.REFUND, DueKind.BILL),
    "ending": (DueKind.CANCEL,),
    "deciding": (DueKind.DECLARATION, DueKind.TICKET),
    "erasing": (DueKind.ERASE,),
    "outbox sweep": (DueKind.NOTICE,),
}
"""The kinds of due date that each schedule's handler looks at, beside the outbox."""

BREAKING = tuple(f"{what} " for what in KINDS if what != "sweep")
"""The handlers that items break, by the beginnings of their names; outbox handlers too."""

ITEMS = ("SUB#", "TICKET", "CHECKOUT", "NOTICE#")

SWEEPS = (
    account_life.sweep,
    cancel.sweep,
    decision.sweep,
    look.sweep,
    erase.sweep,
    deliver.sweep,
    remind.sweep,
)


class Broken(Exception):
    """A failure of our own code over an item, as a defect would cause it."""


class Context:
    """A Lambda context in which time is over after some looks."""

    function_name = "simulated"
    aws_request_id = "simulated"

    def __init__(self, looks: int) -> None:
        self._asks = 2 * looks + 2
        self._asked = 0
        self.is_over = False

    def get_remaining_time_in_millis(self) -> int:
        """Returns the remaining time: half of it is over after `looks` questions, the first of
        which ask how much there is.
        """
        self._asked += 1
        self.is_over = self._asked > self._asks
        return 10**9 - (self._asked - 1) * 10**9 // self._asks


@contextmanager
def small_parts(size: int | None) -> Iterator[None]:
    """Limits sweeps to list pages of this size until the end of the block; None changes
    nothing.
    """
    if size is None:
        yield
        return
    defaults = [dict(sweep.__kwdefaults__ or {}) for sweep in SWEEPS]
    try:
        for sweep, default in zip(SWEEPS, defaults, strict=True):
            sweep.__kwdefaults__ = {**default, "limit": size}
        yield
    finally:
        for sweep, default in zip(SWEEPS, defaults, strict=True):
            sweep.__kwdefaults__ = default


class Hurry:
    """The hurry of one seed: which items are broken, and how many runs each item has waited."""

    def __init__(self, seed: int, looks: int | None, table: Table, faults: Faults, shards: int):
        self.looks = looks
        self._seed = seed
        self._store = ItemStore(table)
        self._faults = faults
        self._shards = range(shards)
        self._touched: dict[str, set[Key[Entity]]] = {}
        self._contexts: dict[str, Context] = {}
        self._late: dict[str, list[Key[Entity]]] = defaultdict(list)
        self._waited: dict[Key[Entity], tuple[int, int]] = {}
        self._broke: Counter[str] = Counter()
        self._had_looks: dict[str, bool] = {}

    def touch(
        self, invocation: Invocation, keys: Callable[..., Key[Entity]], of: Iterable[Any]
    ) -> None:
        """Notes that an invocation looks at the items of these keys."""
        for each in of if invocation.name in self._touched else ():
            self._touch(invocation, keys(each))

    def read(self, invocation: Invocation, key: Key[Entity]) -> None:
        """Notes that an invocation reads an item; raises `Broken`."""
        if self.looks is None:
            return
        if invocation.name in self._touched:
            self._touch(invocation, key)
        if invocation.name.startswith(BREAKING) and key.sk.startswith(ITEMS):
            self.breaks(invocation, " ".join(key))

    def _touch(self, invocation: Invocation, key: Key[Entity]) -> None:
        touched, context = self._touched[invocation.name], self._contexts[invocation.name]
        if context.is_over and key not in touched and _is_due(key):
            self._late[invocation.name].append(key)
        touched.add(key)

    def breaks(self, invocation: Invocation, name: str) -> None:
        """Raises `Broken` if our code fails on the item of that name."""
        if self.looks is None or not self._faults.on or self._broke[name] >= MENDED_AFTER:
            return
        if int.from_bytes(digest(self._seed, "broken", name, 4), "big") < BROKEN * WORD:
            what = invocation.name.rsplit(" ", 2)[0]
            self._broke[name] += ALONE if self._had_looks.get(what, False) else 1
            raise Broken(name)

    def begins(self, invocation: Invocation, context: Context | None) -> int:
        """Begins a sweep; returns the number of faults before it."""
        if context is not None:
            self._touched[invocation.name] = set()
            self._contexts[invocation.name] = context
        return len(self._faults.fired)

    def ends(self, invocation: Invocation, what: str, now: datetime, faults_before: int) -> None:
        """Ends a sweep that ended by itself; what it did not look at has waited one more run."""
        if self.looks is None:
            return
        touched = self._touched.pop(invocation.name)
        del self._contexts[invocation.name]
        late = self._late.pop(invocation.name, [])
        if late:
            keys = ", ".join(" ".join(key) for key in late)
            raise Violation("27", f"{invocation.name} had no time left, and began {keys}")
        for key in touched:
            self._waited.pop(key, None)
        fired = self._faults.fired[faults_before:]
        if any(fault.actor == invocation.name for fault in fired):
            return
        lines: list[list[Key[Entity]]] = [
            [owner_key(due) for due in self._due(kind, now)] for kind in KINDS[what]
        ]
        if what == "outbox sweep":
            lines.append([key_of(event) for event in self._tellable(now)])
        self._had_looks[what] = sum(map(len, lines)) < self.looks
        for line in lines:
            patience = PATIENCE + 2 * len({*line, *touched})
            for key in line:
                if key not in touched:
                    self._waits(key, patience)

    def _waits(self, key: Key[Entity], patience: int) -> None:
        waited, longest = self._waited.get(key, (0, 0))
        self._waited[key] = waited + 1, max(longest, patience)
        if waited >= max(longest, patience):
            text = f"{' '.join(key)} was due and not looked at in {waited + 1} runs"
            raise Violation("27", text, *key.sk.split("#"))

    def _due(self, kind: DueKind, now: datetime) -> list[Due]:
        return [due for shard in self._shards for due in self._store.due(kind, shard, now, 10_000)]

    def _tellable(self, now: datetime) -> list[OutboxEvent]:
        until = now - deliver.SWEEP_AFTER
        found = [f for shard in self._shards for f in self._store.undelivered(shard, until, 10_000)]
        return [
            event for event in found if event.claimed_until is None or event.claimed_until <= now
        ]


def _is_due(key: Key[Entity]) -> bool:
    """Returns whether an item is one that sweeps look for, by its key."""
    return key.sk.startswith(ITEMS) or key.pk.startswith("OB#")
