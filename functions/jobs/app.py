"""Background jobs: each message is the turn of one owner's jobs, and does one slice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from billing.aws.sqs_queue import by_sweep
from billing.jobs.flows import worker
from billing.runtime import deadline, job_kinds, telemetry, wiring

MILLISECONDS_TO_FINISH = 20_000


@telemetry.observed
def run(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Does the slices that the queue's messages name.

    A message that fails comes again and is stale by then: the lease brings the job back.
    """
    ports = wiring.ports()
    keep_going = deadline.has_time(context, to_finish=MILLISECONDS_TO_FINISH)
    tally: Counter[str] = Counter()
    messages, failed = by_sweep(event["Records"])
    for correlation, of_one_sweep in messages.items():
        with telemetry.under(correlation):
            done, lost, broken = worker.take_all(
                ports, job_kinds.KINDS, of_one_sweep, now=ports.clock(), keep_going=keep_going
            )
            telemetry.messages_failed(lost | broken)
        tally += done
        failed |= lost
    telemetry.tally(tally, "job_")
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed], **tally}
