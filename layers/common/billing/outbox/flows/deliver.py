"""Delivers outbox events: each is mailed once, its invoice numbered first (R-8, M-7).

An event is claimed, delivered, and removed; one that is not mailed has its reason written on it
first. A crash in between leaves a claim that expires, and the sweep delivers the event then; the
mail's Message-ID is the event's, so that a mail sent twice is one.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import zip_longest

from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.flows.walks import rotated
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.writes import Change, Remove
from billing.runtime import telemetry

CLAIM = timedelta(minutes=5)
SWEEP_AFTER = timedelta(minutes=2)
"""The age from which the sweep delivers an event that the stream has not."""

EVERY = timedelta(minutes=5)
"""The interval of the sweep."""

READ_AT_MOST = 6400
"""The most events that are read of one shard, unless all of them are claimed."""

WAIT = timedelta(hours=1)
"""The delay of an event whose merchant is disarmed (W-5), and the longest delay of one that could
not be delivered."""

PASSING = frozenset(
    {
        EventKind.RENEWAL_UPCOMING,
        EventKind.TRIAL_ENDING,
        EventKind.CARD_EXPIRING,
        EventKind.LINK_ASKED,
        EventKind.RESET_ASKED,
        EventKind.EMAIL_ASKED,
        EventKind.TICKET_ASKED,
    }
)
"""Kinds of events that are no longer true, or no longer wanted, when they are delivered late."""


def sweep(
    ports: Ports,
    *,
    now: datetime,
    limit: int = 100,
    keep_going: Callable[[], bool] = lambda: True,
) -> Counter[str]:
    """Delivers the events that the stream left undelivered, beginning with another shard each time.

    An event that our code breaks on holds up no other: its error is raised once the others are
    delivered.
    """
    tally: Counter[str] = Counter()
    first: Exception | None = None
    for shard in rotated(range(ports.operation.shards), now, EVERY):
        for event in _undelivered(ports, shard, now, limit, tally):
            if not keep_going():
                tally["left"] += 1
                continue
            try:
                tally += _deliver_one(ports, event, now)
            except Exception as error:
                first = first or error
                _put_off(ports, event, now + CLAIM)
    if first is not None:
        raise first
    return tally


def _undelivered(
    ports: Ports, shard: int, now: datetime, limit: int, tally: Counter[str]
) -> list[OutboxEvent]:
    """Lists a shard's events that nobody has claimed and that need not wait, up to `limit`.

    They take turns by merchant, another merchant first each time; of each merchant the event that
    could be delivered for the longest time comes first. A merchant that is disarmed or out of reach
    holds up no other.
    """
    lines: dict[str, list[OutboxEvent]] = defaultdict(list)
    last: OutboxEvent | None = None
    read = 0
    while read < READ_AT_MOST or not lines:
        found = ports.store.undelivered(shard, now - SWEEP_AFTER, limit, after=last)
        for event in found:
            if event.claimed_until is not None and event.claimed_until > now:
                tally["claimed"] += 1
                continue
            line = lines[event.merchant]
            insort(line, event, key=_deliverable_at)
            del line[limit:]
        if len(found) < limit:
            break
        last, read = found[-1], read + len(found)
    merchants = rotated(sorted(lines), now, EVERY * ports.operation.shards)
    turns = zip_longest(*(lines[merchant] for merchant in merchants))
    return [event for turn in turns for event in turn if event is not None]


def _deliverable_at(event: OutboxEvent) -> datetime:
    return event.claimed_until or event.at


def _put_off(ports: Ports, event: OutboxEvent, until: datetime) -> None:
    """Moves an event that could not be delivered behind the others, unless it was delivered
    since."""
    found = ports.store.outbox_event(event.shard, event.at, event.id)
    if found is not None:
        try:
            ports.store.commit(Change(found, replace(found, claimed_until=until)))
        except Conflict:
            return


def deliver(
    ports: Ports, events: Sequence[tuple[int, datetime, str]], *, now: datetime
) -> Counter[str]:
    """Delivers the events of (shard, written at, id), as the stream names them, if they are
    undelivered.

    An event that our code breaks on holds up no other: its error is raised once the others are
    delivered.
    """
    tally: Counter[str] = Counter()
    first: Exception | None = None
    for shard, at, event_id in events:
        event = ports.store.outbox_event(shard, at, event_id)
        if event is None:
            tally["told_before"] += 1
            continue
        try:
            tally += _deliver_one(ports, event, now)
        except Exception as error:
            first = first or error
    if first is not None:
        raise first
    return tally


def _deliver_one(ports: Ports, event: OutboxEvent, now: datetime) -> Counter[str]:
    """Delivers one event; a failure is counted and left to the next sweep."""
    if event.claimed_until is not None and event.claimed_until > now:
        return Counter(claimed=1)
    try:
        merchant = ports.store.merchant(event.merchant)
        assert merchant is not None, "a merchant is never removed"
        if _waits(ports, event, merchant):
            ports.store.commit(Change(event, replace(event, claimed_until=now + WAIT)))
            return Counter(waiting=1)
        claimed = replace(event, claimed_until=now + CLAIM)
        ports.store.commit(Change(event, claimed))
        with telemetry.under(event.correlation):
            left_out = _handle(ports, event, merchant, now)
            if left_out is not None:
                claimed = _mark_left_out(ports, claimed, left_out)
        ports.store.commit(Remove(claimed, expecting=("claimed_until",)))
    except Conflict:
        return Counter(conflict=1)
    except Unavailable:
        _put_off(ports, event, now + min(max(CLAIM, now - event.at), WAIT))
        return Counter(unsent=1)
    return Counter(told=1) if left_out is None else Counter(left_out=1)


def _mark_left_out(ports: Ports, claimed: OutboxEvent, reason: LeftOut) -> OutboxEvent:
    """Writes on the event why it is not mailed, before it is removed: so an event that was left out
    can be told from one that was lost."""
    after = replace(claimed, left_out=reason)
    ports.store.commit(Change(claimed, after, expecting=("claimed_until",)))
    telemetry.happened("mail left out", kind=claimed.kind.value, why=reason.value)
    return after


def _waits(ports: Ports, event: OutboxEvent, merchant: Merchant) -> bool:
    """Tests whether nothing may go out for its merchant here (W-5): the event is delivered once it
    may, unless that is too late."""
    return not merchant.armed_in(ports.operation.environment) and event.kind not in PASSING


def _handle(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> LeftOut | None:
    return ports.handle(ports, event, merchant, now)
