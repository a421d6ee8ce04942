"""What is due, looked at in turn: what every sweep but that of charges walks through.

The longest overdue comes first, whichever shard it is in. What cannot be finished is put behind
everything that was due with it, so that nothing is held up for longer than its place in the line.
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
"""What was due so long ago, a run before this one was to look at it, and perhaps died of it."""

Look = Callable[[Due], str | Due]
"""What became of an alarm, or the alarm under which it is gone on with once the others had their
turn."""


def overdue(ports: Ports, kind: DueKind, *, now: datetime, limit: int) -> list[Due]:
    """The alarms of one kind that are due, longest first, up to `limit` of each shard."""
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
    """Look at each alarm while there is time; what is left stays due, and is first next time.

    What meets another writer or an outage is put behind the others, what our code breaks on comes
    again a lease later; such an error is raised when the others are seen to.
    """
    tally: Counter[str] = Counter()
    first: Exception | None = None
    line = deque(dues)
    while line and keep_going():
        due = line.popleft()
        try:
            seen = _looked(ports, due, look, now)
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
    """Have an alarm that still stands as it was read come again at `until`."""
    ports.store.lease_each([due], until)


def _looked(ports: Ports, due: Due, look: Look, now: datetime) -> str | Due:
    if due.due_at > now - LATE:
        return look(due)
    # Put behind the others beforehand: whoever dies of it again has held up nobody.
    claimed = ports.store.lease_each([due], now)
    return look(claimed[0]) if claimed else "stale"
