"""Delivers outbox events: from the stream as they are written, and what it left in a sweep (R-8).

The events of one purchase are delivered in the order in which they were written, those of different
purchases side by side. An event that fails holds up none behind it.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest

from billing.kernel.errors import Unavailable
from billing.kernel.flows.walks import rotated
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports
from billing.outbox import lines
from billing.outbox.flows import consume

SWEEP_AFTER = timedelta(minutes=2)
"""The age from which the sweep delivers an event that the stream has not."""

EVERY = timedelta(minutes=5)
"""The interval of the sweep."""

READ_AT_MOST = 6400
"""The most events that are read of one shard, unless all of them are claimed."""

TOGETHER = timedelta(seconds=10)
"""The time within which two events of a purchase may be delivered at the same time, by different
processes: the order of these is kept."""

LOOK = 200
"""The most events of a shard that are looked at around those that the stream names."""

KeepGoing = Callable[[], bool]
Named = tuple[int, datetime, str]
"""Shard, instant and id of an event, as its key names it."""


class _Work:
    """The events delivered so far: their counts, and the first error of our own code."""

    def __init__(self, ports: Ports, now: datetime, keep_going: KeepGoing) -> None:
        self.ports, self.now, self.keep_going = ports, now, keep_going
        self.tally: Counter[str] = Counter()
        self.bug: Exception | None = None

    def deliver(self, events: Iterable[OutboxEvent]) -> None:
        """Delivers events side by side, those of one purchase one after the other."""
        for together in lines.rounds(events):
            for result in self.ports.each(self._deliver_one, together):
                assert not isinstance(result, Unavailable), "consume counts it"
                counted, bug = result
                self.tally += counted
                self.bug = self.bug or bug

    def _deliver_one(self, event: OutboxEvent) -> tuple[Counter[str], Exception | None]:
        if not self.keep_going():
            return Counter(left=1), None
        try:
            done = consume.consume(self.ports, event, now=self.now, keep_going=self.keep_going)
        except Exception as bug:
            return Counter(), bug
        return done, None

    def finished(self) -> Counter[str]:
        """Returns the counts; raises the first error of our own code, now that the others are
        delivered."""
        if self.bug is not None:
            raise self.bug
        return self.tally


def sweep(
    ports: Ports,
    *,
    now: datetime,
    limit: int = 100,
    keep_going: KeepGoing = lambda: True,
) -> Counter[str]:
    """Delivers the events that the stream left undelivered, beginning with another shard each time.

    An event that our code breaks on holds up no other: its error is raised once the others are
    delivered.
    """
    work = _Work(ports, now, keep_going)
    for shard in rotated(range(ports.operation.shards), now, EVERY):
        work.deliver(_undelivered(ports, shard, now, limit, work.tally))
    return work.finished()


def _undelivered(
    ports: Ports, shard: int, now: datetime, limit: int, tally: Counter[str]
) -> list[OutboxEvent]:
    """Lists a shard's events that nobody has claimed and that need not wait, up to `limit`.

    They take turns by merchant, another merchant first each time; of each merchant the event that
    could be delivered for the longest time comes first. A merchant that is disarmed or out of reach
    holds up no other.
    """
    waiting: dict[str, list[OutboxEvent]] = defaultdict(list)
    last: OutboxEvent | None = None
    read = 0
    while read < READ_AT_MOST or not waiting:
        found = ports.store.undelivered(shard, now - SWEEP_AFTER, limit, after=last)
        for event in found:
            if lines.is_claimed(event, now):
                tally["claimed"] += 1
                continue
            line = waiting[event.merchant]
            insort(line, event, key=_deliverable_at)
            del line[limit:]
        if len(found) < limit:
            break
        last, read = found[-1], read + len(found)
    merchants = rotated(sorted(waiting), now, EVERY * ports.operation.shards)
    turns = zip_longest(*(waiting[merchant] for merchant in merchants))
    return [event for turn in turns for event in turn if event is not None]


def _deliverable_at(event: OutboxEvent) -> datetime:
    return event.claimed_until or event.at


def deliver(
    ports: Ports,
    events: Sequence[Named],
    *,
    now: datetime,
    keep_going: KeepGoing = lambda: True,
) -> Counter[str]:
    """Delivers the events that the stream names, if they are undelivered; leaves to the sweep what
    it has no time for.

    An event that our code breaks on holds up no other: its error is raised once the others are
    delivered.
    """
    work = _Work(ports, now, keep_going)
    shards: dict[int, list[Named]] = defaultdict(list)
    for named in events:
        shards[named[0]].append(named)
    for shard, of_shard in shards.items():
        _deliver_shard(work, shard, of_shard)
    return work.finished()


def _deliver_shard(work: _Work, shard: int, named: Sequence[Named]) -> None:
    """Delivers events of one shard, and what stands in their lines: ahead of them, or written
    meanwhile.

    Another process may have left us what is behind our events, so we look again after them.
    """
    since = min(at for _, at, _ in named) - TOGETHER
    until = max(work.now, *(at for _, at, _ in named)) + TOGETHER

    def around() -> list[OutboxEvent]:
        return work.ports.store.undelivered(shard, until, LOOK, since=since)

    found = around()
    found += _beyond(work.ports, named, found)
    theirs = {event_id for _, _, event_id in named}
    ours = {lines.line_of(event) for event in found if event.id in theirs}
    work.tally += Counter(told_before=len(theirs - {event.id for event in found}))
    seen: set[str] = set()
    while coming := [e for e in lines.ready(found, ours, work.now) if e.id not in seen]:
        seen |= {event.id for event in coming}
        work.deliver(coming)
        found = around()


def _beyond(
    ports: Ports, named: Sequence[Named], found: Sequence[OutboxEvent]
) -> list[OutboxEvent]:
    """Reads named events by themselves where there were too many around them to see them all."""
    if len(found) < LOOK:
        return []
    seen = {event.id for event in found}
    read = [ports.store.outbox_event(*each) for each in named if each[2] not in seen]
    return sorted(filter(None, read), key=lambda event: event.at)
