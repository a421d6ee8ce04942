"""Delivers outbox events: from the stream as they are written, and what it left in a sweep (R-8).

The events of one purchase are delivered in the order in which they were written, those of different
purchases side by side. An event that fails holds up none behind it.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest

from billing.kernel.errors import Unavailable
from billing.kernel.flows.walks import rotated
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports
from billing.outbox import lines
from billing.outbox.flows import consume, prepare

SWEEP_AFTER = timedelta(minutes=2)
"""The age from which the sweep delivers an event that the stream has not."""

EVERY = timedelta(minutes=5)
"""The interval of the sweep."""

DONE = ("told", "left_out", "waiting")
"""The outcomes of an event that need no other run soon."""

LATE = ("left", "late")
"""The outcomes of an event for which there was no time."""

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
        self.seen: set[str] = set()
        """Ids of the events that were tried or found claimed: a sweep tries none of them again."""

    def deliver(self, events: Sequence[OutboxEvent]) -> None:
        """Delivers events side by side, those of one purchase one after the other.

        Behind an event that could not be claimed the rest of its purchase's waits.
        """
        self.seen.update(event.id for event in events)
        held: set[lines.Line] = set()
        for together in lines.rounds(events):
            going = [event for event in together if lines.line_of(event) not in held]
            self.tally += Counter(behind=len(together) - len(going))
            if not self.count_of(LATE):
                prepare.together(self.ports, going, now=self.now)
            for event, result in zip(going, self.ports.each(self._deliver_one, going), strict=True):
                assert not isinstance(result, Unavailable), "consume counts it"
                counted, bug = result
                if counted.pop(consume.NOT_CLAIMED, 0):
                    held.add(lines.line_of(event))
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

    def count_of(self, outcomes: Iterable[str]) -> int:
        """Returns the number of events that have had one of these outcomes so far."""
        return sum(self.tally[outcome] for outcome in outcomes)

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

    It goes round the shards that hold more than `limit` of a merchant's events until all were tried
    or its time is over. An event that our code breaks on holds up no other: its error is raised
    once the others are delivered.
    """
    work = _Work(ports, now, keep_going)
    shards = rotated(range(ports.operation.shards), now, EVERY)
    while shards:
        shards = [shard for shard in shards if _deliver_round(work, shard, limit)]
    return work.finished()


def _deliver_round(work: _Work, shard: int, limit: int) -> bool:
    """Delivers up to `limit` events of each merchant; tells whether another round is worth it.

    It is not where none of them could be delivered: what is out of reach is left to the next run.
    """
    done, late = work.count_of(DONE), work.count_of(LATE)
    events, has_more = _undelivered(work, shard, limit)
    work.deliver(events)
    return has_more and work.count_of(DONE) > done and work.count_of(LATE) == late


def _undelivered(work: _Work, shard: int, limit: int) -> tuple[list[OutboxEvent], bool]:
    """Lists a shard's events that nobody has claimed and that need not wait; tells whether there
    are more of them.

    They are up to `limit` of each merchant, who take turns, another one first each time; of each
    merchant the event that could be delivered for the longest time comes first. A merchant that is
    disarmed or out of reach holds up no other.
    """
    waiting: dict[str, list[OutboxEvent]] = defaultdict(list)
    last: OutboxEvent | None = None
    read, has_more = 0, False
    while read < READ_AT_MOST or not waiting:
        found = work.ports.store.undelivered(shard, work.now - SWEEP_AFTER, limit, after=last)
        for event in found:
            if event.id in work.seen:
                continue
            if lines.is_claimed(event, work.now):
                work.tally["claimed"] += 1
                work.seen.add(event.id)
                continue
            line = waiting[event.merchant]
            insort(line, event, key=_deliverable_at)
            has_more = has_more or len(line) > limit
            del line[limit:]
        if len(found) < limit:
            break
        last, read = found[-1], read + len(found)
    else:
        has_more = True
    merchants = rotated(sorted(waiting), work.now, EVERY * work.ports.operation.shards)
    turns = zip_longest(*(waiting[merchant] for merchant in merchants))
    return [event for turn in turns for event in turn if event is not None], has_more


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

    Another process may have left us what is behind our events, so we look again after them. What
    stands ahead of them may have others ahead of it, so we look back until there are none.
    """
    since = min(at for _, at, _ in named) - TOGETHER
    until = max(work.now, *(at for _, at, _ in named)) + TOGETHER
    theirs = {event_id for _, _, event_id in named}

    def around() -> list[OutboxEvent]:
        return work.ports.store.undelivered(shard, until, LOOK, since=since)

    found = around()
    while len(found) < LOOK and (sooner := _begins(found, theirs, since)) < since:
        since = sooner
        found = around()
    found += _beyond(work.ports, named, found)
    ours = {lines.line_of(event) for event in found if event.id in theirs}
    work.tally += Counter(told_before=len(theirs - {event.id for event in found}))
    seen: set[str] = set()
    while coming := [e for e in lines.ready(found, ours, work.now) if e.id not in seen]:
        seen |= {event.id for event in coming}
        work.deliver(coming)
        found = around()


def _begins(found: Sequence[OutboxEvent], named: Collection[str], since: datetime) -> datetime:
    """Returns from when on events have to be seen, so that none is delivered before an earlier one
    of its line."""
    ours = {lines.line_of(event) for event in found if event.id in named}
    ahead = (event.at - TOGETHER for event in found if lines.line_of(event) in ours)
    return min(ahead, default=since)


def _beyond(
    ports: Ports, named: Sequence[Named], found: Sequence[OutboxEvent]
) -> list[OutboxEvent]:
    """Reads named events by themselves where there were too many around them to see them all."""
    if len(found) < LOOK:
        return []
    seen = {event.id for event in found}
    read = [ports.store.outbox_event(*each) for each in named if each[2] not in seen]
    return sorted(filter(None, read), key=lambda event: event.at)
