"""What is due, shard by shard: what every sweep but that of charges walks through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from billing.alarms import Alarm
from billing.ports import Ports
from billing.storage import Due


def ringing(
    ports: Ports, kind: Alarm, *, now: datetime, limit: int, keep_going: Callable[[], bool]
) -> Iterator[Due]:
    """The alarms of one kind that are due, up to `limit` of each shard, the overdue first; none
    more once there is no time left. What is left stays due."""
    for shard in range(ports.operation.shards):
        for due in ports.store.due(kind, shard, now, limit):
            if not keep_going():
                return
            yield due
