"""The worker of outgoing webhooks: it sends events to merchants' endpoints, and nothing else."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from billing.aws.sqs_queue import leases_in
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.values import replace
from billing.runtime import deadline, telemetry, wiring
from billing.webhooks.deliveries import LEASE, SOON
from billing.webhooks.endpoints import MOST_ENDPOINTS
from billing.webhooks.flows import attempt

MILLISECONDS_TO_FINISH = 20_000
"""An attempt takes 15 seconds at most, and is noted after it."""

EACH = wiring.at_once(MOST_ENDPOINTS)
"""A thread for each endpoint of an event: none waits for one that does not answer."""


@telemetry.observed
def deliver(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Makes the attempts that the event names, and those that follow within seconds.

    What it does not get to comes back when its lease ends.
    """
    ports = replace(wiring.ports(), each=EACH)
    has_time = deadline.has_time(context, to_finish=MILLISECONDS_TO_FINISH)
    correlation, leases = leases_in(event)
    tally: Counter[str] = Counter()
    with telemetry.under(correlation):
        taken = attempt.take(ports, leases, keep_going=has_time)
        tally += taken.tally
        while taken.soon and has_time():
            taken = attempt.take(ports, _awaited(ports, taken.soon), keep_going=has_time)
            tally += taken.tally
    telemetry.tally(tally, "webhook_")
    return dict(tally)


def _awaited(ports: Ports, soon: Sequence[Due]) -> list[Due]:
    """Leases attempts that come soon, and waits for them."""
    leases = ports.store.lease_each(soon, ports.clock() + LEASE)
    wait = max((due.due_at for due in soon), default=ports.clock()) - ports.clock()
    time.sleep(min(max(0.0, wait.total_seconds()), SOON.total_seconds()))
    return leases
