"""Processes due items one by one; every sweep but that of charges uses it.

The longest overdue comes first, in whichever shard. An item that cannot be finished is put behind
everything that was due with it, so that it delays no other for longer than its place in the queue.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import chain

from billing.kernel.due import DueKind
from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.ports import Ports
from billing.kernel.storage import Due

LATE = timedelta(minutes=10)
"""An item overdue for this long was due in an earlier run, which perhaps crashed on it."""

Look = Callable[[Due], str | Due]
"""Processes one due item.

It returns the outcome, or the due item to continue with after the others had their turn.
"""


def overdue(ports: Ports, kind: DueKind, *, now: datetime, limit: int) -> list[Due]:
    """Returns the due items of one kind, longest overdue first, up to `limit` of each shard."""
    shards = range(ports.operation.shards)
    found = chain.from_iterable(ports.store.due(kind, shard, now, limit) for shard in shards)
    return sorted(found, key=lambda due: due.due_at)


def answer(
    ports: Ports,
    dues: Sequence[Due],
    look: Look,
    *,
    now: datetime,
    keep_going: Callable[[], bool],
) -> Counter[str]:
    """Processes each due item while there is time; the rest stays due, and is first next time.

    An item that meets another writer or an outage is put behind the others; one that raises an
    error of our own comes again a lease later, and that error is raised after the others were
    processed.
    """
    tally: Counter[str] = Counter()
    first: Exception | None = None
    line = deque(dues)
    while line and keep_going():
        due = line.popleft()
        try:
            seen = _process(ports, due, look, now)
        except (Conflict, Unavailable) as expected:
            seen = expected.code
            put_off(ports, due, now)
        except Exception as error:
            first, seen = first or error, "failed"
            put_off(ports, due, now + ports.operation.lease)
        if isinstance(seen, Due):
            line.append(seen)
        else:
            tally[seen] += 1
    if first is not None:
        raise first
    return tally


def put_off(ports: Ports, due: Due, until: datetime) -> None:
    """Moves a due date to `until`, if it is still as it was read."""
    ports.store.lease_each([due], until)


def _process(ports: Ports, due: Due, look: Look, now: datetime) -> str | Due:
    if due.due_at > now - LATE:
        return look(due)
    # Put behind the others first, so that another crash on it delays no other item.
    claimed = ports.store.lease_each([due], now)
    return look(claimed[0]) if claimed else "stale"
