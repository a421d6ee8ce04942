"""The sweep: claims what is due and queues it, at the gateway's pace (R-1, R-2).

Merchants take turns, so that a merchant with a wall of renewals delays those of others by no more
than the work of one minute, which is the most that a sweep queues beyond each one's first turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from billing.kernel.due import DueKind
from billing.kernel.errors import Unavailable
from billing.kernel.flows.walks import rotated
from billing.kernel.ports import Ports
from billing.kernel.storage import Due

EVERY = timedelta(minutes=1)
"""The interval between two sweeps."""

TURN = 25
"""The claims of a merchant in one turn; they fill a message."""

LOOKS_AT = 5_000
"""The rows of a shard that are looked at from either end, or its share of two minutes' work if that
is more."""

AT_ONCE = 1_000
"""The claims that are taken before they are queued, so that a run that ends leaves few unqueued."""

IN_A_CALL = 100
"""The claims of one write; several are made side by side."""


def due(
    ports: Ports,
    *,
    now: datetime,
    kinds: Sequence[DueKind] = (DueKind.CHECKOUT, DueKind.REFUND, DueKind.BILL),
    keep_going: Callable[[], bool] = lambda: True,
    dry_run: bool = False,
) -> Counter[str]:
    """Claims what is due and puts it on the queue; the tally counts `due` and `enqueued`.

    No more renewals wait on the queue than the gateways take within a claim, or claims would end
    there and be taken again; beyond the first turn of each merchant no more than they take in a
    minute. The rest stays due. Checkouts and refunds, for which people wait, have room of their
    own. The kinds take turns in being first. A replayed sweep finds the claims in force and takes
    nothing twice.
    """
    tally: Counter[str] = Counter()
    for kind in rotated(kinds, now, EVERY):
        if not keep_going():
            return tally
        rows = _rows(ports, kind, now)
        tally["due"] += len(rows)
        if dry_run or not rows:
            continue
        for leases in _claimed(ports, _share(ports, kind, rows), now):
            ports.queue.send(leases)
            tally["enqueued"] += len(leases)
            if len(leases) == AT_ONCE and not keep_going():
                break
    return tally


def _rows(ports: Ports, kind: DueKind, now: datetime) -> list[Due]:
    """Lists what is due of a kind, earliest first; of very many the earliest and the latest.

    So what became due behind a wall is found, however long the wall is.
    """
    shards = range(ports.operation.shards)
    limit = max(LOOKS_AT, round(2 * _in_a_minute(ports) / len(shards)))
    found: dict[Due, None] = {}
    for shard in shards:
        rows = ports.store.due(kind, shard, now, limit)
        found |= dict.fromkeys(rows)
        if len(rows) == limit:
            latest = ports.store.due(kind, shard, now, LOOKS_AT, newest_first=True)
            found |= dict.fromkeys(latest)
    return sorted(found, key=lambda due: due.due_at)


def _share(ports: Ports, kind: DueKind, rows: Sequence[Due]) -> Iterable[Due]:
    """Returns those rows that may be claimed now, in the turns of their merchants."""
    turns = _in_turns(rows)
    most = ports.operation.renewals_per_second * ports.operation.lease_seconds
    if kind is not DueKind.BILL:
        return islice((row for _, row in turns), int(most))
    waiting = ports.queue.waiting()
    first = sum(turn == 0 for turn, _ in turns)
    share = min(max(first, _in_a_minute(ports) - waiting), most - waiting)
    return islice((row for _, row in turns), max(0, int(share)))


def _in_a_minute(ports: Ports) -> float:
    return ports.operation.renewals_per_second * EVERY.total_seconds()


def _in_turns(rows: Iterable[Due]) -> list[tuple[int, Due]]:
    """Returns rows with the number of their turn, those of a merchant's turn together; who has
    waited longest is first in a turn."""
    seen: Counter[str] = Counter()
    place: dict[str, int] = {}
    turns: list[tuple[int, Due]] = []
    for row in rows:
        merchant = row.owner[0]
        place.setdefault(merchant, len(place))
        turns.append((seen[merchant] // TURN, row))
        seen[merchant] += 1
    return sorted(turns, key=lambda each: (each[0], place[each[1].owner[0]]))


def _claimed(ports: Ports, rows: Iterable[Due], now: datetime) -> Iterator[list[Due]]:
    """Claims rows, some at a time; yields the claims that are ours."""
    remaining, until = iter(rows), now + ports.operation.lease

    def claim(some: Sequence[Due]) -> list[Due]:
        return ports.store.lease_each(some, until)

    while some := list(islice(remaining, AT_ONCE)):
        parts = [some[start : start + IN_A_CALL] for start in range(0, len(some), IN_A_CALL)]
        answers = ports.each(claim, parts)
        leases = [row for part in answers if not isinstance(part, Unavailable) for row in part]
        # The first use of the queue builds a client, a third of a cold start.
        if leases:
            yield leases
        for answer in answers:
            if isinstance(answer, Unavailable):
                raise answer
