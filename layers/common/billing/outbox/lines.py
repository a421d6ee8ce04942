"""The order of outbox events: those of one purchase are delivered one after the other (R-8).

The stream does not keep it. Lambda hands several batches of a shard out at the same time, and keeps
the order of changes of the same item only, while each event is an item of its own. So whoever
delivers an event looks for those written shortly before it, which share its outbox shard.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from billing.kernel.outbox_events import OutboxEvent

CLAIM = timedelta(minutes=5)
"""The time that a deliverer has an event to itself; its function ends long before."""

SKEW = timedelta(minutes=1)
"""More than two clocks may differ by."""

Line = tuple[str, str]
"""A merchant, and what some events of theirs are about."""


def line_of(event: OutboxEvent) -> Line:
    """Returns the line of an event: its purchase or its ticket, or the event alone."""
    about = event.subscription
    if about is None and event.invoice is not None:
        about = event.invoice.rpartition(".")[0]
    if about is None and event.ticket_was is not None:
        about = (event.code or "").partition("~")[0]
    return event.merchant, about or event.id


def rounds(events: Iterable[OutboxEvent]) -> list[list[OutboxEvent]]:
    """Splits events into rounds with at most one event of each line.

    The events of a round may be delivered in any order, the rounds are delivered in theirs.
    """
    before: Counter[Line] = Counter()
    found: dict[int, list[OutboxEvent]] = defaultdict(list)
    for event in events:
        line = line_of(event)
        found[before[line]].append(event)
        before[line] += 1
    return [found[number] for number in range(len(found))]


def ready(
    events: Iterable[OutboxEvent], lines: Collection[Line], now: datetime
) -> list[OutboxEvent]:
    """Returns those events of these lines that may be delivered now.

    `events` are oldest first. Behind an event that another deliverer has just claimed the rest of
    its line waits: that deliverer goes on with it. An event that failed, or waits for its merchant,
    keeps none waiting.
    """
    under_way: set[Line] = set()
    found: list[OutboxEvent] = []
    for event in events:
        line = line_of(event)
        if line not in lines or line in under_way:
            continue
        if not is_claimed(event, now):
            found.append(event)
        elif _is_under_way(event, now):
            under_way.add(line)
    return found


def is_claimed(event: OutboxEvent, now: datetime) -> bool:
    """Tests whether somebody delivers an event just now, or it was put off."""
    return event.claimed_until is not None and event.claimed_until > now


def _is_under_way(event: OutboxEvent, now: datetime) -> bool:
    """Tests whether a claimed event is delivered for the first time."""
    claimed_until = event.claimed_until
    assert claimed_until is not None, "only claimed events are asked about"
    return not event.failures and claimed_until <= now + CLAIM + SKEW
