"""The rebill engine's two ends: the sweep (schedule -> queue) and the charge (queue -> gateway)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing.aws.sqs_queue import by_sweep
from billing.rebill.flows import sweep as rebill_sweep
from billing.runtime import deadline, telemetry, wiring

MILLISECONDS_TO_FINISH = 15_000


@telemetry.observed
def sweep(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Claims what is due at the schedule's own time and enqueues it.

    A replayed event takes nothing twice.

    `{"dry_run": true}` only counts.
    """
    tally = rebill_sweep.due(
        wiring.ports(),
        now=datetime.fromisoformat(event["time"]),
        dry_run=bool(event.get("dry_run")),
        keep_going=deadline.has_time(context, to_finish=MILLISECONDS_TO_FINISH),
    )
    telemetry.tally(tally, "sweep_")
    return dict(tally)


@telemetry.observed
def charge(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Charges what the queue's messages name, all together.

    A message that fails comes again by itself.
    """
    from billing.rebill.flows import worker  # the sweep, a function of its own, starts without

    ports = wiring.ports()
    tally: Counter[str] = Counter()
    messages, failed = by_sweep(event["Records"])
    for correlation, of_one_sweep in messages.items():
        with telemetry.under(correlation):
            done, broken = worker.take_all(ports, of_one_sweep, now=ports.clock())
            telemetry.messages_failed(broken)
        tally += done
        failed |= broken
    telemetry.tally(tally, "charge_")
    unanswered = {"trouble": tally["unreachable"]}
    telemetry.tally(unanswered, "gateway_")
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed], **tally}
